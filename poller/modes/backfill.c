/*
 * backfill: poller --backfill. Reads past conversations of each tenant, the
 * newest first, one call after another, no faster than the profile allows, and
 * writes their events from before the first poll. It is a separate run: an
 * aggregator without a state turns the records into rows of history, and later
 * rows from polls replace them, because they are newer.
 *
 * Guarantee: a conversation is written completely or not at all. After its
 * records are flushed, the state records how far back the run has read, so an
 * interrupted run continues there. It may write some conversations again, as
 * the same records. At its end, a run states the time that it has read as
 * covered (aggregator/model/coverage.h), unless a conversation could not be
 * read.
 *
 * A poll fills a gap between polls with the same functions
 * (backfill_fill_gap()). Its records go to an aggregator with a state, which
 * rejects records that are older than its window, and knows the messages from
 * before the gap.
 */
#include "poller/modes/backfill.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/base/xalloc.h"
#include "common/containers/strmap.h"
#include "common/endpoint/endpoint.h"
#include "common/json/jsonw.h"
#include "common/os/stop.h"
#include "poller/chats/covered.h"
#include "poller/chats/history.h"
#include "poller/chats/operators.h"
#include "poller/crm/crm_session.h"
#include "poller/crm/fetch.h"
#include "poller/crm/quota.h"
#include "poller/crm/store.h"
#include "poller/modes/modes.h"

/* The records are flushed, and the position is stored, after this many
 * chats. */
#define COMMIT_CHATS 50

#define TRIES 4

/* Messages are read from this long before the requested period, because waits
 * that end in it may have begun earlier. */
#define BEFORE_MS (7 * DAY_MS)

/* A quarter of a month's budget. */
#define SHARE 4

/* The key of the position in the state; 0: the last run reached its end. */
static const char PLACE[] = "backfill";

struct backfill {
	struct poller *poller;
	bool fills_gap; /* else it is poller --backfill */
	struct crm_session crm;
	struct http *http;
	struct endpoint *to;
	struct operators operators;
	int64_t since_ms, until_ms; /* what happened between them is written */
	int64_t place_ms;           /* all chats whose last message is later (in
				     * a gap: earlier) have been written; 0:
				     * none */
	struct crm_record *chats;   /* chats to read */
	size_t n, cap;
	struct strmap seen;            /* their ids: pages may repeat one */
	const struct crm_record *chat; /* the chat that is being read */
	struct history history;        /* of it, read */
	struct buf line;
	struct buf *expected; /* of a dry run: records of what it would read */
	bool broken;          /* nothing can be written any more */
	uint64_t messages;
	size_t failed;
	int64_t began_ms, told_ms; /* monotonic; told: of the last progress */
};

/* How often the progress is logged. */
#define TELL_MS 5000

static void
give_up(struct backfill *b, const char *what, const struct ending *e)
{
	crm_session_fail(&b->crm, e->error, what, e->message);
}

/* False after a signal, an error, or the end of the program that reads the
 * records: then no more calls are made, because they are paid for. */
static bool
goes_on(const struct backfill *b)
{
	return b->crm.code == PROG_OK && !b->broken && !stop_asked();
}

/* Sends one question and waits for its end, unless the run ends before. */
static void
ask(struct backfill *b, const struct crm_question *q)
{
	fetch_ask(b->crm.fetch, q);
	while (
	    goes_on(b) && fetch_turn(b->http, &b->crm.fetch, 1, INT64_MAX) > 0)
		endpoint_pump(b->to);
}

static void
past_operators_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct backfill *b = ctx;
	size_t i;

	for (i = 0; i < a->n; i++)
		(void)operators_add(&b->operators, &a->records[i], asked_ms);
}

static void
past_operators_end(void *ctx, const struct ending *e)
{
	struct backfill *b = ctx;

	if (e->error != ERROR_CLASS_NONE && e->error != ERROR_CLASS_SHORT)
		give_up(b, "operators", e);
	operators_set_in_profile(&b->operators, b->crm.tenant->profile);
}

/* Waits until another call is allowed. */
static void
keep_pace(const struct backfill *b)
{
	int64_t calls = (int64_t)crm_session_calls(&b->crm);
	int64_t due =
	    b->began_ms +
	    calls * MINUTE_MS / profile_about(b->crm.tenant->profile)->backfill;
	int64_t left;

	while ((left = due - clock_mono_ms()) > 0 && !stop_asked()) {
		endpoint_pump(b->to);
		(void)stop_sleep(left < 500 ? left : 500);
	}
}

