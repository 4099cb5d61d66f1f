/*
 * assign: poller --assign. Reads assignment records, carries each out
 * (reservation.h), several at a time but never two for one chat, and writes the
 * outcomes as chat records.
 *
 * A record is acknowledged when its outcome, and those of all records before
 * it, are confirmed. After a crash it is delivered again, and its chat is read
 * before anything else is done. Several processes may share a queue.
 */
#define _DEFAULT_SOURCE /* sys/queue.h */
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/base/clock.h"
#include "common/base/fault.h"
#include "common/base/log.h"
#include "common/base/prog.h"
#include "common/base/xalloc.h"
#include "common/endpoint/endpoint.h"
#include "common/json/jsonw.h"
#include "common/monitoring/prometheus.h"
#include "common/os/notify.h"
#include "common/os/stop.h"
#include "common/records/record.h"
#include "common/stage/deadletter.h"
#include "poller/assign/reservation.h"
#include "poller/crm/crm_session.h"
#include "poller/crm/store.h"
#include "poller/modes/modes.h"

/* ---- the assigners of all tenants ---- */

struct assigners {
	struct poller *poller;
	const char *state; /* its folder, or NULL */
	struct http *http;
	struct tenant_assigner *list; /* in the order of the tenants */
	struct fetch **fetches;       /* likewise */
	struct strmap unknown;        /* tenants that were logged as unknown */
	int64_t accounted_ms;         /* monotonic; 0: not yet */
};

/* How often calls are counted. */
#define ACCOUNT_MS 60000

static void
report_forbidden(struct assigners *all, struct tenant_assigner *assigner)
{
	const struct tenant *t = assigner->crm.tenant;

	if (assigner->reported)
		return;
	assigner->reported = true;
	poller_failed(all->poller, PROG_CONFIG);
	log_error("tenant %s: chats are not assigned, because assign = no; to "
		  "have them assigned, set assign = yes in [%s]",
	    t->name, t->section);
}

/* Opened each time, because it may have been removed, as its messages
 * advise. */
static struct store *
open_state(const struct assigners *all, const struct tenant *t)
{
	enum exit_code code;

	return poller_open_store(all->state, t, false, &code);
}

static void
open_assigner(
    struct assigners *all, size_t i, const struct tenant_assigner *defaults)
{
	struct tenant_assigner *assigner = &all->list[i];
	const struct tenant *t = &all->poller->tenants[i];
	struct crm_session *crm = &assigner->crm;

	*assigner = *defaults;
	assigner->allowed = t->opt.assign || defaults->dry_run;
	crm_session_open(crm, all->http, t, USAGE_ASSIGN,
	    assigner->allowed ? open_state(all, t) : NULL);
	store_close(crm->store);
	crm->store = NULL;
}

static void
warn_of_auto_assigning(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	const struct crm_session *crm = ctx;

	(void)asked_ms;
	if (a->message.len > 0)
		log_warn(
		    "tenant %s: %s", crm->tenant->name, buf_str(&a->message));
}

/* Two processes that assign chats interfere with each other. Errors appear with
 * the first chat that is read. */
static void
ask_who_assigns(struct crm_session *crm)
{
	fetch_ask(
	    crm->fetch, &(struct crm_question){ .call = PROFILE_AUTO_ASSIGN,
			    .tries = 1,
			    .at_once = true,
			    .ctx = crm,
			    .page = warn_of_auto_assigning });
}

/* Returns 0; or -1, after logging, if no tenant allows changes. Release it in
 * either case. */
static int
assigners_open(struct assigners *all, const struct tenant_assigner *defaults)
{
	bool any = false;
	size_t i;

	all->http = http_new();
	all->list = xcalloc(all->poller->tenants_n + 1, sizeof *all->list);
	all->fetches =
	    xcalloc(all->poller->tenants_n + 1, sizeof *all->fetches);
	for (i = 0; i < all->poller->tenants_n; i++) {
		open_assigner(all, i, defaults);
		all->fetches[i] = all->list[i].crm.fetch;
		if (all->list[i].allowed)
			ask_who_assigns(&all->list[i].crm);
		any = any || all->list[i].allowed;
	}
	for (i = 0; !any && i < all->poller->tenants_n; i++)
		report_forbidden(all, &all->list[i]);
	return any ? 0 : -1;
}

