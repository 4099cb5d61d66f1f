/*
 * status: poller --status. Reads chat records, asks the CRM about those chats
 * (struct asked_chats), and writes chat records with their status (open, closed
 * or gone) and the time at which the CRM was asked.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/prog.h"
#include "common/base/xalloc.h"
#include "common/containers/strmap.h"
#include "common/endpoint/endpoint.h"
#include "common/json/jsonw.h"
#include "common/os/stop.h"
#include "common/records/record.h"
#include "common/stage/deadletter.h"
#include "poller/chats/history.h"
#include "poller/chats/left_state.h"
#include "poller/chats/locate.h"
#include "poller/chats/pull.h"
#include "poller/crm/crm_session.h"
#include "poller/crm/fetch.h"
#include "poller/crm/quota.h"
#include "poller/modes/modes.h"

/*
 * asked_chats: the chats that the reaper asks about: determines which of them
 * are open, closed or gone with as few calls as possible.
 *
 * One call for the list of open chats covers 200 of them. A chat that is not in
 * the list is looked up individually, and so is every chat if the CRM lists
 * chats by operator. `gone` is written only if the list was read in the same
 * run and lacks the chat: a token without permissions must not look like a CRM
 * without chats. If the list has only unassigned chats, the chat is looked up
 * once more instead. These records are written last, when all questions have
 * ended, because the reaper counts them: a run that gave up or was stopped
 * reports no chat as gone.
 *
 * Polls write last messages and closings (chats_leave()).
 */

/* The chats of one tenant. */
struct asked_chats {
	/* Set by the caller; borrowed. */
	struct endpoint *to; /* the answers: chat records */
	bool cut;            /* not all chats to ask about could be read */
	bool waits; /* only after polls have written a chat's last messages,
		     * because closing deletes its history */

	struct crm_session crm; /* open until asked_chats_end() */

	/* Private. */
	struct strmap chats; /* id -> struct asked */
	size_t live;         /* chats that are open according to the input */
	bool list_first, listing, listed;
	bool stopped;  /* not all questions were asked */
	int64_t floor; /* as_of of the last snapshot: answers are later */
	enum exit_code unclear; /* the code if chats have no answer */
	bool unasked;           /* the profile cannot look up a chat */
	struct buf line;
};

/* ---- asked chats ---- */

/* Takes the chats on a page of the list. */
#define PAGE_ROWS 200

#define TRIES 3

struct asked {
	struct asked_chats *of;
	char *id;
	bool live; /* open according to the input */
	bool answered;
	bool missing; /* the CRM does not have it */
	struct locate locate;
	int64_t gone_ms; /* when this was asked; 0: another answer */
};

/* Adds the chat of a chat record, once. */
static void
asked_chats_add(struct asked_chats *q, const struct record *r)
{
	void **slot = strmap_put(&q->chats, r->chat.p, r->chat.len);
	struct asked *a;

	if (*slot != NULL)
		return;
	a = xcalloc(1, sizeof *a);
	a->of = q;
	a->id = text_dup(r->chat);
	a->live = r->status == CHAT_OPEN;
	q->live += a->live;
	*slot = a;
}

static void
free_asked(void *v)
{
	struct asked *a = v;

	free(a->id);
	free(a);
}

static void
open_answer(struct asked_chats *q, const char *type)
{
	buf_clear(&q->line);
	jsonw_open_record(&q->line, type, q->crm.tenant->name);
}

static void
write_answer(struct asked_chats *q)
{
	jsonw_close(&q->line);
	if (endpoint_write(q->to, q->line.data, q->line.len) == 0)
		return;
	q->stopped = true; /* the flush reports the reason */
	fetch_stop(q->crm.fetch);
}

/* Ensures that answers are later than the last snapshot. */
static int64_t
answer_time(const struct asked_chats *q, int64_t asked_ms)
{
	return asked_ms <= q->floor ? q->floor + 1 : asked_ms;
}

static void
write_found_chat(struct asked *a, const struct crm_record *r, int64_t asked_ms)
{
	struct asked_chats *q = a->of;

	a->answered = true;
	open_answer(q, "chat");
	crm_record_add_chat(
	    &q->line, r, "", CLOCK_NONE, answer_time(q, asked_ms));
	if (r->status == CHAT_NONE) /* a chat without a status is open:
				     * messaging-records(5) */
		jsonw_str(&q->line, "status", record_status_name(CHAT_OPEN));
	write_answer(q);
}

