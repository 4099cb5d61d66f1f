/*
 * pull_all: the poller's default mode: polls all tenants, several at a time.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/fault.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/digest/hash.h"
#include "common/endpoint/endpoint.h"
#include "common/os/stop.h"
#include "poller/chats/covered.h"
#include "poller/chats/left_state.h"
#include "poller/chats/pull.h"
#include "poller/crm/fetch.h"
#include "poller/crm/quota.h"
#include "poller/crm/tape.h"
#include "poller/modes/backfill.h"
#include "poller/modes/modes.h"

/* The number is large, so that tenants whose CRM does not answer delay no
 * others, but limited, because each tenant needs descriptors for its
 * connections and its state. */
#define TENANTS_AT_ONCE 64

struct pull_slot {
	size_t tenant;     /* its index */
	struct pull *pull; /* NULL: free */
};

/* The outcome of a tenant's poll. The times are 0 if there is nothing to
 * keep. */
struct pull_result {
	enum exit_code code;
	int64_t told, covered; /* pull_told(), pull_covered() */
	bool gap;              /* covered.h: there is a gap to fill */
};

struct pull_run {
	struct poller *poller;
	struct http *http;
	struct tape *tape; /* or NULL; borrowed */
	struct endpoint *to;
	struct pull_slot slots[TENANTS_AT_ONCE];
	struct pull_result *results; /* one for each tenant */
	size_t next;                 /* index of the next tenant to start */
	bool ended;                  /* a tenant's lines wait to be passed on */
};

static void
close_slot(struct pull_run *j, struct pull_slot *s)
{
	if (s->pull != NULL)
		j->results[s->tenant] =
		    (struct pull_result){ .code = pull_code(s->pull),
			    .told = pull_told(s->pull),
			    .covered = pull_covered(s->pull) };
	pull_free(s->pull);
	s->pull = NULL;
}

/* True if a person started this run and watches it. */
static bool
is_in_terminal(void)
{
	return isatty(STDERR_FILENO);
}

/* Call it right after store_open(). In a cron job, it is not an error if the
 * previous poll still holds the lock, but the figures get older. */
static void
report_no_state(const struct tenant *t, const char *why)
{
	if (errno == EWOULDBLOCK && !is_in_terminal())
		log_warn("tenant %s: this poll is skipped, because another "
			 "poller is running: %s",
		    t->name, why);
	else
		log_error("tenant %s: %s", t->name, why);
}

/* True if the poll is skipped so that the month's calls last. A poll started in
 * a terminal is always made. */
static bool
is_skipped(const struct tenant *t, struct store *store)
{
	int64_t now = clock_now_ms() + store_number(store, "skew", 0);
	unsigned interval = quota_interval(t, store, now);

	if (is_in_terminal() || !quota_is_recent(store, interval, now))
		return false;
	log_info("skipped", "tenant=%s interval_minutes=%u", t->name, interval);
	return true;
}

/* Starts the next tenant's poll, which fails immediately if its state cannot be
 * used. */
static void
begin_tenant_pull(struct pull_run *j, struct pull_slot *s)
{
	const char *state = j->tape == NULL ? poller_state(j->poller) : NULL;
	const struct tenant *t = &j->poller->tenants[j->next];
	struct store *store = NULL;
	struct buf why = BUF_INIT;

	s->tenant = j->next++;
	if (state != NULL) {
		store = store_open(state, t->name, STORE_EXCLUSIVE,
		    &j->results[s->tenant].code, &why);
		if (store == NULL) {
			report_no_state(t, buf_str(&why));
			buf_release(&why);
			return;
		}
		if (is_skipped(t, store)) {
			store_close(store);
			return;
		}
	}
	s->pull = pull_new(j->http, t, store, j->to);
}

/* Fills free slots. Returns the number of polls under way, and their clients.
 */