static void
assigners_release(struct assigners *all)
{
	size_t i;

	for (i = 0; all->list != NULL && i < all->poller->tenants_n; i++)
		tenant_assigner_release(&all->list[i]);
	free(all->list);
	free(all->fetches);
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
	poller_failed(all->poller, PROG_CONFIG);
	log_error("cannot assign chats of tenant '%.*s': it is not configured, "
		  "has errors, or is excluded; see the [crm NAME] sections",
	    TEXT_ARG(tenant));
}

/* Returns the tenant's assigner. Returns NULL, after an error that is logged
 * once for each tenant, if the tenant is not configured or does not allow
 * changes. */
static struct tenant_assigner *
assigners_find(struct assigners *all, struct text tenant)
{
	size_t i;

	for (i = 0; i < all->poller->tenants_n; i++) {
		if (!text_is(tenant, all->poller->tenants[i].name))
			continue;
		if (all->list[i].allowed)
			return &all->list[i];
		report_forbidden(all, &all->list[i]);
		return NULL;
	}
	report_unassignable(all, tenant);
	return NULL;
}

/* Returns the number of questions that have not ended, for all tenants. */
static size_t
assigners_in_flight(const struct assigners *all)
{
	size_t i, n = 0;

	for (i = 0; i < all->poller->tenants_n; i++)
		n += fetch_left(all->fetches[i]);
	return n;
}

/* Appends the counts of calls for Prometheus. */
static void
assigners_add_calls(
    const struct assigners *all, struct buf *to, const char *labels)
{
	size_t i;

	call_metrics_head(to);
	for (i = 0; i < all->poller->tenants_n; i++)
		if (all->list[i].allowed)
			call_metrics_add(to, labels, "assign",
			    all->poller->tenants[i].name,
			    fetch_results(all->fetches[i]));
}

/* Adds the calls made to the state, if there is one: once a minute, or at
 * once. */
static void
assigners_account(struct assigners *all, bool at_once)
{
	struct crm_session *crm;
	size_t i;

	if (all->state == NULL ||
	    (!at_once && all->accounted_ms + ACCOUNT_MS > clock_mono_ms()))
		return;
	for (i = 0; i < all->poller->tenants_n; i++) {
		if (!all->list[i].allowed)
			continue;
		crm = &all->list[i].crm;
		crm->store = open_state(all, crm->tenant);
		crm_session_count(crm);
		store_close(crm->store);
		crm->store = NULL;
	}
	all->accounted_ms = clock_mono_ms();
}

/* ---- assign ---- */

enum {
	/* Maximum number of records read but not acknowledged: more than can
	 * wait for an unreachable CRM before they expire. */
	WINDOW = 4096,
	/* How often the input is polled while requests are in flight. */
	POLL_INPUT_MS = 20,
	IDLE_MS = 1000,
	PAUSE_MS = 500,
};

struct assign_entry {
	STAILQ_ENTRY(assign_entry) link;
	/* Without an assigner there is nothing to do for the record. */
	struct reservation reservation;
	struct endpoint_mark mark;
	bool completed; /* nothing left to do, and its outcome is safe */
};

STAILQ_HEAD(assign_entries, assign_entry);