/* True if the run must end for now, because polls need the rest of the month's
 * budget. */
static bool
is_budget_spent(struct backfill *b)
{
	int64_t now_ms = crm_session_now(&b->crm);
	uint64_t budget = (uint64_t)b->crm.tenant->budget, calls[CALL_RESULTS];

	if (budget == 0 || b->crm.store == NULL ||
	    (usage_month_of(b->crm.store, USAGE_BACKFILL, now_ms, calls) <
		    budget / SHARE &&
		usage_month(b->crm.store, now_ms) < budget))
		return false;
	if (!b->fills_gap)
		log_warn("tenant %s: the backfill has used a quarter of this "
			 "month's calls ([%s] budget), or none are left; run "
			 "it again next month to continue",
		    b->crm.tenant->name, b->crm.tenant->section);
	b->crm.code = PROG_TEMPFAIL;
	return true;
}

/* True if an earlier run has written the chat. */
static bool
is_written(const struct backfill *b, const struct crm_record *r)
{
	if (b->place_ms == 0)
		return false;
	return b->fills_gap ? r->last_at < b->place_ms
			    : r->last_at > b->place_ms;
}

/* True if part of the chat may lie within the requested period. */
static bool
is_wanted(const struct backfill *b, const struct crm_record *r)
{
	return r->type == RECORD_CHAT && r->last_at != CLOCK_NONE &&
	       r->last_at >= b->since_ms && !is_written(b, r) &&
	       (r->opened_at == CLOCK_NONE || r->opened_at < b->until_ms);
}

/* Logs the progress: the first time immediately, then every TELL_MS. */
static void
tell_progress(struct backfill *b, size_t chats_read)
{
	int64_t now = clock_mono_ms();

	if (b->told_ms != 0 && now - b->told_ms < TELL_MS)
		return;
	b->told_ms = now;
	log_info("progress", "tenant=%s conversations=%zu of=%zu calls=%llu",
	    b->crm.tenant->name, chats_read, b->n,
	    (unsigned long long)crm_session_calls(&b->crm));
}

static void
past_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct backfill *b = ctx;
	struct crm_record *r;
	void **slot;

	(void)asked_ms;
	keep_pace(b);
	crm_session_count(&b->crm);
	if (is_budget_spent(b))
		return;
	for (r = a->records; r < a->records + a->n; r++) {
		if (!is_wanted(b, r))
			continue;
		slot = strmap_put(&b->seen, r->id, strlen(r->id));
		if (*slot != NULL)
			continue;
		*slot = b;
		XGROW(b->chats, b->n, b->cap);
		b->chats[b->n++] = *r;
		*r = (struct crm_record){ .type = RECORD_UNKNOWN };
	}
	tell_progress(b, 0);
}

static void
past_end(void *ctx, const struct ending *e)
{
	if (e->error != ERROR_CLASS_NONE)
		give_up(ctx, "past conversations", e);
}

/* ---- what is written of a chat ---- */

static void
open_line(struct backfill *b, const char *type)
{
	buf_clear(&b->line);
	jsonw_open_record(&b->line, type, b->crm.tenant->name);
}

static void
write_line(struct backfill *b)
{
	jsonw_close(&b->line);
	if (b->crm.code != PROG_OK || b->broken ||
	    endpoint_write(b->to, b->line.data, b->line.len) == 0)
		return;
	b->broken = true;
	b->crm.code = endpoint_code(b->to);
	if (b->crm.code != PROG_OK) /* else the reader of the pipe has ended */
		log_error("%s", endpoint_why(b->to));
}

/* An import includes what came before the period, because waits that end in it
 * may have begun then. */
static bool
is_too_early(const struct backfill *b, int64_t at)
{
	return b->fills_gap && at < b->since_ms;
}

/* Writes the state of the chat at the beginning of an episode. */
static void
write_beginning(struct backfill *b, int64_t at, bool assigned)
{
	const struct crm_record *r = b->chat;

	open_line(b, "chat");
	jsonw_str(&b->line, "chat", r->id);
	jsonw_time(&b->line, "opened_at", at);
	jsonw_time(&b->line, "at", at);
	if (assigned && r->operator_id != NULL)
		jsonw_str(&b->line, "operator", r->operator_id);
	write_line(b);
}