static void
write_gone_chat(struct asked_chats *q, const struct asked *a)
{
	open_answer(q, "chat");
	jsonw_str(&q->line, "chat", a->id);
	jsonw_str(&q->line, "status", record_status_name(CHAT_GONE));
	jsonw_time(&q->line, "at", answer_time(q, a->gone_ms));
	write_answer(q);
}

/* Writes all of them, or none if the run is incomplete: a part would hide from
 * the reaper that very many are gone at once. A kill may still leave a part. */
static void
write_gone_chats(struct asked_chats *q)
{
	struct strmap_entry *e;
	size_t i = 0;

	if (q->cut || q->stopped || fetch_left(q->crm.fetch) > 0)
		return;
	while (!q->stopped && (e = strmap_next(&q->chats, &i)) != NULL) {
		const struct asked *a = e->value;

		if (a->gone_ms != 0)
			write_gone_chat(q, a);
	}
}

static void
give_up_asking(struct asked_chats *q, enum error_class error, const char *what,
    const char *message)
{
	q->stopped = true;
	crm_session_fail(&q->crm, error, what, message);
}

static void ask_list(struct asked_chats *q);

static void
asked_chat_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct asked *asked = ctx;
	const struct crm_record *r;

	for (r = a->records; r < a->records + a->n; r++)
		if (r->type == RECORD_CHAT && !asked->answered &&
		    strcmp(r->id, asked->id) == 0)
			write_found_chat(asked, r, asked_ms);
}

/* Neither the CRM nor its list has the chat. */
static void
on_chat_gone(struct asked *a, const struct ending *e)
{
	a->answered = true;
	a->gone_ms = e->ended_ms;
}

/* A chat failed. This does not affect whether others are gone. */
static void
count_unclear(struct asked *a, enum error_class error, const char *why)
{
	enum exit_code code = failure_code(error, FAILURE_ITEM);

	if (code > a->of->unclear)
		a->of->unclear = code;
	log_warn("tenant %s: chat %s: %s; the next run asks again",
	    a->of->crm.tenant->name, a->id, why);
}

static void
asked_chat_end(void *ctx, enum where where, const struct ending *e)
{
	struct asked *a = ctx;
	struct asked_chats *q = a->of;

	switch (where) {
	case WHERE_SHOWN:
		break;
	case WHERE_GONE:
		on_chat_gone(a, e);
		break;
	case WHERE_MISSING:
		a->missing = true;
		if (q->listed)
			on_chat_gone(a, e);
		else
			ask_list(q);
		break;
	case WHERE_UNASKED:
		q->unasked = true;
		break;
	case WHERE_OTHER:
		count_unclear(a, ERROR_CLASS_UNUSABLE,
		    "the answer is about another chat, or none");
		break;
	case WHERE_FAILED:
		if (e->failure == FAILURE_TENANT)
			give_up_asking(q, e->error, "chats", e->message);
		else
			count_unclear(a, e->error, e->message);
		break;
	}
}

static void
ask_asked_chat(struct asked *a)
{
	struct asked_chats *q = a->of;

	a->locate = (struct locate){ .fetch = q->crm.fetch,
		.chat = a->id,
		.tries = TRIES,
		.unlisted = q->listed && !fetch_lists_by_operator(q->crm.fetch),
		.ctx = a,
		.page = asked_chat_page,
		.end = asked_chat_end };
	locate_chat(&a->locate);
}

static void
ask_chats(struct asked_chats *q)
{
	struct strmap_entry *e;
	size_t i = 0;

	while ((e = strmap_next(&q->chats, &i)) != NULL) {
		struct asked *a = e->value;

		if (!a->answered && !a->missing)
			ask_asked_chat(a);
	}
}

static void
open_list_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct asked_chats *q = ctx;
	struct asked *asked;
	size_t i;

	for (i = 0; i < a->n; i++) {
		const struct crm_record *r = &a->records[i];

		if (r->type != RECORD_CHAT)
			continue;
		asked = strmap_get(&q->chats, r->id, strlen(r->id));
		if (asked != NULL && !asked->answered)
			write_found_chat(asked, r, asked_ms);
	}
}