struct assign {
	struct poller *poller;
	struct endpoint *from, *to;
	struct deadletter dead;
	struct assigners assigners;
	struct assign_entries entries;
	size_t unflushed;
	uint64_t lines; /* lines read, including bad ones */
	uint64_t results[RESERVATION_RESULTS];
	size_t in_hand;                 /* read but not acknowledged */
	struct daemon_metrics *metrics; /* NULL: none */
	struct record record;
	struct flat flat;
	struct buf why;
	struct buf shown; /* of a dry run: a record for each reservation */
	bool waits; /* reads a queue for ever; without one, and in a dry run,
		     * the run ends by itself */
	bool ended, failed;
};

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
	const struct assign *a = ctx;
	size_t i;

	prometheus_head(to, ended, PROMETHEUS_COUNTER,
	    "Finished reservations: the operator got the chat (fulfilled) or "
	    "already had it (confirmed), another operator has it (taken), it "
	    "is closed, the CRM refused, it expired, or an error prevented it "
	    "(failed).");
	for (i = 0; i < ARRAY_LEN(results); i++)
		prometheus_result(to, ended, labels,
		    reservation_result_names[results[i]],
		    a->results[results[i]]);
	prometheus_head(
	    to, in_hand, PROMETHEUS_GAUGE, "Reservations in progress.");
	prometheus_sample(to, in_hand, labels, a->in_hand);
	assigners_add_calls(&a->assigners, to, labels);
}

/* Shows what would become of a reservation. */
static void
show_dry_run(struct assign *a, const struct reservation *r)
{
	jsonw_open_record(&a->shown, "dry_run", r->assigner->crm.tenant->name);
	jsonw_str(&a->shown, "assignment", r->id);
	jsonw_str(&a->shown, "chat", r->chat);
	jsonw_str(&a->shown, "operator", r->operator_id);
	if (r->assignee != NULL)
		jsonw_str(&a->shown, "assignee", r->assignee);
	jsonw_str(&a->shown, "result", reservation_result_names[r->result]);
	jsonw_line(&a->shown);
}

static void
print_dry_run(const struct assign *a)
{
	static const struct output_column columns[] = {
		{ "tenant", OUTPUT_TEXT },
		{ "chat", OUTPUT_TEXT },
		{ "operator", OUTPUT_TEXT },
		{ "assignee", OUTPUT_TEXT },
		{ "result", OUTPUT_TEXT },
	};

	poller_print(a->poller, columns, ARRAY_LEN(columns), &a->shown);
}

static void
fail_assign(struct assign *a, enum exit_code code, const char *why)
{
	a->failed = true;
	if (code != PROG_OK)
		log_error("%s", why);
	poller_failed(a->poller, code);
}

/* Writes the operator's listed chats if they caused a refusal. */
static int
write_listed_chats(struct assign *a, const struct reservation *r)
{
	const char *line = buf_str(&r->listed_chats), *end;

	if (r->result != RESERVATION_REFUSED)
		return 0;
	for (; (end = strchr(line, '\n')) != NULL; line = end + 1)
		if (endpoint_write(a->to, line, (size_t)(end - line)) != 0)
			return -1;
	return 0;
}

static void
on_reservation_done(void *ctx, struct reservation *r)
{
	struct assign *a = ctx;
	struct assign_entry *e =
	    (struct assign_entry *)(void *)((char *)r -
					    offsetof(struct assign_entry,
						reservation));

	a->results[r->result]++;
	if (!a->waits && (r->result == RESERVATION_FAILED ||
			     r->result == RESERVATION_UNANSWERED))
		poller_failed(a->poller, r->assigner->crm.code);
	if (a->poller->dry_run)
		show_dry_run(a, r);
	/* The queue delivers an UNANSWERED one again. */
	if (a->poller->dry_run || r->outcome.len == 0) {
		e->completed =
		    r->result != RESERVATION_UNANSWERED || a->poller->dry_run;
		return;
	}
	a->unflushed++;
	if (write_listed_chats(a, r) != 0 ||
	    endpoint_write(a->to, r->outcome.data, r->outcome.len) != 0)
		fail_assign(a, endpoint_code(a->to), endpoint_why(a->to));
}

