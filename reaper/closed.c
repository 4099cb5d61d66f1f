/*
 * closed: see closed.h. The transaction itself is in delete.c.
 */
#include "reaper/closed.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/records/record.h"
#include "common/text/jsonw.h"
#include "reaper/delete.h"

/* Of a dry run's table. */
static const struct out_column columns[] = { { "tenant", false },
	{ "chat", false }, { "status", false }, { "asked", false } };

void
closed_init(struct closed *c)
{
	memset(c, 0, sizeof *c);
	out_table_init(&c->would_table, columns, ARRAY_LEN(columns));
}

void
closed_release(struct closed *c)
{
	closings_release(&c->batch);
	closings_release(&c->held);
	rows_release(&c->rows);
	run_summary_release(&c->tally);
	db_bulk_free(c->tombstones);
	buf_release(&c->would_go);
	out_table_release(&c->would_table);
	buf_release(&c->shown);
	buf_release(&c->why);
}

static enum outcome
letter(struct closed *c, const char *where, const char *line, size_t len,
    const char *reason)
{
	enum outcome o =
	    deadletter_add(c->stage->dead, where, line, len, reason);

	if (o != OUTCOME_DONE)
		c->stage->code = c->stage->dead->code;
	return o;
}

static enum outcome
bad_record(struct closed *c, const char *line, size_t len, const char *reason)
{
	return letter(c, endpoint_where(c->stage->in), line, len, reason);
}

/* Sorts one answer into where it belongs. */
static void
take_answer(struct closed *c, const struct record *r)
{
	struct run_summary_tenant *t =
	    run_summary_of(&c->tally, r->tenant.p, r->tenant.len);
	const char *where = endpoint_where(c->stage->in);

	switch (r->status) {
	case CHAT_CLOSED:
		t->closed++;
		closings_add(&c->batch, r, where);
		closings_correct(&c->held, r);
		break;
	case CHAT_GONE:
		t->gone++;
		if (c->endless) {
			closings_add(&c->batch, r, where);
		} else {
			closings_add(&c->held, r, where);
			closings_correct(&c->batch, r);
		}
		break;
	case CHAT_OPEN:
	case CHAT_PENDING:
	case CHAT_SNOOZED:
		t->open++;
		closings_add(&c->batch, r, where);
		closings_correct(&c->held, r);
		break;
	case CHAT_NONE:
		break;
	}
}

enum outcome
closed_handle(void *ctx, char *line, size_t len)
{
	struct closed *c = ctx;
	struct flat flat = FLAT_INIT;
	struct buf why = BUF_INIT;
	enum outcome o = OUTCOME_DONE;
	struct record r;

	if (record_parse(&r, &flat, line, len, &why) == -1)
		o = bad_record(c, line, len, buf_str(&why));
	else if (r.type != RECORD_CHAT)
		; /* a stream of all records may be read as well */
	else if (r.at == CLOCK_NONE &&
		 (r.status == CHAT_CLOSED || r.status == CHAT_GONE))
		o = bad_record(c, line, len,
		    "a closed chat without 'at': when was the CRM asked?");
	else if (r.at != CLOCK_NONE)
		take_answer(c, &r);
	flat_release(&flat);
	buf_release(&why);
	return o;
}

/* A closing as the record it came as, for the dead letter. */
static enum outcome
bury(struct closed *c, const struct closing *one, const char *reason)
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
	o = letter(c, one->where, line.data, line.len, reason);
	buf_release(&line);
	return o;
}

static void
show_would_go(struct closed *c, const struct closing *one)
{
	char at[CLOCK_TEXT];

	clock_format(one->at, at);
	out_table_cell(&c->would_table, one->tenant);
	out_table_cell(&c->would_table, one->chat);
	out_table_cell(&c->would_table, record_status_name(one->status));
	out_table_cell(&c->would_table, at);
}

/* After a commit: counts what became of one. */
static enum outcome
account(struct closed *c, const struct closing *one)
{
	struct run_summary_tenant *t =
	    run_summary_of(&c->tally, one->tenant, strlen(one->tenant));

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
		return bury(c, one, "the database does not know this tenant");
	case FATE_REFUSED:
		t->refused++;
		if (c->endless)
			return bury(c, one, "too many chats gone at once");
		break;
	case FATE_NONE:
		break;
	}
	return OUTCOME_DONE;
}