/* A list that polls accept although it is too short: a chat missing from it
 * counts as listed. */
static bool
is_as_polls_take_it(const struct asked_chats *q, const struct ending *e)
{
	return e->error == ERROR_CLASS_SHORT && q->crm.store != NULL &&
	       short_list_is_taken(q->crm.store, e->missing);
}

/* From here on a chat may be gone. */
static void
open_list_end(void *ctx, const struct ending *e)
{
	struct asked_chats *q = ctx;
	struct strmap_entry *entry;
	size_t i = 0;

	if (e->error != ERROR_CLASS_NONE && !is_as_polls_take_it(q, e)) {
		give_up_asking(q, e->error, "open chats", e->message);
		return;
	}
	q->listed = true;
	while ((entry = strmap_next(&q->chats, &i)) != NULL) {
		struct asked *a = entry->value;

		if (a->missing && !a->answered)
			on_chat_gone(a, e);
	}
	if (q->list_first)
		ask_chats(q);
}

static void
ask_list(struct asked_chats *q)
{
	struct crm_question question = { .call = PROFILE_CHATS,
		.urgent = true,
		.ctx = q,
		.page = open_list_page,
		.end = open_list_end };

	if (q->listing)
		return;
	q->listing = true;
	fetch_ask(q->crm.fetch, &question);
}

/* True if reading the list and looking up only missing chats costs fewer calls
 * than looking up each chat. */
static bool
is_list_cheaper(const struct asked_chats *q)
{
	size_t pages = (q->live + PAGE_ROWS - 1) / PAGE_ROWS;

	if (q->crm.store != NULL)
		pages =
		    (size_t)store_number(q->crm.store, "pages", (int64_t)pages);
	return q->live > 0 && pages < q->live &&
	       !fetch_lists_by_operator(q->crm.fetch);
}

/* The reaper asks about these again when the next poll has read them. While
 * polls are paced, the snapshot is older than the reaper expects, so it asks
 * about all chats, although most are still listed. */
static void
leave_chats_to_polls(struct asked_chats *q)
{
	int64_t now_ms = crm_session_now(&q->crm);
	unsigned interval = quota_interval(q->crm.tenant, q->crm.store, now_ms);
	struct strmap_entry *e;
	struct chat_state state;
	size_t i = 0;
	bool over;

	/* cron runs the job each minute. */
	if (!q->waits && (interval <= 1 || !quota_is_recent(q->crm.store,
					       interval + 1, now_ms)))
		return;
	while ((e = strmap_next(&q->chats, &i)) != NULL) {
		struct asked *a = e->value;

		if (!chat_state_load(&state, q->crm.store, a->id))
			continue;
		over = chat_is_over(&state, q->crm.store);
		chat_state_release(&state);
		if (over)
			continue;
		a->answered = true;
		q->live -= a->live;
	}
}

/* Sends the questions; the caller then runs q->crm.fetch until nothing is left.
 * state: the folder of the polls' state, or NULL. */
static void
asked_chats_begin(struct asked_chats *q, struct http *http,
    const struct tenant *t, const char *state)
{
	enum exit_code code;

	/* Chats are looked up even without the polls' state. */
	crm_session_open(&q->crm, http, t, USAGE_STATUS,
	    poller_open_store(state, t, false, &code));
	if (q->crm.store != NULL) {
		q->floor = store_number(q->crm.store, "as_of", 0);
		leave_chats_to_polls(q);
	}
	crm_session_begin(&q->crm);
	if (q->crm.code != PROG_OK) {
		q->stopped = true;
		return;
	}
	q->list_first = is_list_cheaper(q);
	if (q->list_first)
		ask_list(q);
	else
		ask_chats(q);
}

/* If the CRM forbids all chats, or the profile can look up none, the cause is
 * not a single chat. */
static enum exit_code
judge_unclear(const struct asked_chats *q)
{
	size_t refused = fetch_refused(q->crm.fetch, PROFILE_CHAT);

	if (q->unasked) {
		log_error("tenant %s: the profile has no chat_request; see "
			  "messaging-profile(5)",
		    q->crm.tenant->name);
		return PROG_CONFIG;
	}
	if (refused > 0 && refused == q->chats.n) {
		failure_log(q->crm.tenant, ERROR_CLASS_DENIED, "chats",
		    "the CRM forbids all of them");
		return PROG_NOPERM;
	}
	return q->unclear;
}