/* Called when all written outcomes are confirmed. */
static void
complete_written(struct assign *a)
{
	struct assign_entry *e;

	a->unflushed = 0;
	for (e = STAILQ_FIRST(&a->entries); e != NULL; e = STAILQ_NEXT(e, link))
		if (e->reservation.outcome.len > 0)
			e->completed = true;
}

static void
drop_entry(struct assign *a, struct assign_entry *e)
{
	STAILQ_REMOVE_HEAD(&a->entries, link);
	a->in_hand--;
	reservation_release(&e->reservation);
	free(e);
}

/* Commit point: acknowledges the first records whose outcomes are safe. */
static void
acknowledge(struct assign *a)
{
	struct endpoint_mark mark = { 0, 0, 0 }; /* nothing */
	struct assign_entry *e;

	while ((e = STAILQ_FIRST(&a->entries)) != NULL && e->completed) {
		mark = e->mark;
		drop_entry(a, e);
	}
	if (STAILQ_EMPTY(&a->entries)) /* including messages without lines */
		mark = endpoint_mark(a->from);
	if (!a->poller->dry_run)
		endpoint_ack_to(a->from, &mark);
}

static void
flush_and_acknowledge(struct assign *a)
{
	enum outcome o = OUTCOME_DONE;
	bool some = a->unflushed > 0;
	int64_t began = clock_mono_ms();

	if (a->failed)
		return;
	if (some)
		o = endpoint_flush(a->to);
	if (o == OUTCOME_LATER)
		daemon_metrics_retried(a->metrics, 1);
	if (o == OUTCOME_NEVER)
		fail_assign(a, endpoint_code(a->to), endpoint_why(a->to));
	/* Not acknowledged, so they are delivered again. */
	if (o == OUTCOME_LATER && stop_asked())
		a->failed = true;
	if (o != OUTCOME_DONE)
		return;
	if (some)
		FAULT_POINT("poller.outcome_confirmed");
	complete_written(a);
	o = deadletter_flush(&a->dead);
	if (o == OUTCOME_NEVER) {
		a->failed = true;
		poller_failed(a->poller, a->dead.code);
	}
	if (o != OUTCOME_DONE)
		return;
	acknowledge(a);
	if (some)
		daemon_metrics_flushed(a->metrics, clock_mono_ms() - began);
}

static struct assign_entry *
add_entry(struct assign *a)
{
	struct assign_entry *e = xcalloc(1, sizeof *e);

	e->mark = endpoint_mark(a->from);
	e->completed = true;
	a->lines++;
	STAILQ_INSERT_TAIL(&a->entries, e, link);
	a->in_hand++;
	return e;
}

static void
add_dead_assignment(struct assign *a, char *line, size_t len, const char *why)
{
	enum outcome o;

	do
		o = deadletter_add(
		    &a->dead, endpoint_where(a->from), line, len, why);
	while (o == OUTCOME_LATER && !stop_sleep(PAUSE_MS));
	if (o == OUTCOME_DONE) {
		(void)add_entry(a);
		return;
	}
	a->failed = true;
	if (o == OUTCOME_NEVER)
		poller_failed(a->poller, a->dead.code);
}

static void
take_assignment_line(struct assign *a, char *line, size_t len)
{
	const struct record *r = &a->record;
	struct tenant_assigner *assigner;
	struct assign_entry *e;

	if (record_parse(&a->record, &a->flat, line, len, &a->why) != 0) {
		add_dead_assignment(a, line, len, buf_str(&a->why));
		return;
	}
	/* If the input is a file or pipe, a person requested it. */
	if (r->simulated && endpoint_is_queue(endpoint_name(a->from))) {
		add_dead_assignment(a, line, len, RECORD_SIMULATED);
		return;
	}
	e = add_entry(a);
	if (r->type != RECORD_ASSIGNMENT)
		return;
	assigner = assigners_find(&a->assigners, r->tenant);
	if (assigner == NULL) {
		a->results[RESERVATION_FAILED]++;
		return;
	}
	reservation_init(&e->reservation, assigner, r);
	e->completed = false;
}

