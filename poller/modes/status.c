/*
 * status: poller --status. Reads chat records, asks the CRM about those chats
 * with as few calls as possible, and writes chat records that say which are
 * open, closed or gone, and when that was asked.
 *
 * One call of the list of open chats covers 200 of them. A chat that is not in
 * the list is asked about singly, and so is every chat where the CRM lists
 * chats by operator. `gone` is written only when the list was read in the same
 * run and lacks the chat: a token without rights must not look like a CRM from
 * which everything was deleted. Where the list has unassigned chats only, the
 * chat is asked about once more instead.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/containers/strmap.h"
#include "common/endpoint/deadletter.h"
#include "common/endpoint/endpoint.h"
#include "common/os/stop.h"
#include "common/records/record.h"
#include "common/text/jsonw.h"
#include "poller/client/error_class.h"
#include "poller/client/fetch.h"
#include "poller/modes/poller.h"
#include "poller/quota/quota.h"
#include "poller/quota/usage.h"
#include "poller/store/store.h"

/* Chats a page of the list. */
#define PAGE_ROWS 200

#define TRIES 3

struct asked {
	struct inquiry *of;
	char *id;
	bool answered;
	bool gone;  /* the CRM does not have it, */
	bool again; /* and was asked twice */
};

/* The questions to one tenant's CRM. */
struct inquiry {
	const struct tenant *tenant;
	struct store *store; /* or NULL */
	struct fetch *fetch;
	struct skew skew;
	struct strmap chats; /* id -> struct asked */
	size_t live;         /* chats that the input says are open */
	bool by_operator;    /* the list has unassigned chats only */
	bool list_first, listing, listed;
	int64_t floor;  /* as_of of the last snapshot: answers are later */
	size_t unclear; /* chats without an answer */
	struct endpoint *to;
	struct buf line;
	enum exit_code code;
};

static void
free_asked(void *v)
{
	struct asked *a = v;

	free(a->id);
	free(a);
}

static void
write_inquiry_line(struct inquiry *q)
{
	if (endpoint_write(q->to, q->line.data, q->line.len) != 0)
		fetch_stop(q->fetch); /* the flush reports why */
}

static void
write_chat_answer(struct asked *a, const struct crm_record *r, int64_t asked_ms)
{
	struct inquiry *q = a->of;

	if (asked_ms <= q->floor)
		asked_ms = q->floor + 1;
	a->answered = true;
	buf_clear(&q->line);
	jsonw_open(&q->line);
	jsonw_str(&q->line, "type", "chat");
	jsonw_str(&q->line, "tenant", q->tenant->name);
	if (r != NULL) {
		jsonw_members(&q->line, r->body, strlen(r->body));
	} else {
		jsonw_str(&q->line, "chat", a->id);
		jsonw_str(&q->line, "status", record_status_name(CHAT_GONE));
	}
	jsonw_time(&q->line, "at", asked_ms);
	if (r != NULL && r->closed_at != CLOCK_NONE)
		jsonw_time(&q->line, "closed_at", r->closed_at);
	jsonw_close(&q->line);
	write_inquiry_line(q);
}

static void
give_up_inquiry(struct inquiry *q, enum error_class error, const char *what,
    const char *message)
{
	if (q->code == PROG_OK) {
		q->code = error_class_code(error);
		error_class_log(q->tenant, error, what, message);
	}
	fetch_stop(q->fetch);
}

static void
asked_chat_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct asked *asked = ctx;
	size_t i;

	for (i = 0; i < a->n; i++) {
		if (a->records[i].type == RECORD_CHAT && !asked->answered &&
		    strcmp(a->records[i].id, asked->id) == 0)
			write_chat_answer(asked, &a->records[i], asked_ms);
	}
}

static void ask_list(struct inquiry *q);
static void ask_chat(struct asked *a);

/* Neither the CRM nor its list has the chat. */
static void
on_chat_missing(struct asked *a, const struct ending *e)
{
	if (!a->of->by_operator || a->again) {
		write_chat_answer(a, NULL, e->ended_ms);
		return;
	}
	a->again = true;
	ask_chat(a);
}

