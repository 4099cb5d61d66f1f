/*
 * pull: see pull.h.
 */
#include "poller/chats/pull.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/fault.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/digest/hash.h"
#include "common/json/jsonw.h"
#include "poller/chats/chats.h"
#include "poller/chats/chats_carry.h"
#include "poller/chats/chats_leave.h"
#include "poller/chats/covered.h"
#include "poller/chats/emit.h"
#include "poller/chats/operators.h"
#include "poller/crm/crm_session.h"
#include "poller/crm/quota.h"

/* ---- lists that are too short ---- */

#define POLLS 3

static const char KEY[] = "short_lists";

/* Counts consecutive polls whose list lacks this many rows; 0 means that the
 * list is complete. True if such a list is accepted. */
static bool
short_list_count(struct store *s, size_t missing)
{
	int64_t before = store_number(s, KEY, 0);
	int64_t n = missing == 0 || missing > CHATS_LEAVE_MOST ? 0 : before + 1;

	if (n != before && n <= POLLS)
		store_set_number(s, KEY, n);
	return n >= POLLS;
}

bool
short_list_is_taken(struct store *s, size_t missing)
{
	return missing <= CHATS_LEAVE_MOST && store_number(s, KEY, 0) >= POLLS;
}

/* ---- pull ---- */

/* How often the state is committed: calls are paid for, so those of a killed
 * poll must be counted as well. */
#define COMMIT_MS 1000

struct pull {
	struct crm_session crm;
	struct emit emit;
	struct chats chats;
	int64_t began_ms; /* on the CRM's clock */
	int64_t as_of;    /* CLOCK_NONE until the snapshot begins */
	struct operators operators;
	struct chat_lists lists;
	unsigned pages;       /* pages of the list of chats */
	int64_t since;        /* the list has changes since then; 0: all
			       * chats */
	int64_t listed_ms;    /* when its first page was requested */
	bool listed;          /* the list was read to its end */
	bool short_list;      /* a list that lacks rows was accepted */
	int64_t interval_ms;  /* time since the previous poll began */
	int64_t committed_ms; /* last commit, monotonic */
	bool first;           /* the state was empty, so the cost of this poll
			       * is not typical */
	bool done;
};

/* Clocks are corrected by less than this every day, without a warning. */
#define CLOCK_BACK_MS MINUTE_MS

/* Warns once a day. Until the clock passes the time of the last snapshot,
 * snapshots are one millisecond apart, and waits are counted up to that
 * time. */
static void
warn_clock_back(struct pull *p, int64_t last)
{
	int64_t today = clock_now_ms() / DAY_MS;
	char text[CLOCK_TEXT];

	if (store_number(p->crm.store, "clock_warned", 0) == today)
		return;
	store_set_number(p->crm.store, "clock_warned", today);
	clock_format(last, text);
	log_warn("tenant %s: the clock of the CRM, or of this machine, went "
		 "back by %lld s; until it reaches %s, all metrics keep that "
		 "time; see DIAGNOSTICS in poller(1)",
	    p->crm.tenant->name, (long long)((last - p->as_of) / 1000), text);
}

/* The first good answer begins the snapshot. */
static void
begin_snapshot(struct pull *p, int64_t asked_ms)
{
	int64_t last;

	if (p->as_of != CLOCK_NONE)
		return;
	p->as_of = asked_ms;
	if (p->crm.store != NULL) {
		last = store_number(p->crm.store, "as_of", 0);
		if (last - p->as_of > CLOCK_BACK_MS)
			warn_clock_back(p, last);
		if (p->as_of <= last)
			p->as_of = last + 1;
	}
	emit_begin(&p->emit, p->as_of);
	covered_state(&p->crm, &p->emit, p->as_of, p->since != 0);
	operators_emit(&p->operators, &p->emit); /* operators from the state */
}

static void
emit_name(struct pull *p, const struct crm_record *r, int64_t asked_ms)
{
	struct buf body = BUF_INIT;

	buf_adds(&body, r->body);
	jsonw_time(&body, "at", asked_ms);
	emit_record(&p->emit, "name", body.data, body.len);
	buf_release(&body);
}

static void
pulled_operators_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct pull *p = ctx;
	const char *body;
	size_t i;

	begin_snapshot(p, asked_ms);
	p->operators.asked_ms = asked_ms;
	for (i = 0; i < a->n; i++) {
		if (a->records[i].type == RECORD_NAME)
			emit_name(p, &a->records[i], asked_ms);
		body = operators_add(&p->operators, &a->records[i], asked_ms);
		if (body != NULL)
			emit_record(&p->emit, "operator", body, strlen(body));
	}
}