/* Nothing arrived. A queue that sends nothing until something is acknowledged
 * reports this immediately. */
static void
wait_until(const struct assign *a, int64_t end)
{
	int64_t left = end - clock_mono_ms();

	if (a->in_hand > 0 && left > 0)
		(void)stop_sleep(left);
}

/* Reads available records until the window is full; waits up to wait_ms for the
 * first. */
static void
take_input(struct assign *a, int wait_ms)
{
	int64_t end = clock_mono_ms() + wait_ms;
	enum endpoint_status status;
	char *line;
	size_t len;

	if (a->ended || a->in_hand >= WINDOW)
		(void)stop_sleep(wait_ms);
	while (
	    !a->ended && !a->failed && !stop_asked() && a->in_hand < WINDOW) {
		status = endpoint_read(a->from, &line, &len, wait_ms);
		if (status == ENDPOINT_WAIT) {
			wait_until(a, end);
			return;
		}
		if (status == ENDPOINT_RECORD)
			take_assignment_line(a, line, len);
		else if (status == ENDPOINT_TOOLONG)
			add_dead_assignment(
			    a, NULL, 0, endpoint_refusal(a->from));
		else {
			a->ended = true;
			poller_report_input(a->poller, a->from, status,
			    "the assignments before it were carried out");
		}
		end = wait_ms = 0;
	}
}

/* Starts and resumes reservations. Returns the milliseconds until the next may
 * resume, at most IDLE_MS. */
static int64_t
step_reservations(struct assign *a)
{
	int64_t now = clock_mono_ms(), wait = IDLE_MS, w;
	struct assign_entry *e;

	for (e = STAILQ_FIRST(&a->entries); e != NULL;
	     e = STAILQ_NEXT(e, link)) {
		if (e->reservation.assigner == NULL || stop_asked() ||
		    reservation_give_up(&e->reservation))
			continue;
		if (e->reservation.state == STATE_NONE &&
		    reservation_may_start(&e->reservation))
			reservation_start(&e->reservation);
		w = reservation_wake(&e->reservation, now);
		wait = w < wait ? w : wait;
	}
	return wait;
}

/* True if a CRM may be assigning a chat right now. */
static bool
is_giving(const struct assign *a)
{
	const struct assign_entry *e;

	for (e = STAILQ_FIRST(&a->entries); e != NULL; e = STAILQ_NEXT(e, link))
		if (e->reservation.state == STATE_GIVING)
			return true;
	return false;
}

static bool
assign_goes_on(const struct assign *a)
{
	const struct assign_entry *e;

	if (a->failed)
		return false;
	if (stop_asked())
		return is_giving(a) || a->unflushed > 0;
	if (!a->ended || assigners_in_flight(&a->assigners) > 0)
		return true;
	for (e = STAILQ_FIRST(&a->entries); e != NULL; e = STAILQ_NEXT(e, link))
		if (!e->completed)
			return true;
	return false;
}

static void
carry_out_assignments(struct assign *a)
{
	int64_t wait;

	assigners_account(&a->assigners, true);
	notify_ready();
	while (assign_goes_on(a)) {
		notify_alive();
		wait = step_reservations(a);
		if (assigners_in_flight(&a->assigners) == 0 &&
		    a->unflushed == 0) {
			take_input(a, (int)wait);
		} else {
			take_input(a, 0);
			(void)fetch_turn(a->assigners.http,
			    a->assigners.fetches, a->poller->tenants_n,
			    wait < POLL_INPUT_MS ? wait : POLL_INPUT_MS);
		}
		flush_and_acknowledge(a);
		deadletter_pump(&a->dead);
		endpoint_pump(a->from);
		if (a->to != NULL)
			endpoint_pump(a->to);
		assigners_account(&a->assigners, false);
		daemon_metrics_count(a->metrics, a->lines, a->dead.count);
	}
	notify_stopping();
	assigners_account(&a->assigners, true);
}