/* Used if, according to the profile, a chat is unassigned before the first
 * message that assigns it; without such a message, its operator counts as
 * assigned from the beginning. */
static void
write_creation(struct backfill *b)
{
	int64_t at = b->chat->opened_at;

	if (profile_about(b->crm.tenant->profile)->begins_unassigned &&
	    at != CLOCK_NONE && !is_too_early(b, at))
		write_beginning(b, at, !history_assigns(&b->history));
}

/* Closes a chat whose messages do not report its closing: no message of its
 * last episode, which begins with message `first`, does. A conversation that is
 * open, or changed since the first poll, is left to the polls. */
static void
write_closing(struct backfill *b, size_t first)
{
	const struct crm_record *r = b->chat;
	size_t i;

	for (i = first; i < b->history.n; i++) {
		if (b->history.messages[i].closing)
			return;
	}
	if (r->status != CHAT_CLOSED || r->closed_at == CLOCK_NONE ||
	    r->last_at >= b->until_ms || is_too_early(b, r->closed_at))
		return;
	open_line(b, "chat");
	crm_record_add_chat(&b->line, r, r->person, r->opened_at, r->closed_at);
	write_line(b);
}

/* True if message i opens an episode that has a name. */
static bool
begins_episode(const struct history *h, size_t i)
{
	const char *episode = h->messages[i].episode;
	size_t k = i;

	if (*episode == '\0' || !history_opens(h, i, episode))
		return false;
	while (k > 0 && !history_opens(h, k - 1, episode))
		k--;
	return k == 0;
}

static void
write_chat(struct backfill *b)
{
	const struct history *h = &b->history;
	size_t i, first = 0;

	history_sort(&b->history);
	write_creation(b);
	for (i = 0; i < h->n && h->messages[i].at < b->until_ms; i++) {
		const struct history_message *m = &h->messages[i];
		bool begins = begins_episode(h, i);

		if (begins)
			first = i;
		if (is_too_early(b, m->at))
			continue;
		if (begins)
			write_beginning(b, m->at, true);
		open_line(b, "message");
		jsonw_members(&b->line, m->body, strlen(m->body));
		write_line(b);
		b->messages++;
	}
	write_closing(b, first);
}

/* ---- reading ---- */

static void
past_messages_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct backfill *b = ctx;
	const struct crm_record *r;

	(void)asked_ms;
	for (r = a->records; r < a->records + a->n; r++) {
		if (r->type == RECORD_MESSAGE)
			history_put(&b->history, r, true);
	}
}

/* A chat that cannot be read is skipped. */
static void
past_messages_end(void *ctx, const struct ending *e)
{
	struct backfill *b = ctx;

	switch (e->failure) {
	case FAILURE_NONE:
		write_chat(b);
		break;
	case FAILURE_ITEM:
		if (b->failed++ == 0)
			log_warn(
			    "tenant %s: cannot read a past conversation: %s",
			    b->crm.tenant->name, e->message);
		break;
	case FAILURE_TENANT:
		give_up(b, "messages", e);
		break;
	}
}

/* Flushes the records before it stores the position. */
static void
commit(struct backfill *b, int64_t place_ms)
{
	enum outcome o =
	    b->broken ? OUTCOME_NEVER : poller_flush(b->poller, b->to);

	if (o != OUTCOME_DONE && b->crm.code == PROG_OK)
		b->crm.code = endpoint_code(b->to);
	b->broken = b->broken || o == OUTCOME_NEVER;
	if (o == OUTCOME_DONE && b->crm.store != NULL)
		store_set_number(b->crm.store,
		    b->fills_gap ? COVERED_GAP_PLACE : PLACE, place_ms);
	crm_session_count(&b->crm);
}

static void
read_chat(struct backfill *b, const struct crm_record *r)
{
	const struct crm_question q = { .call = PROFILE_MESSAGES,
		.item = r->id,
		.with = json_pack("{s:O?, s:o}", "chat", r->raw, "since",
		    profile_seconds(b->since_ms - BEFORE_MS)),
		.tries = TRIES,
		.ctx = b,
		.page = past_messages_page,
		.end = past_messages_end };

	b->chat = r;
	ask(b, &q);
	history_release(&b->history);
	keep_pace(b);
}

