/*
 * assigner: see assigner.h.
 */
#include "poller/assign/assigner.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "poller/quota/call_metrics.h"
#include "poller/quota/quota.h"
#include "poller/quota/usage.h"
#include "poller/store/store.h"

/* How often calls are counted. */
#define ACCOUNT_MS 60000

/* A tenant's assigner, with what outlives its single reservations. */
struct assigner_slot {
	struct tenant_assigner assigner;
	struct skew skew;
	uint64_t calls[PROFILE_CALLS]; /* those counted in the state already */
	bool allowed;                  /* the CRM may be changed */
	bool reported;                 /* that it may not was logged */
};

static void
report_forbidden(struct assigners *all, struct assigner_slot *slot)
{
	const struct tenant *t = slot->assigner.tenant;

	if (slot->reported)
		return;
	slot->reported = true;
	all->opt->failed(all->opt->ctx, PROG_CONFIG);
	log_error("tenant %s: nothing is changed at its CRM; set assign = yes "
		  "in [%s] to have chats given to operators",
	    t->name, t->section);
}

static void
open_slot(struct assigners *all, size_t i)
{
	const struct assigners_options *opt = all->opt;
	struct assigner_slot *slot = &all->slots[i];

	slot->assigner = opt->defaults;
	slot->assigner.tenant = &opt->tenants[i];
	slot->assigner.skew = &slot->skew;
	slot->assigner.fetch =
	    fetch_new(all->http, &opt->tenants[i], &slot->skew);
	slot->allowed = opt->tenants[i].assign || opt->defaults.dry_run;
}

int
assigners_open(struct assigners *all, const struct assigners_options *opt)
{
	bool any = false;
	size_t i;

	*all = (struct assigners){ .opt = opt, .http = http_new() };
	all->slots = xcalloc(opt->tenants_n + 1, sizeof *all->slots);
	for (i = 0; i < opt->tenants_n; i++) {
		open_slot(all, i);
		any = any || all->slots[i].allowed;
	}
	for (i = 0; !any && i < opt->tenants_n; i++)
		report_forbidden(all, &all->slots[i]);
	return any ? 0 : -1;
}

void
assigners_release(struct assigners *all, bool one_shot)
{
	size_t i;

	for (i = 0; all->slots != NULL && i < all->opt->tenants_n; i++) {
		struct tenant_assigner *assigner = &all->slots[i].assigner;

		if (one_shot)
			all->opt->failed(all->opt->ctx, assigner->code);
		fetch_free(assigner->fetch);
		tenant_assigner_release(assigner);
	}
	free(all->slots);
	http_free(all->http);
	strmap_release(&all->unknown, NULL);
}

static void
report_unassignable(struct assigners *all, struct text tenant)
{
	void **known = strmap_put(&all->unknown, tenant.p, tenant.len);

	if (*known != NULL)
		return;
	*known = all;
	all->opt->failed(all->opt->ctx, PROG_CONFIG);
	log_error("chats of tenant '%.*s' cannot be given to operators: it is "
		  "not configured, wrongly, or left out; see the [crm NAME] "
		  "sections",
	    TEXT_ARG(tenant));
}

struct tenant_assigner *
assigners_find(struct assigners *all, struct text tenant)
{
	size_t i;

	for (i = 0; i < all->opt->tenants_n; i++) {
		if (!text_is(tenant, all->opt->tenants[i].name))
			continue;
		if (all->slots[i].allowed)
			return &all->slots[i].assigner;
		report_forbidden(all, &all->slots[i]);
		return NULL;
	}
	report_unassignable(all, tenant);
	return NULL;
}

size_t
assigners_in_flight(const struct assigners *all)
{
	size_t i, n = 0;

	for (i = 0; i < all->opt->tenants_n; i++)
		n += fetch_left(all->slots[i].assigner.fetch);
	return n;
}

void
assigners_turn(struct assigners *all, int64_t wait_ms)
{
	struct http_answer *answer;
	int64_t w;
	size_t i;

	for (i = 0; i < all->opt->tenants_n; i++) {
		w = fetch_step(all->slots[i].assigner.fetch);
		wait_ms = w < wait_ms ? w : wait_ms;
	}
	if (assigners_in_flight(all) == 0)
		return;
	http_wait(all->http, wait_ms);
	while ((answer = http_next(all->http)) != NULL)
		fetch_answer(answer);
}

void
assigners_add_calls(
    const struct assigners *all, struct buf *to, const char *labels)
{
	size_t i;

	call_metrics_head(to);
	for (i = 0; i < all->opt->tenants_n; i++)
		if (all->slots[i].allowed)
			call_metrics_add(to, labels, "assign",
			    all->opt->tenants[i].name,
			    fetch_results(all->slots[i].assigner.fetch));
}

/* Adds the calls since the last time to the state. */
static enum exit_code
count_calls_in(
    struct store *s, struct assigner_slot *slot, bool first, struct buf *why)
{
	struct fetch *fetch = slot->assigner.fetch;
	const uint64_t *calls = fetch_calls(fetch);
	uint64_t n = usage_calls(calls) - usage_calls(slot->calls);
	enum exit_code code;
	int64_t now;

	if (first)
		slot->skew.offset_ms = store_number(s, "skew", 0);
	now = skew_apply(&slot->skew, clock_now_ms());
	usage_add_run(s, USAGE_ASSIGN, now, n);
	usage_add_month(s, USAGE_ASSIGN, now, n);
	quota_keep_hold(s, fetch, now);
	quota_apply_hold(s, fetch, now);
	code = store_commit(s, why);
	if (code == PROG_OK)
		memcpy(slot->calls, calls, sizeof slot->calls);
	return code;
}

/* The state is opened for this moment only, since a poll uses it as well. */
static void
account_slot(struct assigners *all, struct assigner_slot *slot)
{
	const char *tenant = slot->assigner.tenant->name;
	struct buf why = BUF_INIT;
	enum exit_code code = PROG_OK;
	struct store *s =
	    store_open(all->opt->state, tenant, STORE_SHARED, &code, &why);

	if (s != NULL)
		code = count_calls_in(s, slot, all->accounted_ms == 0, &why);
	store_close(s);
	if (code != PROG_OK)
		log_warn("tenant %s: %s", tenant, buf_str(&why));
	buf_release(&why);
}

void
assigners_account(struct assigners *all, bool at_once)
{
	size_t i;

	if (all->opt->state == NULL ||
	    (!at_once && all->accounted_ms + ACCOUNT_MS > clock_mono_ms()))
		return;
	for (i = 0; i < all->opt->tenants_n; i++)
		if (all->slots[i].allowed)
			account_slot(all, &all->slots[i]);
	all->accounted_ms = clock_mono_ms();
}