static int
open_assign_ends(struct assign *a)
{
	struct poller *p = a->poller;
	const char *from = p->from != NULL ? p->from : "-";
	struct endpoint_options opt = { .conf = p->common.conf };

	a->waits = endpoint_is_queue(from) && !p->dry_run;
	if (a->waits)
		daemon_init();
	opt.wait_forever = opt.append = a->waits;
	opt.until_empty = p->dry_run;
	if (p->dry_run) /* nothing is acknowledged */
		opt.prefetch = ENDPOINT_NO_PREFETCH_LIMIT;
	a->from = poller_open_input(p, &opt);
	if (a->from == NULL)
		return -1;
	if (p->dry_run)
		return 0;
	a->to = poller_open_output(p, "-", &opt);
	if (a->to == NULL)
		return -1;
	deadletter_open(&a->dead, a->from, &opt);
	return 0;
}

static void
release_assign(struct assign *a)
{
	struct assign_entry *e;

	daemon_metrics_close(a->metrics);
	assigners_release(&a->assigners);
	while ((e = STAILQ_FIRST(&a->entries)) != NULL)
		drop_entry(a, e);
	flat_release(&a->flat);
	buf_release(&a->why);
	buf_release(&a->shown);
	endpoint_close(a->to);
	endpoint_close(a->from);
}

static enum exit_code
assign(struct poller *p)
{
	struct assign a = { .poller = p,
		.assigners = { .poller = p, .state = poller_state(p) } };
	struct tenant_assigner defaults = {
		.dry_run = p->dry_run, .done = on_reservation_done, .ctx = &a
	};

	STAILQ_INIT(&a.entries);
	if (open_assign_ends(&a) == 0) {
		/* The file may be from a past day, and nothing is changed. */
		defaults.timeless =
		    p->dry_run && !endpoint_is_queue(endpoint_name(a.from));
		if (assigners_open(&a.assigners, &defaults) == 0) {
			if (a.waits)
				a.metrics = daemon_metrics_open(p->common.conf,
				    endpoint_amqp_name(endpoint_name(a.from)),
				    add_assign_metrics, &a);
			carry_out_assignments(&a);
			if (p->dry_run)
				print_dry_run(&a);
			if (!a.waits)
				poller_failed(p, deadletter_code(&a.dead));
		}
		deadletter_close(&a.dead);
	}
	release_assign(&a);
	return !a.waits || !stop_asked() ? p->code : PROG_OK;
}

static const struct option_row rows[] = {
	OPTION_TAKE('f', "from", "FROM", struct poller, from, endpoint_take,
	    "where assignments come from: -, a file, queue:NAME"),
	POLLER_TO,
	OPTION_FLAG("dry-run", struct poller, dry_run,
	    "show what would be done; change nothing"),
	OPTION_FORMAT(struct poller, format),
	POLLER_STATE("the state folder, which also counts calls"),
	POLLER_TENANT,
};

static int
check_mode(void *options)
{
	const struct poller *p = options;

	if (p->format != OUTPUT_AUTO && !p->dry_run)
		return prog_usage_error(
		    "-o needs --check or --assign --dry-run");
	if (p->to != NULL && p->dry_run)
		return prog_usage_error(
		    "--dry-run writes no records; remove -t");
	/* They would be acknowledged, and no other process would receive
	 * them. */
	if (p->only_n > 0 && p->from != NULL && endpoint_is_queue(p->from) &&
	    !p->dry_run)
		return prog_usage_error("--assign from a queue serves all "
					"tenants; remove --tenant");
	return poller_check_ends(options);
}

static enum exit_code
run_assign_mode(void *options)
{
	struct poller *p = options;

	return poller_open(p, false) ? assign(p) : p->code;
}

const struct option_mode poller_mode_assign = {
	.choice = OPTION_MODE("assign", "carry out assignments"),
	.about = "Assigns chats to operators, as aggregator -a allocation "
		 "reserved them.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.check = check_mode,
	.run = run_assign_mode,
};
