/*
 * chat_deletion: see chat_deletion.h. The transaction itself is in
 * delete_transaction.c, and what keeps chats from it in gone_limit.c.
 */
#include "reaper/deletion/chat_deletion.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/records/record.h"
#include "common/text/jsonw.h"
#include "reaper/deletion/delete_transaction.h"
#include "reaper/deletion/gone_limit.h"

/* The table of a dry run. */
static const struct output_column columns[] = { { "tenant", OUTPUT_TEXT },
	{ "chat", OUTPUT_TEXT }, { "status", OUTPUT_TEXT },
	{ "asked", OUTPUT_TEXT } };

void
chat_deletion_init(struct chat_deletion *c)
{
	memset(c, 0, sizeof *c);
	output_table_init(&c->would_table, columns, ARRAY_LEN(columns));
}

void
chat_deletion_release(struct chat_deletion *c)
{
	chat_answers_release(&c->batch);
	chat_answers_release(&c->held);
	run_summary_release(&c->summary);
	db_bulk_free(c->tombstones);
	buf_release(&c->would_go);
	output_table_release(&c->would_table);
	strmap_release(&c->would_chats, NULL);
	buf_release(&c->shown);
	buf_release(&c->why);
}

static enum outcome
send_dead_letter(struct chat_deletion *c, const char *where, const char *line,
    size_t len, const char *reason)
{
	enum outcome o =
	    deadletter_add(c->stage->dead, where, line, len, reason);

	if (o != OUTCOME_DONE)
		c->stage->code = c->stage->dead->code;
	return o;
}

/* The place of the record in the input. */
static const char *
find_place(const struct chat_deletion *c)
{
	return c->stage->in != NULL ? endpoint_where(c->stage->in) : "--gone";
}

static enum outcome
reject_record(
    struct chat_deletion *c, const char *line, size_t len, const char *reason)
{
	return send_dead_letter(c, find_place(c), line, len, reason);
}

/* Held back until the input ends. A line that comes twice is one chat. */
static void
hold_gone(struct chat_deletion *c, const struct record *r,
    struct run_summary_tenant *t)
{
	struct chat_answer *one = chat_answers_add(&c->held, r, find_place(c));

	t->gone += !one->said_gone;
	one->said_gone = true;
}

/* Adds an answer to the batch, or holds it back. Of a chat that is open that is
 * remembered, too: an older answer that it has left may still come. */
static void
collect_answer(struct chat_deletion *c, const struct record *r)
{
	struct run_summary_tenant *t =
	    run_summary_of(&c->summary, r->tenant.p, r->tenant.len);
	const char *where = find_place(c);
	const struct chat_answer *known;

	switch (r->status) {
	case CHAT_CLOSED:
		t->closed++;
		known = chat_answers_correct(&c->held, r, where);
		if (known == NULL || chat_answers_left(known->status))
			(void)chat_answers_add(&c->batch, r, where);
		break;
	case CHAT_GONE:
		if (r->records > (int64_t)t->gone_said)
			t->gone_said = (uint64_t)r->records;
		if (!c->from_queue) {
			hold_gone(c, r, t);
			break;
		}
		t->gone++;
		(void)chat_answers_add(&c->batch, r, where);
		break;
	case CHAT_OPEN:
	case CHAT_PENDING:
	case CHAT_SNOOZED:
		t->open++;
		(void)chat_answers_add(&c->batch, r, where);
		if (!c->from_queue)
			(void)chat_answers_add(&c->held, r, where);
		break;
	case CHAT_NONE:
		break;
	}
}

/* What is wrong with the times of an answer; NULL: nothing. A tombstone of the
 * future would refuse the rows of a chat that is opened again. */
static const char *
find_wrong_time(const struct chat_deletion *c, const struct record *r)
{
	if (r->at == CLOCK_NONE)
		return chat_answers_left(r->status)
			   ? "a closed chat needs 'at', the time when the CRM "
			     "was asked"
			   : NULL;
	if (!db_takes_time(r->at))
		return "field 'at' is before the year 1000";
	if (r->closed_at != CLOCK_NONE && !db_takes_time(r->closed_at))
		return "field 'closed_at' is before the year 1000";
	if (c->ahead_ms > 0 && r->at > clock_now_ms() + c->ahead_ms)
		return "ahead: its time is too far after the system clock; see "
		       "[aggregator] ahead";
	return NULL;
}

enum outcome
chat_deletion_handle(void *ctx, char *line, size_t len)
{
	struct chat_deletion *c = ctx;
	struct flat flat = FLAT_INIT;
	struct buf why = BUF_INIT;
	enum outcome o = OUTCOME_DONE;
	const char *wrong;
	struct record r;

	if (record_parse(&r, &flat, line, len, &why) == -1)
		o = reject_record(c, line, len, buf_str(&why));
	else if (r.type != RECORD_CHAT)
		; /* the input may be a stream of all records */
	else if ((wrong = find_wrong_time(c, &r)) != NULL)
		o = reject_record(c, line, len, wrong);
	else if (r.at != CLOCK_NONE)
		collect_answer(c, &r);
	flat_release(&flat);
	buf_release(&why);
	return o;
}

/* Writes an answer to the dead letters as the record it came as. */
static enum outcome
send_answer_to_dead_letters(
    struct chat_deletion *c, const struct chat_answer *one, const char *reason)
{
	struct buf line = BUF_INIT;
	enum outcome o;