/* States the time from `begin` as covered, unless a conversation could not be
 * read. */
static void
state_covered(struct backfill *b, int64_t begin)
{
	if (b->failed > 0)
		log_warn("tenant %s: %zu past conversations could not be read, "
			 "so the metrics of that time stay incomplete",
		    b->crm.tenant->name, b->failed);
	if (b->failed > 0 || begin >= b->until_ms || b->broken)
		return;
	open_line(b, "coverage");
	covered_members(&b->line, "chats", "backfill", begin, b->until_ms);
	jsonw_close(&b->line);
	if (endpoint_write(b->to, b->line.data, b->line.len) != 0 ||
	    poller_flush(b->poller, b->to) != OUTCOME_DONE) {
		b->crm.code = endpoint_code(b->to);
		b->broken = true;
	}
}

/* The newest conversations come first, and what happened in a conversation is
 * not later than its last change, so an interrupted run has read everything
 * after its position. */
static void
state_coverage(struct backfill *b)
{
	int64_t place =
	    b->crm.store != NULL ? store_number(b->crm.store, PLACE, 0) : 0;
	int64_t begin = goes_on(b) ? b->since_ms : place;

	state_covered(b, begin != 0 ? begin : b->until_ms);
}

static int
newest_first(const void *x, const void *y)
{
	const struct crm_record *a = x, *b = y;

	return a->last_at > b->last_at ? -1 : a->last_at < b->last_at;
}

static void
read_chats(struct backfill *b)
{
	size_t i;

	sort_array(b->chats, b->n, sizeof *b->chats, newest_first);
	for (i = 0; i < b->n && goes_on(b); i++) {
		if (i % COMMIT_CHATS == 0 && is_budget_spent(b))
			break;
		read_chat(b, &b->chats[i]);
		tell_progress(b, i + 1);
		if (goes_on(b) && (i + 1) % COMMIT_CHATS == 0)
			commit(b, b->chats[i].last_at);
	}
	if (goes_on(b))
		commit(b, 0);
	else
		commit(b, b->crm.store != NULL
			      ? store_number(b->crm.store, PLACE, 0)
			      : 0);
}

/* Each conversation takes a call, and a long one more. */
static void
tell_expected(struct backfill *b)
{
	size_t minutes =
	    b->n / profile_about(b->crm.tenant->profile)->backfill + 1;

	log_info("expected",
	    "tenant=%s conversations=%zu calls=%zu minutes=%zu",
	    b->crm.tenant->name, b->n, b->n, minutes);
	if (!b->poller->dry_run)
		return;
	jsonw_open_record(b->expected, "expected", b->crm.tenant->name);
	jsonw_int(b->expected, "conversations", (int64_t)b->n);
	jsonw_int(b->expected, "calls", (int64_t)b->n);
	jsonw_int(b->expected, "minutes", (int64_t)minutes);
	jsonw_line(b->expected);
}

static void
print_expected(struct poller *p, const struct buf *expected)
{
	static const struct output_column columns[] = {
		{ "tenant", OUTPUT_TEXT },
		{ "conversations", OUTPUT_NUMBER },
		{ "calls", OUTPUT_NUMBER },
		{ "minutes", OUTPUT_NUMBER },
	};

	poller_print(p, columns, ARRAY_LEN(columns), expected);
}

static void
backfill_tenant(struct backfill *b)
{
	const struct crm_question operators = { .call = PROFILE_OPERATORS,
		.ctx = b,
		.page = past_operators_page,
		.end = past_operators_end };
	struct crm_question past = { .call = PROFILE_PAST,
		.ctx = b,
		.page = past_page,
		.end = past_end };

	b->began_ms = clock_mono_ms();
	ask(b, &operators);
	if (b->until_ms == 0)
		b->until_ms = crm_session_now(&b->crm);
	b->since_ms = b->until_ms - b->since_ms;
	b->since_ms -= b->since_ms % MINUTE_MS;
	past.with = json_pack("{s:o}", "since", profile_seconds(b->since_ms));
	ask(b, &past);
	if (!goes_on(b)) {
		crm_session_count(&b->crm);
		return;
	}
	tell_expected(b);
	if (b->poller->dry_run) {
		crm_session_count(&b->crm);
		return;
	}
	keep_pace(b);
	read_chats(b);
	state_coverage(b);
	fetch_warn_odd(b->crm.fetch);
	if (stop_asked() && b->crm.code == PROG_OK)
		b->crm.code = PROG_TEMPFAIL;
	log_info("backfill",
	    "tenant=%s conversations=%zu unread=%zu messages=%llu calls=%llu",
	    b->crm.tenant->name, b->n, b->failed,
	    (unsigned long long)b->messages,
	    (unsigned long long)crm_session_calls(&b->crm));
}

