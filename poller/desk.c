/*
 * desk: see desk.h.
 */
#include "poller/desk.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "poller/gate.h"
#include "poller/store.h"
#include "poller/usage.h"

/* How often calls are counted. */
#define ACCOUNT_MS 60000

struct desk {
	struct clerk clerk;
	struct skew skew;
	uint64_t calls[PROFILE_CALLS]; /* counted so far */
	bool may, told;
};

static void
tell_forbidden(struct desks *all, struct desk *d)
{
	if (d->told)
		return;
	d->told = true;
	poller_failed(all->poller, PROG_CONFIG);
	log_error("tenant %s: nothing is changed at its CRM; set assign = yes "
		  "in [%s] to have chats given to operators",
	    d->clerk.tenant->name, d->clerk.tenant->section);
}

int
desks_open(struct desks *d, struct poller *p, const struct clerk *like)
{
	bool any = false;
	size_t i;

	*d = (struct desks){ .poller = p, .http = http_new() };
	d->all = xcalloc(p->tenants_n + 1, sizeof *d->all);
	for (i = 0; i < p->tenants_n; i++) {
		struct desk *one = &d->all[i];

		one->clerk = *like;
		one->clerk.tenant = &p->tenants[i];
		one->clerk.skew = &one->skew;
		one->clerk.fetch =
		    fetch_new(d->http, &p->tenants[i], &one->skew);
		one->may = p->tenants[i].assign || like->dry_run;
		any = any || one->may;
	}
	for (i = 0; !any && i < p->tenants_n; i++)
		tell_forbidden(d, &d->all[i]);
	return any ? 0 : -1;
}

void
desks_release(struct desks *d, bool by_hand)
{
	size_t i;

	for (i = 0; d->all != NULL && i < d->poller->tenants_n; i++) {
		if (by_hand)
			poller_failed(d->poller, d->all[i].clerk.code);
		fetch_free(d->all[i].clerk.fetch);
		clerk_release(&d->all[i].clerk);
	}
	free(d->all);
	http_free(d->http);
	strmap_release(&d->unknown, NULL);
}

static void
tell_unknown(struct desks *d, struct text tenant)
{
	void **slot = strmap_put(&d->unknown, tenant.p, tenant.len);

	if (*slot != NULL)
		return;
	*slot = d;
	poller_failed(d->poller, PROG_CONFIG);
	log_error("chats of tenant '%.*s' cannot be given to operators: it is "
		  "not configured, wrongly, or left out; see the [crm NAME] "
		  "sections",
	    TEXT_ARG(tenant));
}

struct clerk *
desks_find(struct desks *d, struct text tenant)
{
	size_t i;

	for (i = 0; i < d->poller->tenants_n; i++) {
		if (!text_is(tenant, d->poller->tenants[i].name))
			continue;
		if (d->all[i].may)
			return &d->all[i].clerk;
		tell_forbidden(d, &d->all[i]);
		return NULL;
	}
	tell_unknown(d, tenant);
	return NULL;
}

size_t
desks_flying(const struct desks *d)
{
	size_t i, n = 0;

	for (i = 0; i < d->poller->tenants_n; i++)
		n += fetch_left(d->all[i].clerk.fetch);
	return n;
}

void
desks_turn(struct desks *d, int64_t wait_ms)
{
	struct http_answer *answer;
	int64_t w;
	size_t i;

	for (i = 0; i < d->poller->tenants_n; i++) {
		w = fetch_step(d->all[i].clerk.fetch);
		wait_ms = w < wait_ms ? w : wait_ms;
	}
	if (desks_flying(d) == 0)
		return;
	http_wait(d->http, wait_ms);
	while ((answer = http_next(d->http)) != NULL)
		fetch_answer(answer);
}

/* The state is open for a moment only: a poll uses it as well. */
static void
account(struct desks *all, struct desk *d)
{
	const struct tenant *t = d->clerk.tenant;
	const uint64_t *calls = fetch_calls(d->clerk.fetch);
	struct buf why = BUF_INIT;
	struct usage u = { .runs = 1 };
	enum exit_code code;
	struct store *s;
	int64_t now;
	size_t i;

	s = store_open(
	    poller_state(all->poller), t->name, STORE_SHARED, &code, &why);
	if (s != NULL) {
		if (all->accounted_ms == 0)
			d->skew.offset_ms = store_number(s, "skew", 0);
		now = skew_apply(&d->skew, clock_now_ms());
		for (i = 0; i < PROFILE_CALLS; i++)
			u.calls[i] = calls[i] - d->calls[i];
		usage_add_run(s, USAGE_ASSIGN, now, &u);
		usage_add_month(s, USAGE_ASSIGN, now, usage_calls(u.calls));
		gate_keep(s, d->clerk.fetch, now);
		if (gate_check(t, s, d->clerk.fetch, now) != PROG_OK)
			fetch_limit(d->clerk.fetch, 0);
		if (store_commit(s, &why) == PROG_OK)
			memcpy(d->calls, calls, sizeof d->calls);
	}
	store_close(s);
	if (why.len > 0)
		log_warn("tenant %s: %s", t->name, buf_str(&why));
	buf_release(&why);
}

void
desks_account(struct desks *d, bool at_once)
{
	size_t i;

	if (poller_state(d->poller) == NULL ||
	    (!at_once && d->accounted_ms + ACCOUNT_MS > clock_mono_ms()))
		return;
	for (i = 0; i < d->poller->tenants_n; i++)
		if (d->all[i].may)
			account(d, &d->all[i]);
	d->accounted_ms = clock_mono_ms();
}
