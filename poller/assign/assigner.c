/*
 * assigner: see assigner.h.
 */
#include "poller/assign/assigner.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "poller/crm/crm_session.h"
#include "poller/crm/store.h"

/* How often calls are counted. */
#define ACCOUNT_MS 60000

struct assigner_slot {
	struct tenant_assigner assigner;
	bool allowed;  /* the CRM may be changed */
	bool reported; /* that it may not was logged */
};

static void
report_forbidden(struct assigners *all, struct assigner_slot *slot)
{
	const struct tenant *t = slot->assigner.crm.tenant;

	if (slot->reported)
		return;
	slot->reported = true;
	all->opt->failed(all->opt->ctx, PROG_CONFIG);
	log_error("tenant %s: nothing is changed at its CRM; set assign = yes "
		  "in [%s] to have chats given to operators",
	    t->name, t->section);
}

/* NULL if there is none, or it cannot be used, which is logged. Opened each
 * time: it may have been removed, as its messages advise. */
static struct store *
open_state(const char *folder, const char *tenant)
{
	struct buf why = BUF_INIT;
	struct store *store = NULL;
	enum exit_code code;

	if (folder != NULL)
		store = store_open(folder, tenant, STORE_COUNTING, &code, &why);
	if (why.len > 0)
		log_warn("tenant %s: %s", tenant, buf_str(&why));
	buf_release(&why);
	return store;
}

static void
open_slot(struct assigners *all, size_t i)
{
	const struct assigners_options *opt = all->opt;
	struct assigner_slot *slot = &all->slots[i];

	struct crm_session *crm = &slot->assigner.crm;

	slot->assigner = opt->defaults;
	slot->allowed = opt->tenants[i].assign || opt->defaults.dry_run;
	crm_session_open(crm, all->http, &opt->tenants[i], USAGE_ASSIGN,
	    slot->allowed ? open_state(opt->state, opt->tenants[i].name)
			  : NULL);
	store_close(crm->store);
	crm->store = NULL;
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
			all->opt->failed(all->opt->ctx, assigner->crm.code);
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
		n += fetch_left(all->slots[i].assigner.crm.fetch);
	return n;
}

void
assigners_turn(struct assigners *all, int64_t wait_ms)
{
	struct http_answer *answer;
	int64_t w;
	size_t i;

	for (i = 0; i < all->opt->tenants_n; i++) {
		w = fetch_step(all->slots[i].assigner.crm.fetch);
		wait_ms = w < wait_ms ? w : wait_ms;
	}
	if (assigners_in_flight(all) == 0)
		return;
	http_wait(all->http, wait_ms);
	while ((answer = http_next(all->http)) != NULL)
		fetch_answer(answer);
}

/* Appends the counts of the calls for Prometheus; see call_metrics_add(). */
static void
assigners_add_calls(
    const struct assigners *all, struct buf *to, const char *labels)
{
	size_t i;

	call_metrics_head(to);
	for (i = 0; i < all->opt->tenants_n; i++)
		if (all->slots[i].allowed)
			call_metrics_add(to, labels, "assign",
			    all->opt->tenants[i].name,
			    fetch_results(all->slots[i].assigner.crm.fetch));
}

static void
account_slot(const struct assigners *all, struct crm_session *crm)
{
	crm->store = open_state(all->opt->state, crm->tenant->name);
	crm_session_count(crm);
	store_close(crm->store);
	crm->store = NULL;
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
			account_slot(all, &all->slots[i].assigner.crm);
	all->accounted_ms = clock_mono_ms();
}

/* ---- assign metrics ---- */

/* A daemon_metrics_writer. */
static void
add_assign_metrics(void *ctx, struct buf *to, const char *labels)
{
	static const char ended[] = "messaging_assign_reservations_total",
			  in_hand[] = "messaging_assign_open_reservations";
	static const enum reservation_result results[] = {
		RESERVATION_FULFILLED,
		RESERVATION_CONFIRMED,
		RESERVATION_TAKEN,
		RESERVATION_CLOSED,
		RESERVATION_REFUSED,
		RESERVATION_EXPIRED,
		RESERVATION_FAILED,
	};
	const struct assign_counts *c = ctx;
	size_t i;

	prometheus_head(to, ended, PROMETHEUS_COUNTER,
	    "Reservations that ended: the operator got the chat (fulfilled) or "
	    "had it (confirmed), another one has it (taken), it is closed, the "
	    "CRM refused, it was too late (expired), an error left it undone "
	    "(failed).");
	for (i = 0; i < ARRAY_LEN(results); i++)
		prometheus_result(to, ended, labels,
		    reservation_result_names[results[i]], c->ended[results[i]]);
	prometheus_head(to, in_hand, PROMETHEUS_GAUGE,
	    "Reservations that were read and are not done with.");
	prometheus_sample(to, in_hand, labels, c->in_hand);
	assigners_add_calls(c->assigners, to, labels);
}

struct daemon_metrics *
assign_metrics_open(
    const struct conf *conf, const char *queue, struct assign_counts *counts)
{
	return daemon_metrics_open(conf, queue, add_assign_metrics, counts);
}