/* Writes the gone chats, counts the calls in the state, sets the code, and
 * releases the rest. */
static void
asked_chats_end(struct asked_chats *q)
{
	write_gone_chats(q);
	fetch_warn_odd(q->crm.fetch);
	if (q->crm.code == PROG_OK && !q->stopped)
		q->crm.code = judge_unclear(q);
	crm_session_count(&q->crm);
	call_metrics_keep(&q->crm);
	crm_session_close(&q->crm);
	strmap_release(&q->chats, free_asked);
	buf_release(&q->line);
}

/* ---- status ---- */

/* The chat records that are read. */
struct status_input {
	struct poller *poller;
	struct endpoint *from, *to;
	struct deadletter dead;
	struct asked_chats *asked;
	struct strmap unknown; /* tenants that are not queried, reported once */
	struct record record;
	struct flat flat;
	struct buf why;
	bool cut; /* not everything was read */
};

static struct asked_chats *
find_asked_chats(const struct status_input *in, struct text tenant)
{
	size_t i;

	for (i = 0; i < in->poller->tenants_n; i++)
		if (text_is(tenant, in->poller->tenants[i].name))
			return &in->asked[i];
	return NULL;
}

static void
report_unknown_tenant(struct status_input *in, struct text tenant)
{
	void **slot = strmap_put(&in->unknown, tenant.p, tenant.len);

	if (*slot != NULL)
		return;
	*slot = in;
	if (poller_leaves_out(in->poller, tenant))
		return;
	poller_failed(in->poller, PROG_CONFIG);
	log_error(
	    "cannot ask about chats of tenant '%.*s': it is not configured, or "
	    "has errors; reaper --purge removes the rows of a removed tenant",
	    TEXT_ARG(tenant));
}

/* True if the tenant has no token, so that its CRM cannot be asked, but
 * webhooks have reported that the chat is over. */
static bool
is_answered_by_webhook(const struct status_input *in)
{
	const struct record *r = &in->record;

	return (r->status == CHAT_CLOSED || r->status == CHAT_GONE) &&
	       r->at != CLOCK_NONE && in->poller->only_n == 0 &&
	       poller_leaves_out(in->poller, r->tenant);
}

/* If it cannot be written, the run ends and the flush reports the reason. */
static enum outcome
write_known_answer(struct status_input *in)
{
	const struct record *r = &in->record;
	struct buf line = BUF_INIT;
	int rc;

	jsonw_open(&line);
	jsonw_str(&line, "type", "chat");
	jsonw_text(&line, "tenant", r->tenant);
	jsonw_text(&line, "chat", r->chat);
	jsonw_str(&line, "status", record_status_name(r->status));
	jsonw_time(&line, "at", r->at);
	jsonw_close(&line);
	rc = endpoint_write(in->to, line.data, line.len);
	buf_release(&line);
	return rc == 0 ? OUTCOME_DONE : OUTCOME_NEVER;
}

static enum outcome
take_asked_line(struct status_input *in, char *line, size_t len)
{
	struct asked_chats *q;

	if (record_parse(&in->record, &in->flat, line, len, &in->why) != 0)
		return deadletter_add(&in->dead, endpoint_where(in->from), line,
		    len, buf_str(&in->why));
	if (in->record.type != RECORD_CHAT)
		return OUTCOME_DONE;
	q = find_asked_chats(in, in->record.tenant);
	if (q != NULL)
		asked_chats_add(q, &in->record);
	else if (is_answered_by_webhook(in))
		return write_known_answer(in);
	else
		report_unknown_tenant(in, in->record.tenant);
	return OUTCOME_DONE;
}