/* True if the list of open chats is accepted although it ends before the total
 * it states. If chats are listed by operator, that is the list of operators. */
static bool
takes_short_list(struct pull *p, const struct ending *e)
{
	p->short_list = e->error == ERROR_CLASS_SHORT && p->crm.store != NULL &&
			short_list_count(p->crm.store, e->missing);
	return p->short_list;
}

static void
pulled_operators_end(void *ctx, const struct ending *e)
{
	struct pull *p = ctx;
	bool must = fetch_lists_by_operator(p->crm.fetch);
	bool taken =
	    must ? takes_short_list(p, e) : e->error == ERROR_CLASS_SHORT;

	if (taken && json_object_size(p->operators.rows) > 0) {
		log_warn("tenant %s: the CRM's list of operators: %s; the list "
			 "is accepted",
		    p->crm.tenant->name, e->message);
	} else if (e->error != ERROR_CLASS_NONE) {
		crm_session_fail(&p->crm, e->error, "operators", e->message);
		return;
	}
	if (p->crm.store != NULL) {
		if (must && !taken)
			(void)short_list_count(p->crm.store, 0);
		operators_keep(&p->operators, p->crm.store);
	}
	if (profile_about(p->crm.tenant->profile)->operators_first)
		chat_lists_ask(&p->lists);
}

/* Names of channels and teams are read once a day, or with the operators where
 * their list has them; the snapshot has them then. Figures do not need them, so
 * a failure is only logged. */
#define NAMES_MS DAY_MS
static const char NAMES_AT[] = "names_at";

static void
pulled_names_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct pull *p = ctx;
	size_t i;

	begin_snapshot(p, asked_ms);
	for (i = 0; i < a->n; i++)
		if (a->records[i].type == RECORD_NAME)
			emit_name(p, &a->records[i], asked_ms);
}

static void
pulled_names_end(void *ctx, const struct ending *e)
{
	struct pull *p = ctx;

	if (e->error != ERROR_CLASS_NONE)
		log_info("no_names", "tenant=%s why=\"%s\"",
		    p->crm.tenant->name, e->message);
	store_set_number(p->crm.store, NAMES_AT, crm_session_now(&p->crm));
}

static void
ask_names(struct pull *p)
{
	const struct crm_question q = { .call = PROFILE_NAMES,
		.ctx = p,
		.page = pulled_names_page,
		.end = pulled_names_end };
	int64_t at;

	if (p->crm.store == NULL)
		return;
	at = store_number(p->crm.store, NAMES_AT, 0);
	if (at > p->began_ms || p->began_ms - at >= NAMES_MS)
		fetch_ask(p->crm.fetch, &q);
}

static void
pulled_chats_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct pull *p = ctx;

	begin_snapshot(p, asked_ms);
	if (p->pages++ == 0)
		p->listed_ms = asked_ms;
	chats_page(&p->chats, a, asked_ms, NULL);
}

static void
pulled_chats_end(void *ctx, const struct ending *e)
{
	struct pull *p = ctx;
	bool one = !fetch_lists_by_operator(p->crm.fetch);
	bool taken = one && takes_short_list(p, e);

	if (e->error != ERROR_CLASS_NONE && !taken) {
		crm_session_fail(&p->crm, e->error, "open chats", e->message);
		return;
	}
	if (taken) {
		log_warn("tenant %s: the CRM's list of open chats: %s, as in "
			 "earlier polls; the list is accepted, and missing "
			 "chats are looked up one by one",
		    p->crm.tenant->name, e->message);
		/* The first page may be empty and begin no snapshot. */
		begin_snapshot(p, p->began_ms);
	}
	if (p->crm.store != NULL) {
		if (p->since == 0)
			store_set_number(p->crm.store, "pages", p->pages);
		if (one && !taken)
			(void)short_list_count(p->crm.store, 0);
		if (p->since != 0)
			chats_carry(&p->chats, p->listed_ms);
	}
	p->listed = true;
	chats_listed(&p->chats);
	log_info("listed", "tenant=%s chats=%zu to_read=%zu",
	    p->crm.tenant->name, p->chats.listed, p->chats.to_read);
	if (p->crm.store != NULL)
		/* The list of operators may be from an earlier poll. */
		chats_leave(&p->chats,
		    p->short_list || short_list_is_taken(p->crm.store, 0));
}

/* Returns the time since which this poll requests changes, if the profile
 * supports this. 0: it requests all chats, because there is no earlier list to
 * continue from, or because all were last requested too long ago. */
