/*
 * assigner: see assigner.h.
 */
#include "poller/assign/assigner.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "poller/quota/quota.h"
#include "poller/quota/usage.h"
#include "poller/store/store.h"

/* How often calls are counted. */
#define ACCOUNT_MS 60000

struct assigner {
	struct tenant_assigner assigner;
	struct skew skew;
	uint64_t calls[PROFILE_CALLS]; /* counted so far */
	bool may, told;
};

static void
tell_forbidden(struct assigners *all, struct assigner *d)
{
	if (d->told)
		return;
	d->told = true;
	all->opt->failed(all->opt->ctx, PROG_CONFIG);
	log_error("tenant %s: nothing is changed at its CRM; set assign = yes "
		  "in [%s] to have chats given to operators",
	    d->assigner.tenant->name, d->assigner.tenant->section);
}

int
assigners_open(struct assigners *d, const struct assigners_options *opt)
{
	bool any = false;
	size_t i;

	*d = (struct assigners){ .opt = opt, .http = http_new() };
	d->all = xcalloc(opt->tenants_n + 1, sizeof *d->all);
	for (i = 0; i < opt->tenants_n; i++) {
		struct assigner *one = &d->all[i];

		one->assigner = opt->like;
		one->assigner.tenant = &opt->tenants[i];
		one->assigner.skew = &one->skew;
		one->assigner.fetch =
		    fetch_new(d->http, &opt->tenants[i], &one->skew);
		one->may = opt->tenants[i].assign || opt->like.dry_run;
		any = any || one->may;
	}
	for (i = 0; !any && i < opt->tenants_n; i++)
		tell_forbidden(d, &d->all[i]);
	return any ? 0 : -1;
}

void
assigners_release(struct assigners *d, bool by_hand)
{
	size_t i;

	for (i = 0; d->all != NULL && i < d->opt->tenants_n; i++) {
		if (by_hand)
			d->opt->failed(d->opt->ctx, d->all[i].assigner.code);
		fetch_free(d->all[i].assigner.fetch);
		tenant_assigner_release(&d->all[i].assigner);
	}
	free(d->all);
	http_free(d->http);
	strmap_release(&d->unknown, NULL);
}

static void
tell_unknown(struct assigners *d, struct text tenant)
{
	void **slot = strmap_put(&d->unknown, tenant.p, tenant.len);

	if (*slot != NULL)
		return;
	*slot = d;
	d->opt->failed(d->opt->ctx, PROG_CONFIG);
	log_error("chats of tenant '%.*s' cannot be given to operators: it is "
		  "not configured, wrongly, or left out; see the [crm NAME] "
		  "sections",
	    TEXT_ARG(tenant));
}

struct tenant_assigner *
assigners_find(struct assigners *d, struct text tenant)
{
	size_t i;

	for (i = 0; i < d->opt->tenants_n; i++) {
		if (!text_is(tenant, d->opt->tenants[i].name))
			continue;
		if (d->all[i].may)
			return &d->all[i].assigner;
		tell_forbidden(d, &d->all[i]);
		return NULL;
	}
	tell_unknown(d, tenant);
	return NULL;
}

size_t
assigners_in_flight(const struct assigners *d)
{
	size_t i, n = 0;

	for (i = 0; i < d->opt->tenants_n; i++)
		n += fetch_left(d->all[i].assigner.fetch);
	return n;
}

void
assigners_turn(struct assigners *d, int64_t wait_ms)
{
	struct http_answer *answer;
	int64_t w;
	size_t i;

	for (i = 0; i < d->opt->tenants_n; i++) {
		w = fetch_step(d->all[i].assigner.fetch);
		wait_ms = w < wait_ms ? w : wait_ms;
	}
	if (assigners_in_flight(d) == 0)
		return;
	http_wait(d->http, wait_ms);
	while ((answer = http_next(d->http)) != NULL)
		fetch_answer(answer);
}

/* The state is open for a moment only: a poll uses it as well. */
static void
account(struct assigners *all, struct assigner *d)
{
	const struct tenant *t = d->assigner.tenant;
	const uint64_t *calls = fetch_calls(d->assigner.fetch);
	struct buf why = BUF_INIT;
	struct call_usage u = { .runs = 1 };
	enum exit_code code;
	struct store *s;
	int64_t now;
	size_t i;

	s = store_open(all->opt->state, t->name, STORE_SHARED, &code, &why);
	if (s != NULL) {
		if (all->accounted_ms == 0)
			d->skew.offset_ms = store_number(s, "skew", 0);
		now = skew_apply(&d->skew, clock_now_ms());
		for (i = 0; i < PROFILE_CALLS; i++)
			u.calls[i] = calls[i] - d->calls[i];
		usage_add_run(s, USAGE_ASSIGN, now, &u);
		usage_add_month(s, USAGE_ASSIGN, now, usage_calls(u.calls));
		quota_keep_hold(s, d->assigner.fetch, now);
		if (quota_check(t, s, d->assigner.fetch, now) != PROG_OK)
			fetch_limit(d->assigner.fetch, 0);
		if (store_commit(s, &why) == PROG_OK)
			memcpy(d->calls, calls, sizeof d->calls);
	}
	store_close(s);
	if (why.len > 0)
		log_warn("tenant %s: %s", t->name, buf_str(&why));
	buf_release(&why);
}

void
assigners_account(struct assigners *d, bool at_once)
{
	size_t i;

	if (d->opt->state == NULL ||
	    (!at_once && d->accounted_ms + ACCOUNT_MS > clock_mono_ms()))
		return;
	for (i = 0; i < d->opt->tenants_n; i++)
		if (d->all[i].may)
			account(d, &d->all[i]);
	d->accounted_ms = clock_mono_ms();
}