static void
asked_chat_end(void *ctx, const struct ending *e)
{
	struct asked *a = ctx;
	struct inquiry *q = a->of;

	switch (e->error) {
	case ERROR_CLASS_NONE:
		q->unclear += !a->answered;
		break;
	case ERROR_CLASS_GONE:
		a->gone = true;
		if (q->listed)
			on_chat_missing(a, e);
		else
			ask_list(q);
		break;
	case ERROR_CLASS_UNUSABLE:
		q->unclear++;
		log_warn("tenant %s: chat %s: %s; it is asked about again "
			 "next time",
		    q->tenant->name, a->id, e->message);
		break;
	case ERROR_CLASS_LATER:
	case ERROR_CLASS_THROTTLED:
	case ERROR_CLASS_QUOTA:
	case ERROR_CLASS_DENIED:
		give_up_inquiry(q, e->error, "chats", e->message);
		break;
	}
}

static void
ask_chat(struct asked *a)
{
	struct crm_question question = { .call = PROFILE_CHAT,
		.tries = TRIES,
		.ctx = a,
		.page = asked_chat_page,
		.end = asked_chat_end };

	question.chat = value_chat(a->id);
	fetch_ask(a->of->fetch, &question);
	value_unref(question.chat);
}

static void
ask_chats(struct inquiry *q)
{
	struct strmap_entry *e;
	size_t i = 0;

	while ((e = strmap_next(&q->chats, &i)) != NULL) {
		struct asked *a = e->value;

		if (!a->answered && !a->gone)
			ask_chat(a);
	}
}

static void
open_list_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct inquiry *q = ctx;
	struct asked *asked;
	size_t i;

	for (i = 0; i < a->n; i++) {
		const struct crm_record *r = &a->records[i];

		if (r->type != RECORD_CHAT)
			continue;
		asked = strmap_get(&q->chats, r->id, strlen(r->id));
		if (asked != NULL && !asked->answered)
			write_chat_answer(asked, r, asked_ms);
	}
}

/* From here on `gone` may be written. */
static void
open_list_end(void *ctx, const struct ending *e)
{
	struct inquiry *q = ctx;
	struct strmap_entry *entry;
	size_t i = 0;

	if (e->error != ERROR_CLASS_NONE) {
		give_up_inquiry(q, e->error, "open chats", e->message);
		return;
	}
	q->listed = true;
	while ((entry = strmap_next(&q->chats, &i)) != NULL) {
		struct asked *a = entry->value;

		if (a->gone && !a->answered)
			on_chat_missing(a, e);
	}
	if (q->list_first)
		ask_chats(q);
}

static void
ask_list(struct inquiry *q)
{
	struct crm_question question = { .call = PROFILE_CHATS,
		.urgent = true,
		.ctx = q,
		.page = open_list_page,
		.end = open_list_end };

	if (q->listing)
		return;
	q->listing = true;
	fetch_ask(q->fetch, &question);
}

/* Takes the cheaper way: the list first and then what it lacks, or each chat
 * singly. */
static void
begin_inquiry(struct inquiry *q, struct http *http, const char *state)
{
	struct buf why = BUF_INIT;
	enum exit_code code;
	size_t pages = (q->live + PAGE_ROWS - 1) / PAGE_ROWS;

	q->fetch = fetch_new(http, q->tenant, &q->skew);
	if (state != NULL) {
		q->store = store_open(
		    state, q->tenant->name, STORE_SHARED, &code, &why);
		if (q->store == NULL)
			log_warn(
			    "tenant %s: %s", q->tenant->name, buf_str(&why));
		buf_release(&why);
	}
	if (q->store != NULL) {
		q->skew.offset_ms = store_number(q->store, "skew", 0);
		q->floor = store_number(q->store, "as_of", 0);
		pages = (size_t)store_number(q->store, "pages", (int64_t)pages);
	}
	if (q->store != NULL)
		q->code = quota_check(q->tenant, q->store, q->fetch,
		    skew_apply(&q->skew, clock_now_ms()));
	if (q->code != PROG_OK) {
		fetch_stop(q->fetch);
		return;
	}
	q->by_operator = profile_about(q->tenant->profile)->by_operator;
	q->list_first = q->live > 0 && pages < q->live && !q->by_operator;
	if (q->list_first)
		ask_list(q);
	else
		ask_chats(q);
}