static void
release(struct backfill *b)
{
	size_t i;

	for (i = 0; i < b->n; i++)
		crm_record_release(&b->chats[i]);
	free(b->chats);
	strmap_release(&b->seen, NULL);
	operators_release(&b->operators);
	history_release(&b->history);
	buf_release(&b->line);
	crm_session_close(&b->crm);
}

/* Returns false if nothing can be written any more. */
static bool
run_tenant(struct poller *p, const struct tenant *t, struct http *http,
    struct endpoint *to, int64_t span_ms, struct buf *expected)
{
	struct backfill b = { .poller = p,
		.http = http,
		.to = to,
		.expected = expected,
		.since_ms = span_ms,
		.history = HISTORY_INIT };
	enum exit_code code = PROG_OK;
	struct store *store;

	if (profile_about(t->profile)->backfill == 0) {
		log_error("tenant %s: its profile cannot read past "
			  "conversations; see messaging-profile(5)",
		    t->name);
		poller_failed(p, PROG_CONFIG);
		return true;
	}
	store = poller_open_store(poller_state(p), t, true, &code);
	crm_session_open(&b.crm, http, t, USAGE_BACKFILL, store);
	b.crm.code = code;
	operators_init(&b.operators, t->opt.bot_operators);
	if (store != NULL) {
		b.until_ms = store_number(store, "first_as_of", 0);
		b.place_ms = store_number(store, PLACE, 0);
		crm_session_begin(&b.crm);
	}
	if (b.crm.code == PROG_OK)
		backfill_tenant(&b);
	poller_failed(p, b.crm.code);
	release(&b);
	return !b.broken;
}

static enum exit_code
run_backfill_mode(void *options)
{
	struct poller *p = options;
	struct endpoint_options opt = { .conf = p->common.conf };
	struct endpoint *to;
	struct http *http;
	struct buf expected = BUF_INIT;
	bool writes = true;
	int64_t span_ms;
	size_t i;

	if (parse_duration(p->backfill, &span_ms) != 0)
		return prog_usage_error(
		    "--backfill needs a duration such as 90d, not '%s'",
		    p->backfill);
	if (!poller_open(p, true))
		return p->code;
	to = poller_open_output(p, "-", &opt);
	if (to == NULL)
		return p->code;
	http = http_new();
	for (i = 0; writes && i < p->tenants_n && !stop_asked(); i++)
		writes =
		    run_tenant(p, &p->tenants[i], http, to, span_ms, &expected);
	if (p->dry_run)
		print_expected(p, &expected);
	buf_release(&expected);
	http_free(http);
	endpoint_close(to);
	return p->code;
}

/* ---- a gap between polls ---- */

/* One poll reads so many conversations of a gap, or a few more; later ones read
 * the others. */
#define GAP_CHATS 50

/* The greatest difference between the times of messages and of snapshots. */
#define GAP_OVERLAP_MS MINUTE_MS

static int
oldest_first(const void *x, const void *y)
{
	return newest_first(y, x);
}

/* A conversation that changes between two polls becomes the newest one, so in
 * this order none is missed. Ends only before a later time, so that the
 * position separates those that were read. Returns true if all were read. */
static bool
read_gap_chats(struct backfill *b, int64_t end_mono_ms)
{
	const struct crm_record *r = b->chats;
	int64_t place = b->place_ms;
	size_t i;
	bool all;

	sort_array(b->chats, b->n, sizeof *b->chats, oldest_first);
	for (i = 0; i < b->n; i++) {
		if (i > 0 && r[i].last_at > r[i - 1].last_at) {
			place = r[i].last_at;
			if (i >= GAP_CHATS || clock_mono_ms() > end_mono_ms ||
			    is_budget_spent(b))
				break;
		}
		read_chat(b, &r[i]);
		if (!goes_on(b))
			break;
	}
	all = goes_on(b) && i == b->n;
	if (b->broken)
		crm_session_count(&b->crm);
	else
		commit(b, all ? 0 : place);
	return all && goes_on(b);
}