	jsonw_open(&line);
	jsonw_str(&line, "type", "chat");
	jsonw_str(&line, "tenant", one->tenant);
	jsonw_str(&line, "chat", one->chat);
	jsonw_time(&line, "at", one->at);
	jsonw_str(&line, "status", record_status_name(one->status));
	if (one->closed_at != CLOCK_NONE)
		jsonw_time(&line, "closed_at", one->closed_at);
	jsonw_close(&line);
	o = send_dead_letter(c, one->where, line.data, line.len, reason);
	buf_release(&line);
	return o;
}

static void
write_chat_key(const struct chat_answer *one, struct buf *key)
{
	chat_answers_key((struct text){ one->tenant, strlen(one->tenant) },
	    (struct text){ one->chat, strlen(one->chat) }, key);
}

/* Of a dry run the rows stay, so an answer that comes again would count again:
 * it is none. */
static void
drop_shown(const struct chat_deletion *c, struct chat_answers *l)
{
	struct buf key = BUF_INIT;
	size_t i;

	for (i = 0; c->dry_run && i < l->n; i++) {
		buf_clear(&key);
		write_chat_key(l->list[i], &key);
		if (strmap_get(&c->would_chats, key.data, key.len) != NULL)
			l->list[i]->status = CHAT_NONE;
	}
	buf_release(&key);
}

static void
show_would_go(struct chat_deletion *c, const struct chat_answer *one)
{
	struct buf key = BUF_INIT;
	char at[CLOCK_TEXT];

	write_chat_key(one, &key);
	*strmap_put(&c->would_chats, key.data, key.len) = c;
	buf_release(&key);
	clock_format(one->at, at);
	output_table_cell(&c->would_table, one->tenant);
	output_table_cell(&c->would_table, one->chat);
	output_table_cell(&c->would_table, record_status_name(one->status));
	output_table_cell(&c->would_table, at);
}

/* Counts the fate of an answer, after the commit. */
static enum outcome
count_fate(struct chat_deletion *c, const struct chat_answer *one)
{
	struct run_summary_tenant *t =
	    run_summary_of(&c->summary, one->tenant, strlen(one->tenant));

	if (one->status == CHAT_GONE && one->fate == FATE_DELETED)
		run_summary_add_gone(t, 1);
	switch (one->fate) {
	case FATE_DELETED:
		t->deleted++;
		if (c->dry_run)
			show_would_go(c, one);
		break;
	case FATE_NEWER:
		t->newer++;
		break;
	case FATE_UNKNOWN:
		return send_answer_to_dead_letters(
		    c, one, "the database does not know this tenant");
	case FATE_REFUSED:
		t->refused++;
		if (c->from_queue)
			return send_answer_to_dead_letters(
			    c, one, "too many chats gone at once");
		break;
	case FATE_NONE:
		break;
	}
	return OUTCOME_DONE;
}

/* Deletes todo[0, n), CHAT_DELETION_BATCH in a transaction. */
static enum outcome
delete_in_slices(struct chat_deletion *c, struct chat_answer **todo, size_t n)
{
	enum outcome o = OUTCOME_DONE;
	size_t i, k;

	for (i = 0; i < n && o == OUTCOME_DONE; i += c->slice_n) {
		c->slice = todo + i;
		c->slice_n =
		    n - i < CHAT_DELETION_BATCH ? n - i : CHAT_DELETION_BATCH;
		o = delete_slice(c);
		if (o != OUTCOME_DONE)
			break;
		buf_add(&c->would_go, buf_str(&c->shown), c->shown.len);
		for (k = 0; k < c->slice_n && o == OUTCOME_DONE; k++)
			o = count_fate(c, c->slice[k]);
	}
	return o;
}

/* Of the answers those that say closed or gone, or only gone. */
static enum outcome
delete_answered_chats(
    struct chat_deletion *c, struct chat_answers *l, bool only_gone)
{
	struct chat_answer **todo =
	    xcalloc(l->n + 1, sizeof(struct chat_answer *));
	enum outcome o;
	size_t i, n = 0;

	for (i = 0; i < l->n; i++)
		l->list[i]->fate = FATE_NONE;
	drop_shown(c, l);
	chat_answers_sort(l);
	o = gone_limit_apply(c, l);
	for (i = 0; i < l->n && o == OUTCOME_DONE; i++) {
		if (l->list[i]->fate == FATE_REFUSED)
			o = count_fate(c, l->list[i]);
		else if (l->list[i]->status == CHAT_GONE ||
			 (l->list[i]->status == CHAT_CLOSED && !only_gone))
			todo[n++] = l->list[i];
	}
	if (o == OUTCOME_DONE)
		o = delete_in_slices(c, todo, n);
	free(todo);
	return o;
}

enum outcome
chat_deletion_flush(void *ctx)
{
	struct chat_deletion *c = ctx;
	enum outcome o = delete_answered_chats(c, &c->batch, false);

	/* After LATER the stage calls again with the same batch. */
	if (o == OUTCOME_DONE)
		chat_answers_clear(&c->batch);
	return o;
}

static size_t
count_held_gone(const struct chat_deletion *c)
{
	size_t i, n = 0;

	for (i = 0; i < c->held.n; i++)
		n += c->held.list[i]->status == CHAT_GONE;
	return n;
}

enum outcome
chat_deletion_finish(struct chat_deletion *c, bool whole)
{
	enum outcome o = OUTCOME_DONE;
	size_t gone = count_held_gone(c);

	if (gone > 0 && !whole)
		log_warn("the input was incomplete: %zu chats that are gone "
			 "were left for the next run",
		    gone);
	else if (gone > 0)
		o = delete_answered_chats(c, &c->held, true);
	chat_answers_clear(&c->held);
	return o;
}