static void
count_usage(struct inquiry *q)
{
	struct call_usage u = { .runs = 1 };
	struct buf why = BUF_INIT;
	int64_t now = skew_apply(&q->skew, clock_now_ms());

	memcpy(u.calls, fetch_calls(q->fetch), sizeof u.calls);
	if (q->store != NULL) {
		usage_add_run(q->store, USAGE_STATUS, now, &u);
		quota_keep_hold(q->store, q->fetch, now);
		usage_add_month(
		    q->store, USAGE_STATUS, now, usage_calls(u.calls));
		if (store_commit(q->store, &why) != PROG_OK)
			log_warn(
			    "tenant %s: %s", q->tenant->name, buf_str(&why));
	}
	buf_release(&why);
}

static void
end_inquiry(struct inquiry *q)
{
	if (q->unclear > 0 && q->code == PROG_OK)
		q->code = PROG_UNAVAILABLE;
	count_usage(q);
	fetch_free(q->fetch);
	store_close(q->store);
	strmap_release(&q->chats, free_asked);
	buf_release(&q->line);
}

static struct inquiry *
find_inquiry(struct inquiry *all, size_t n, struct text tenant)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (text_is(tenant, all[i].tenant->name))
			return &all[i];
	}
	return NULL;
}

static void
add_asked_chat(struct inquiry *q, const struct record *r)
{
	void **slot = strmap_put(&q->chats, r->chat.p, r->chat.len);
	struct asked *a;

	if (*slot != NULL)
		return;
	a = xcalloc(1, sizeof *a);
	a->of = q;
	a->id = text_dup(r->chat);
	q->live += r->status == CHAT_OPEN;
	*slot = a;
}

/* The chat records that are read. */
struct status_input {
	struct poller *poller;
	struct endpoint *from;
	struct deadletter dead;
	struct inquiry *inquiries;
	struct strmap unknown; /* tenants that were logged as unknown */
	struct record record;
	struct flat flat;
	struct buf why;
};

static bool
is_left_out(const struct status_input *in, struct text tenant)
{
	size_t i;

	for (i = 0; i < in->poller->only_n; i++) {
		if (text_is(tenant, in->poller->only[i]))
			return false;
	}
	return in->poller->only_n > 0;
}

static void
report_unknown_tenant(struct status_input *in, struct text tenant)
{
	void **slot = strmap_put(&in->unknown, tenant.p, tenant.len);

	if (*slot != NULL || is_left_out(in, tenant))
		return;
	*slot = in;
	poller_failed(in->poller, PROG_CONFIG);
	log_error("chats of tenant '%.*s' cannot be asked about: it is not "
		  "configured, or wrongly; reaper --purge removes the rows of "
		  "a tenant that is no more",
	    TEXT_ARG(tenant));
}

static enum outcome
take_asked_line(struct status_input *in, char *line, size_t len)
{
	struct inquiry *q;

	if (record_parse(&in->record, &in->flat, line, len, &in->why) != 0)
		return deadletter_add(&in->dead, endpoint_where(in->from), line,
		    len, buf_str(&in->why));
	if (in->record.type != RECORD_CHAT)
		return OUTCOME_DONE;
	q = find_inquiry(
	    in->inquiries, in->poller->tenants_n, in->record.tenant);
	if (q != NULL)
		add_asked_chat(q, &in->record);
	else
		report_unknown_tenant(in, in->record.tenant);
	return OUTCOME_DONE;
}

/* 0 at the end of the input, -1 when it cannot be read. */
static int
read_asked_chats(struct status_input *in)
{
	enum outcome o = OUTCOME_DONE;
	char *line;
	size_t len;

	while (o == OUTCOME_DONE && !stop_asked()) {
		switch (endpoint_read(in->from, &line, &len, 1000)) {
		case ENDPOINT_RECORD:
			o = take_asked_line(in, line, len);
			break;
		case ENDPOINT_WAIT:
			break;
		case ENDPOINT_EMPTY:
		case ENDPOINT_END:
			return 0;
		case ENDPOINT_CUT:
			log_error("the input is cut at %s; the chats before "
				  "it are asked about",
			    endpoint_where(in->from));
			poller_failed(in->poller, PROG_DATA);
			return 0;
		case ENDPOINT_TOOLONG:
			o = deadletter_add(&in->dead, endpoint_where(in->from),
			    NULL, 0, endpoint_refusal(in->from));
			break;
		case ENDPOINT_FAILED:
			log_error("%s", endpoint_why(in->from));
			poller_failed(in->poller, endpoint_code(in->from));
			return -1;
		}
	}
	if (o != OUTCOME_DONE)
		poller_failed(in->poller, in->dead.code);
	return -1;
}