/* Somewhat later than the beginning of the aggregator's window, so that the
 * aggregator takes the records even if it reads them later. */
static int64_t
oldest_taken(const struct backfill *b)
{
	int64_t window =
	    conf_int(b->poller->common.conf, "aggregator", "window");

	return crm_session_now(&b->crm) - window + window / 24;
}

static void
fill_gap(struct backfill *b, int64_t begin, int64_t end_mono_ms)
{
	struct crm_question past = { .call = PROFILE_PAST,
		.ctx = b,
		.page = past_page,
		.end = past_end };
	struct store *s = b->crm.store;

	past.with = json_pack("{s:o}", "since",
	    profile_seconds(
		b->place_ms > b->since_ms ? b->place_ms : b->since_ms));
	ask(b, &past);
	b->failed = (size_t)store_number(s, COVERED_GAP_UNREAD, 0);
	if (!goes_on(b) || !read_gap_chats(b, end_mono_ms)) {
		store_set_number(s, COVERED_GAP_UNREAD, (int64_t)b->failed);
	} else {
		state_covered(b, begin);
		if (!b->broken)
			covered_end_gap(s);
	}
	crm_session_count(&b->crm);
	log_info("gap_filled",
	    "tenant=%s conversations=%zu messages=%llu "
	    "calls=%llu left=%s",
	    b->crm.tenant->name, b->n, (unsigned long long)b->messages,
	    (unsigned long long)crm_session_calls(&b->crm),
	    store_number(s, COVERED_GAP_END, 0) == 0 ? "no" : "yes");
}

/* Prepares the run with the state of the last poll. Returns false if there is
 * nothing to read. */
static bool
begin_gap(struct backfill *b, int64_t *begin)
{
	struct store *s = b->crm.store;
	int64_t oldest = oldest_taken(b);

	*begin = store_number(s, COVERED_GAP_BEGIN, 0);
	b->until_ms = store_number(s, COVERED_GAP_END, 0);
	b->place_ms = store_number(s, COVERED_GAP_PLACE, 0);
	if (b->until_ms == 0)
		return false;
	if (b->until_ms <= oldest) {
		covered_end_gap(s);
		crm_session_count(&b->crm);
		return false;
	}
	if (*begin < oldest)
		*begin = oldest;
	b->since_ms = *begin - GAP_OVERLAP_MS;
	if (b->since_ms < oldest)
		b->since_ms = oldest;
	if (is_budget_spent(b))
		return false;
	(void)operators_load(
	    &b->operators, s, crm_session_now(&b->crm), INT64_MAX);
	operators_set_in_profile(&b->operators, b->crm.tenant->profile);
	crm_session_begin(&b->crm);
	return b->crm.code == PROG_OK;
}

bool
backfill_fill_gap(struct poller *p, const struct tenant *t, struct http *http,
    struct endpoint *to, int64_t end_mono_ms)
{
	struct backfill b = { .poller = p,
		.fills_gap = true,
		.http = http,
		.to = to,
		.began_ms = clock_mono_ms(),
		.history = HISTORY_INIT };
	enum exit_code code;
	struct store *store;
	int64_t begin;

	if (profile_about(t->profile)->backfill == 0)
		return true;
	store = poller_open_store(poller_state(p), t, false, &code);
	if (store == NULL)
		return true;
	crm_session_open(&b.crm, http, t, USAGE_BACKFILL, store);
	operators_init(&b.operators, t->opt.bot_operators);
	if (begin_gap(&b, &begin))
		fill_gap(&b, begin, end_mono_ms);
	if (b.broken)
		poller_failed(p, b.crm.code);
	release(&b);
	return !b.broken;
}

static const struct option_row rows[] = {
	POLLER_TO,
	OPTION_FLAG("dry-run", struct poller, dry_run,
	    "list the conversations; print the calls to read them"),
	POLLER_STATE("the state folder, which also keeps the position"),
	POLLER_TENANT,
	POLLER_TEXT,
};

const struct option_mode poller_mode_backfill = {
	.choice = OPTION_TEXT(0, "backfill", "TIME", struct poller, backfill,
	    "read past conversations, such as 90d"),
	.about = "Reads conversations of this time before the first poll, and "
		 "writes their records\nfor an aggregator without a state.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.run = run_backfill_mode,
};