static int64_t
changes_since(const struct pull *p)
{
	int64_t every = profile_about(p->crm.tenant->profile)->changes_ms;
	int64_t all, last, now = crm_session_now(&p->crm);

	if (every == 0 || p->crm.store == NULL)
		return 0;
	all = store_number(p->crm.store, "listed_all", 0);
	last = store_number(p->crm.store, "listed", 0);
	return last > 0 && last <= now && now - all < every ? last : 0;
}

/* The next list may continue from this one: the state has all its chats. */
static void
keep_listed(struct pull *p)
{
	if (!p->chats.keep_rows || !p->listed || p->crm.code != PROG_OK ||
	    p->emit.broken)
		return;
	store_set_number(p->crm.store, "listed", p->listed_ms);
	if (p->since == 0)
		store_set_number(p->crm.store, "listed_all", p->listed_ms);
}

static void
ask_lists(struct pull *p)
{
	const struct profile_about *about =
	    profile_about(p->crm.tenant->profile);
	const struct crm_question q = { .call = PROFILE_OPERATORS,
		.urgent = true,
		.ctx = p,
		.page = pulled_operators_page,
		.end = pulled_operators_end };
	bool known =
	    p->crm.store != NULL &&
	    operators_load(&p->operators, p->crm.store,
		crm_session_now(&p->crm), p->crm.tenant->operators_every_ms);

	p->since = changes_since(p);
	p->chats.keep_rows = about->changes_ms > 0 && p->crm.store != NULL;
	p->lists = (struct chat_lists){ .crm = &p->crm,
		.operators = &p->operators,
		.since_ms = p->since,
		.list_question = { .urgent = true,
		    .ctx = p,
		    .page = pulled_chats_page,
		    .end = pulled_chats_end } };
	p->chats.gather = about->by_operator;
	if (!known)
		fetch_ask(p->crm.fetch, &q);
	if (known || !about->operators_first)
		chat_lists_ask(&p->lists);
}

static void
commit_pull_state(struct pull *p)
{
	struct buf why = BUF_INIT;
	enum exit_code code = crm_session_commit(&p->crm, &why);

	p->committed_ms = clock_mono_ms();
	if (code != PROG_OK)
		crm_session_fail_state(&p->crm, code, buf_str(&why));
	buf_release(&why);
}

/* Empties a state that belongs to another profile, other options, or another
 * tenant whose file was moved here, before anything is read from it. */
static void
forget_other_state(struct pull *p)
{
	const char *name = p->crm.tenant->name;
	int64_t version = (int64_t)checksum(
	    profile_version(p->crm.tenant->profile), name, strlen(name));
	struct store *s = p->crm.store;
	int64_t before = store_number(s, "profile", version);

	store_set_number(s, "profile", version);
	if (before == version)
		return;
	log_info("state_forgotten",
	    "tenant=%s reason='profile, options or tenant changed'", name);
	p->first = true;
	store_empty(s);
	operators_forget(s);
	store_set_number(s, "listed", 0);
	store_set_number(s, COVERED_UNTIL, 0);
	covered_end_gap(s);
	commit_pull_state(p);
}

struct pull *
pull_new(struct http *h, const struct tenant *t, struct store *store,
    struct endpoint *to)
{
	struct pull *p = xcalloc(1, sizeof *p);

	p->as_of = CLOCK_NONE;
	emit_init(&p->emit, to, t->name);
	crm_session_open(&p->crm, h, t, USAGE_POLL, store);
	chats_init(&p->chats, &p->crm, &p->emit);
	operators_init(&p->operators, t->opt.bot_operators);
	if (store != NULL) {
		p->first = store_number(store, "as_of", 0) == 0;
		forget_other_state(p);
	}
	crm_session_begin(&p->crm);
	p->began_ms = crm_session_now(&p->crm);
	if (store != NULL && p->crm.code == PROG_OK)
		p->interval_ms = quota_begin_poll(store, p->began_ms);
	p->committed_ms = clock_mono_ms();
	ask_lists(p);
	ask_names(p);
	return p;
}

void
pull_free(struct pull *p)
{
	if (p == NULL)
		return;
	chats_release(&p->chats);
	crm_session_close(&p->crm);
	emit_release(&p->emit);
	operators_release(&p->operators);
	free(p);
}

struct fetch *
pull_fetch(const struct pull *p)
{
	return p->crm.fetch;
}

/* One refused chat does not stop the other chats or, if there is no other, the
 * poll. If there are several and all are refused, the token is the cause. */