static void
ask_all(struct status_input *in, struct endpoint *to)
{
	struct poller *p = in->poller;
	struct inquiry *all = in->inquiries;
	struct http *http = http_new();
	struct fetch **fetches = xcalloc(p->tenants_n + 1, sizeof *fetches);
	size_t i, left;

	for (i = 0; i < p->tenants_n; i++) {
		begin_inquiry(&all[i], http, poller_state(p));
		fetches[i] = all[i].fetch;
	}
	do {
		left = fetch_turn(http, fetches, p->tenants_n);
		endpoint_pump(in->from);
		endpoint_pump(to);
		deadletter_pump(&in->dead);
	} while (left > 0 && !stop_asked());
	free(fetches);
	for (i = 0; i < p->tenants_n; i++)
		end_inquiry(&all[i]);
	http_free(http);
}

/* Flushes the answers, and acknowledges the input only then. */
static void
flush_answers(struct status_input *in, struct endpoint *to)
{
	enum outcome o;

	do
		o = endpoint_flush(to);
	while (o == OUTCOME_LATER && endpoint_code(to) == PROG_OK &&
	       !stop_asked());
	if (o != OUTCOME_DONE) {
		if (endpoint_code(to) != PROG_OK)
			log_error("%s", endpoint_why(to));
		poller_failed(in->poller, endpoint_code(to));
		return;
	}
	/* The next reaper --list has the chats without an answer again. */
	if (deadletter_flush(&in->dead) == OUTCOME_DONE && !stop_asked())
		endpoint_ack(in->from);
	poller_failed(in->poller, deadletter_code(&in->dead));
}

static int
open_status_ends(
    struct poller *p, struct status_input *in, struct endpoint **to)
{
	struct endpoint_options opt = { .conf = p->common.conf,
		.until_empty = true };
	enum exit_code code = PROG_OK;

	in->from = endpoint_open_read(
	    p->from != NULL ? p->from : "-", &opt, &in->why, &code);
	if (in->from != NULL)
		*to = endpoint_open_write(
		    p->to != NULL ? p->to : "-", &opt, &in->why, &code);
	if (*to != NULL) {
		deadletter_open(&in->dead, in->from, &opt);
		return 0;
	}
	log_error("%s", buf_str(&in->why));
	poller_failed(p, code);
	return -1;
}

static enum exit_code
status(struct poller *p)
{
	struct status_input in = { .poller = p };
	struct endpoint *to = NULL;
	size_t i;

	if (open_status_ends(p, &in, &to) == 0) {
		in.inquiries = xcalloc(p->tenants_n + 1, sizeof *in.inquiries);
		for (i = 0; i < p->tenants_n; i++) {
			in.inquiries[i].tenant = &p->tenants[i];
			in.inquiries[i].to = to;
		}
		if (read_asked_chats(&in) == 0) {
			ask_all(&in, to);
			for (i = 0; i < p->tenants_n; i++)
				poller_failed(p, in.inquiries[i].code);
		}
		flush_answers(&in, to);
		deadletter_close(&in.dead);
		free(in.inquiries);
	}
	strmap_release(&in.unknown, NULL);
	flat_release(&in.flat);
	buf_release(&in.why);
	endpoint_close(to);
	endpoint_close(in.from);
	return p->code;
}

static const struct option_row rows[] = {
	OPTION_TEXT('f', "from", "FROM", struct poller, from,
	    "where chat records come from: -, a file, queue:NAME"),
	POLLER_TO,
	POLLER_STATE("what polls kept; calls are counted there"),
	POLLER_TENANT,
};

static enum exit_code
run_status_mode(void *options)
{
	struct poller *p = options;

	return poller_open(p, true) ? status(p) : p->code;
}

const struct option_mode poller_mode_status = {
	.choice = OPTION_MODE(
	    "status", "say which of the chats read are open, closed or gone"),
	.about =
	    "Reads chat records, and writes for each whether the chat is now "
	    "open, closed or\ngone.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.run = run_status_mode,
};