static size_t
begin_pulls(struct pull_run *j, struct fetch *fetches[TENANTS_AT_ONCE])
{
	size_t i, n = 0;

	for (i = 0; i < TENANTS_AT_ONCE; i++) {
		struct pull_slot *s = &j->slots[i];

		while (s->pull == NULL && j->next < j->poller->tenants_n)
			begin_tenant_pull(j, s);
		if (s->pull != NULL)
			fetches[n++] = pull_fetch(s->pull);
	}
	return n;
}

static void
end_pulls(struct pull_run *j)
{
	size_t i;

	for (i = 0; i < TENANTS_AT_ONCE; i++) {
		if (j->slots[i].pull == NULL || !pull_done(j->slots[i].pull))
			continue;
		close_slot(j, &j->slots[i]);
		j->ended = true;
	}
}

/* Passes on the records that tenants have written. A tenant that still waits
 * does not delay others, and the run does not wait for a queue, either. */
static void
hand_on(struct pull_run *j)
{
	uint64_t mark;

	if (endpoint_flush_begin(j->to, &mark))
		j->ended = false;
	else if (!endpoint_is_queue(endpoint_name(j->to)))
		j->ended = endpoint_flush(j->to) == OUTCOME_LATER;
}

static void
run_pulls(struct pull_run *j)
{
	struct fetch *fetches[TENANTS_AT_ONCE];
	size_t n;

	while ((n = begin_pulls(j, fetches)) > 0 && !stop_asked()) {
		if (j->ended)
			hand_on(j);
		(void)fetch_turn(j->http, fetches, n, INT64_MAX);
		endpoint_pump(j->to);
		end_pulls(j);
	}
}

/* The snapshot is confirmed. If this cannot be stored, the next poll reads last
 * messages again, and states a longer time as covered. */
static void
keep_confirmed(struct pull_run *j, size_t tenant)
{
	struct pull_result *r = &j->results[tenant];
	const struct tenant *t = &j->poller->tenants[tenant];
	struct buf why = BUF_INIT;
	enum exit_code code;
	struct store *store =
	    poller_open_store(poller_state(j->poller), t, false, &code);

	if (store == NULL)
		return;
	if (r->told != 0)
		store_set_number(store, CHATS_CONFIRMED, r->told);
	store_set_number(store, COVERED_UNTIL, r->covered);
	r->gap = store_number(store, COVERED_GAP_END, 0) != 0;
	if (store_commit(store, &why) != PROG_OK)
		log_warn("tenant %s: %s", t->name, buf_str(&why));
	store_close(store);
	buf_release(&why);
}

/* Nothing of a gap is begun after this time, so that the next poll is not
 * late. */
#define GAPS_MS (INT64_C(20) * 1000)

/* Only a queue leads to an aggregator that keeps the chats of earlier polls.
 * Tenants with a gap share the time equally; what one does not need is left to
 * the next ones. */
static void
fill_gaps(struct pull_run *j)
{
	int64_t now = clock_mono_ms(), until = now + GAPS_MS;
	bool writes = endpoint_is_queue(endpoint_name(j->to));
	size_t i, gaps = 0;

	for (i = 0; i < j->poller->tenants_n; i++)
		gaps += j->results[i].gap;
	for (i = 0;
	     i < j->poller->tenants_n && writes && now < until && !stop_asked();
	     i++) {
		if (!j->results[i].gap)
			continue;
		writes = backfill_fill_gap(j->poller, &j->poller->tenants[i],
		    j->http, j->to, now + (until - now) / (int64_t)gaps--);
		now = clock_mono_ms();
	}
}

/* Machines that poll the same tenants into the same queue share a lock, so that
 * only one of them polls at a time. */
static char *
lock_name(const struct poller *p)
{
	const char *queue = endpoint_amqp_name(poller_to(p));
	uint64_t tenants = 0;
	size_t i;

	if (queue == NULL)
		return NULL;
	for (i = 0; i < p->tenants_n; i++)
		tenants = checksum(tenants, p->tenants[i].name,
		    strlen(p->tenants[i].name) + 1);
	return xasprintf("%s.poller.%016" PRIx64, queue, tenants);
}