/* Returns 0 at the end of the input, -1 if it cannot be read. */
static int
read_asked_chats(struct status_input *in)
{
	enum outcome o = OUTCOME_DONE;
	enum endpoint_status status;
	char *line;
	size_t len;

	while (o == OUTCOME_DONE && !stop_asked()) {
		status = endpoint_read(in->from, &line, &len, 1000);
		if (status == ENDPOINT_RECORD) {
			o = take_asked_line(in, line, len);
		} else if (status == ENDPOINT_TOOLONG) {
			o = deadletter_add(&in->dead, endpoint_where(in->from),
			    NULL, 0, endpoint_refusal(in->from));
		} else if (status != ENDPOINT_WAIT) {
			poller_report_input(in->poller, in->from, status,
			    "only the chats before it are looked up");
			in->cut = status == ENDPOINT_CUT;
			return status == ENDPOINT_FAILED ? -1 : 0;
		}
	}
	if (o != OUTCOME_DONE)
		poller_failed(in->poller, in->dead.code);
	return -1;
}

static void
ask_all(struct status_input *in)
{
	struct poller *p = in->poller;
	struct asked_chats *all = in->asked;
	struct http *http = http_new();
	struct fetch **fetches = xcalloc(p->tenants_n + 1, sizeof *fetches);
	size_t i, left;

	for (i = 0; i < p->tenants_n; i++) {
		all[i].cut = in->cut;
		asked_chats_begin(
		    &all[i], http, &p->tenants[i], poller_state(p));
		fetches[i] = all[i].crm.fetch;
	}
	do {
		left = fetch_turn(http, fetches, p->tenants_n, INT64_MAX);
		endpoint_pump(in->from);
		endpoint_pump(in->to);
		deadletter_pump(&in->dead);
	} while (left > 0 && !stop_asked());
	free(fetches);
	for (i = 0; i < p->tenants_n; i++)
		asked_chats_end(&all[i]);
	http_free(http);
}

/* Flushes the answers before it acknowledges the input. */
static void
flush_answers(struct status_input *in)
{
	if (poller_flush(in->poller, in->to) != OUTCOME_DONE)
		return;
	/* The next reaper --list includes the chats without an answer again. */
	if (deadletter_flush(&in->dead) == OUTCOME_DONE && !stop_asked())
		endpoint_ack(in->from);
	poller_failed(in->poller, deadletter_code(&in->dead));
}

static int
open_status_ends(struct poller *p, struct status_input *in)
{
	struct endpoint_options opt = { .conf = p->common.conf,
		.until_empty = true,
		.prefetch = ENDPOINT_NO_PREFETCH_LIMIT };

	in->from = poller_open_input(p, &opt);
	if (in->from != NULL)
		in->to = poller_open_output(p, "-", &opt);
	if (in->to == NULL)
		return -1;
	deadletter_open(&in->dead, in->from, &opt);
	return 0;
}

static enum exit_code
status(struct poller *p)
{
	struct status_input in = { .poller = p };
	size_t i;

	if (open_status_ends(p, &in) == 0) {
		in.asked = xcalloc(p->tenants_n + 1, sizeof *in.asked);
		for (i = 0; i < p->tenants_n; i++)
			in.asked[i] = (struct asked_chats){ .to = in.to,
				.waits = strcmp(conf_text(p->common.conf,
						    "reaper", "on_close"),
					     "all") == 0 };
		if (read_asked_chats(&in) == 0) {
			ask_all(&in);
			for (i = 0; i < p->tenants_n; i++)
				poller_failed(p, in.asked[i].crm.code);
		}
		flush_answers(&in);
		deadletter_close(&in.dead);
		free(in.asked);
	}
	strmap_release(&in.unknown, NULL);
	flat_release(&in.flat);
	buf_release(&in.why);
	endpoint_close(in.to);
	endpoint_close(in.from);
	return p->code;
}

static const struct option_row rows[] = {
	OPTION_TAKE('f', "from", "FROM", struct poller, from, endpoint_take,
	    "where chat records come from: -, a file, queue:NAME"),
	POLLER_TO,
	POLLER_STATE("the state folder, which also counts calls"),
	POLLER_TENANT,
};

static enum exit_code
run_status_mode(void *options)
{
	struct poller *p = options;

	return poller_open(p, true) ? status(p) : p->code;
}

const struct option_mode poller_mode_status = {
	.choice =
	    OPTION_MODE("status", "show which chats are open, closed or gone"),
	.about = "Reads chat records, and writes each with its present status: "
		 "open, closed or\ngone.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.check = poller_check_ends,
	.run = run_status_mode,
};