/* Puts the gone ones of one tenant's run [i, end) to the test. */
static enum outcome
judge_run(struct closed *c, const struct closings *l, size_t i, size_t end)
{
	struct run_summary_tenant *t;
	const char *tenant = l->list[i]->tenant;
	uint64_t gone = 0, rows = 0, with_rows = 0, lately;
	enum outcome o;
	size_t k;

	for (k = i; k < end; k++)
		gone += l->list[k]->status == CHAT_GONE;
	if (gone == 0 || c->force)
		return OUTCOME_DONE;
	t = run_summary_of(&c->tally, tenant, strlen(tenant));
	lately = run_summary_gone_lately(t);
	if (gone + lately > (uint64_t)c->least) {
		o = delete_count(c, l->list + i, end - i, &rows, &with_rows);
		if (o != OUTCOME_DONE)
			return o;
	}
	if (!closings_too_many(
		with_rows + lately, rows + lately, c->percent, c->least))
		return OUTCOME_DONE;
	c->refused = true;
	for (k = i; k < end; k++)
		if (l->list[k]->status == CHAT_GONE)
			l->list[k]->fate = FATE_REFUSED;
	log_error("%" PRIu64 " of the %" PRIu64
		  " known chats of tenant '%s' are gone from "
		  "the CRM at once; nothing of them was deleted; if that is "
		  "right, run again with --force",
	    with_rows + lately, rows + lately, tenant);
	return OUTCOME_DONE;
}

static enum outcome
judge(struct closed *c, const struct closings *l)
{
	enum outcome o = OUTCOME_DONE;
	size_t i, end;

	for (i = 0; i < l->n && o == OUTCOME_DONE; i = end) {
		end = closings_run(l->list, i, l->n);
		o = judge_run(c, l, i, end);
	}
	return o;
}

/* Deletes todo[0, n), a transaction each CLOSED_BATCH. */
static enum outcome
reap_all(struct closed *c, struct closing **todo, size_t n)
{
	enum outcome o = OUTCOME_DONE;
	size_t i, k;

	for (i = 0; i < n && o == OUTCOME_DONE; i += c->now_n) {
		c->now = todo + i;
		c->now_n = n - i < CLOSED_BATCH ? n - i : CLOSED_BATCH;
		o = delete_slice(c);
		if (o != OUTCOME_DONE)
			break;
		buf_add(&c->would_go, buf_str(&c->shown), c->shown.len);
		for (k = 0; k < c->now_n && o == OUTCOME_DONE; k++)
			o = account(c, c->now[k]);
	}
	return o;
}

static enum outcome
reap_list(struct closed *c, struct closings *l)
{
	struct closing **todo = xcalloc(l->n + 1, sizeof(struct closing *));
	enum outcome o;
	size_t i, n = 0;

	for (i = 0; i < l->n; i++)
		l->list[i]->fate = FATE_NONE;
	closings_sort(l);
	o = judge(c, l);
	for (i = 0; i < l->n && o == OUTCOME_DONE; i++) {
		if (l->list[i]->fate == FATE_REFUSED)
			o = account(c, l->list[i]);
		else if (l->list[i]->status == CHAT_CLOSED ||
			 l->list[i]->status == CHAT_GONE)
			todo[n++] = l->list[i];
	}
	if (o == OUTCOME_DONE)
		o = reap_all(c, todo, n);
	free(todo);
	return o;
}

enum outcome
closed_flush(void *ctx)
{
	struct closed *c = ctx;
	enum outcome o = reap_list(c, &c->batch);

	/* What said LATER is tried again with the same batch. */
	if (o == OUTCOME_DONE)
		closings_clear(&c->batch);
	return o;
}

enum outcome
closed_finish(struct closed *c, bool whole)
{
	enum outcome o = OUTCOME_DONE;

	if (c->held.n > 0 && !whole)
		log_warn("the input was not whole: %zu chats that are gone "
			 "were left for another run",
		    c->held.n);
	else if (c->held.n > 0)
		o = reap_list(c, &c->held);
	closings_clear(&c->held);
	return o;
}