static struct endpoint *
open_output(struct poller *p, const char *lock)
{
	struct endpoint_options opt = { .conf = p->common.conf, .lock = lock };
	struct endpoint *to = poller_open_output(p, poller_to(p), &opt);

	if (to == NULL && p->code == PROG_OK && !stop_asked())
		(void)printf("standby: another poller is at work for the same "
			     "tenants (lock '%s'); nothing was polled\n",
		    lock);
	return to;
}

static enum exit_code
pull_all(struct poller *p, struct tape *tape)
{
	struct pull_run j = { .poller = p };
	char *lock = lock_name(p);
	size_t i;

	j.to = open_output(p, lock);
	if (j.to == NULL) {
		free(lock);
		return p->code;
	}
	j.http = http_new();
	http_use_tape(j.http, tape);
	j.tape = tape;
	j.results = xcalloc(p->tenants_n + 1, sizeof *j.results);
	run_pulls(&j);
	for (i = 0; i < TENANTS_AT_ONCE; i++) {
		if (j.slots[i].pull != NULL)
			pull_stop(j.slots[i].pull);
		close_slot(&j, &j.slots[i]);
	}
	if (poller_flush(p, j.to) == OUTCOME_DONE) {
		for (i = 0; i < p->tenants_n; i++)
			if (j.results[i].covered != 0)
				keep_confirmed(&j, i);
		FAULT_POINT("poller.snapshot_confirmed");
		fill_gaps(&j);
	}
	for (i = 0; i < p->tenants_n && !stop_asked(); i++) {
		if (j.results[i].code != PROG_OK)
			poller_failed(p, j.results[i].code);
	}
	free(j.results);
	http_free(j.http);
	endpoint_close(j.to);
	free(lock);
	return p->code;
}

static const struct option_row rows[] = {
	POLLER_TO,
	POLLER_STATE("the state folder; the next poll reads only changes"),
	POLLER_TENANT,
	POLLER_TEXT,
	OPTION_TEXT(0, "record", "DIR", struct poller, record,
	    "store the CRM's answers there, masked"),
	OPTION_TEXT(0, "replay", "DIR", struct poller, replay,
	    "poll from recorded answers"),
};

/* Sets *tape to that of --record or --replay, or NULL. Returns -1 if it cannot
 * be used. */
static int
open_tape(struct poller *p, struct tape **tape)
{
	struct buf why = BUF_INIT;
	int rc = 0;

	*tape = NULL;
	if (p->record != NULL)
		*tape = tape_record_to(p->record, &why);
	else if (p->replay != NULL)
		*tape = tape_replay_from(p->replay, &why);
	if (why.len > 0) {
		log_error("%s", buf_str(&why));
		poller_failed(
		    p, p->record != NULL ? PROG_CANTCREATE : PROG_NOINPUT);
		rc = -1;
	}
	buf_release(&why);
	return rc;
}

static enum exit_code
run_pull_mode(void *options)
{
	struct poller *p = options;
	struct tape *tape;
	enum exit_code code;

	if (!poller_open(p, true) || open_tape(p, &tape) != 0)
		return p->code;
	code = pull_all(p, tape);
	tape_close(tape);
	return code;
}

/* Neither may be used with a state: replayed answers must not depend on a
 * state, and a recording must contain everything that a poll requests. */
static int
check_tape(void *options)
{
	const struct poller *p = options;

	if (p->record != NULL && p->replay != NULL)
		return prog_usage_error(
		    "--record and --replay cannot be combined");
	if ((p->record != NULL || p->replay != NULL) && p->state != NULL)
		return prog_usage_error(
		    "--record and --replay use no state; remove --state");
	return -1;
}

const struct option_mode poller_mode_pull = {
	.title = "a poll",
	.about = "Writes a snapshot of each tenant's operators, open chats and "
		 "messages.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.check = check_tape,
	.run = run_pull_mode,
};