static void
report_refused_chats(struct pull *p)
{
	size_t refused = fetch_refused(p->crm.fetch, PROFILE_MESSAGES);
	const char *why = p->chats.first_failure;

	if (why == NULL) /* no chat is open */
		why = "the CRM forbids those of all closed chats";
	if (refused > 1 && refused == p->chats.listed)
		crm_session_fail(&p->crm, ERROR_CLASS_DENIED, "messages", why);
}

/* The snapshot fails if chats failed in too few polls to be written from the
 * state. */
static void
report_failed_chats(struct pull *p)
{
	if (p->chats.failed == 0 || p->crm.code != PROG_OK)
		return;
	p->crm.code = failure_code(p->chats.first_error, FAILURE_ITEM);
	log_error("tenant %s: %zu of %zu chats could not be read, so there is "
		  "no snapshot; %s; the next poll resumes here%s",
	    p->crm.tenant->name, p->chats.failed, p->chats.listed,
	    p->chats.first_failure,
	    p->crm.store != NULL
		? "; after the third failure they are shown as last read"
		: " only with --state");
}

static void
warn_stale(const struct pull *p)
{
	fetch_warn_odd(p->crm.fetch);
	if (p->chats.stale > 0)
		log_warn("tenant %s: %zu chats are shown as last read; %s",
		    p->crm.tenant->name, p->chats.stale,
		    p->chats.first_failure);
	if (p->chats.unnamed > 0)
		log_warn("tenant %s: %zu chats are shown without the "
			 "customer's name for now; %s",
		    p->crm.tenant->name, p->chats.unnamed,
		    p->chats.first_unnamed);
}

/* Stores the data that the next poll and the self-check need from this one. */
static void
keep_pull_state(struct pull *p)
{
	int64_t now = crm_session_now(&p->crm);

	if (!p->first && crm_session_calls(&p->crm) > 0)
		usage_add_poll(p->crm.store, now, p->interval_ms,
		    fetch_calls(p->crm.fetch));
	if (p->as_of != CLOCK_NONE)
		store_set_number(p->crm.store, "as_of", p->as_of);
	if (p->as_of != CLOCK_NONE &&
	    store_number(p->crm.store, "first_as_of", 0) == 0)
		store_set_number(p->crm.store, "first_as_of", p->as_of);
	if (p->chats.unknown > 0)
		operators_invalidate(
		    p->crm.store); /* the assignee may be a new operator */
	quota_warn(p->crm.tenant, p->crm.store, now);
	FAULT_POINT("poller.before_state_commit");
	commit_pull_state(p);
	FAULT_POINT("poller.after_state_commit");
}

static void
finish_pull(struct pull *p)
{
	if (p->crm.store != NULL)
		keep_listed(p);
	report_refused_chats(p);
	report_failed_chats(p);
	if (p->crm.store != NULL)
		keep_pull_state(p);
	call_metrics_keep(&p->crm);
	/* The snapshot counts when its end marker is confirmed, or written to
	 * the file. */
	if (p->crm.code == PROG_OK && !p->emit.broken) {
		emit_end(&p->emit, p->as_of);
		warn_stale(p);
		log_info("snapshot",
		    "tenant=%s chats=%zu read=%zu records=%llu calls=%llu "
		    "skew_ms=%lld",
		    p->crm.tenant->name, p->chats.listed, p->chats.read,
		    (unsigned long long)p->emit.records,
		    (unsigned long long)crm_session_calls(&p->crm),
		    (long long)p->crm.skew.offset_ms);
	}
	p->done = true;
}

bool
pull_done(struct pull *p)
{
	if (p->done)
		return true;
	if (p->emit.broken)
		fetch_stop(p->crm.fetch);
	else if (p->crm.store != NULL && crm_session_has_uncounted(&p->crm) &&
		 clock_mono_ms() - p->committed_ms >= COMMIT_MS)
		commit_pull_state(p);
	if (fetch_left(p->crm.fetch) == 0)
		finish_pull(p);
	return p->done;
}

void
pull_stop(struct pull *p)
{
	fetch_stop(p->crm.fetch);
	if (!p->done && p->crm.code == PROG_OK)
		p->crm.code = PROG_TEMPFAIL; /* the end marker is missing */
	if (!p->done)
		finish_pull(p);
}

enum exit_code
pull_code(const struct pull *p)
{
	return p->crm.code;
}

int64_t
pull_covered(const struct pull *p)
{
	return p->crm.code == PROG_OK && p->crm.store != NULL &&
		       p->as_of != CLOCK_NONE
		   ? p->as_of
		   : 0;
}

int64_t
pull_told(const struct pull *p)
{
	return p->crm.code == PROG_OK && p->chats.told ? p->as_of : 0;
}
