/*
 * mode_now: sink --now: the present state according to the database as a table
 * for people. A user who may read the database sees all tenants.
 */
#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/hours/due_words.h"
#include "common/hours/terms.h"
#include "common/output/output_table.h"
#include "common/output/overview.h"
#include "sink/api/completeness.h"
#include "sink/modes/modes.h"
#include "sink/resources/chat_due.h"
#include "sink/resources/chat_rows.h"

/* The end of a CAST that converts a column of seconds to ms without loss. */
#define IN_MS " * 1000 AS SIGNED), "

static char *
copy_cell(const struct db_rows *r, size_t column)
{
	const char *text = db_get(r, column);

	return text != NULL ? xstrdup(text) : NULL;
}

static enum outcome
fill_operators(struct db *db, const char *tenant, struct overview *o)
{
	static const char sql[] =
	    "SELECT COALESCE(NULLIF(name, ''), operator), available, "
	    "open_chats, waiting_chats, responses, "
	    "CAST(longest_wait_seconds" IN_MS "CAST(avg_response_seconds" IN_MS
	    "CAST(median_response_seconds" IN_MS
	    "CAST(p90_response_seconds" IN_MS
	    "CAST(avg_first_response_seconds * 1000 AS SIGNED) "
	    "FROM operator_metrics WHERE tenant = ? AND left_at IS NULL";
	const struct db_value arg = db_str(tenant);
	struct overview_operator *p;
	struct db_rows *rows = NULL;
	enum outcome done = db_query(db, sql, &arg, 1, &rows);

	while (done == OUTCOME_DONE && db_next(rows)) {
		p = overview_add_operator(o);
		p->name = copy_cell(rows, 0);
		p->available = db_get_int(rows, 1);
		p->open_chats = db_get_int(rows, 2);
		p->waiting_chats = db_get_int(rows, 3);
		p->responses = db_get_int(rows, 4);
		p->longest_wait = db_get_int(rows, 5);
		p->average = db_get_int(rows, 6);
		p->median = db_get_int(rows, 7);
		p->p90 = db_get_int(rows, 8);
		p->average_first = db_get_int(rows, 9);
	}
	db_rows_free(rows);
	return done;
}

/* The first column about the wait in the statement below. */
#define DUE_COLUMN 6

/* Sets when an answer to the waiting customer of the current row is due: as of
 * now, because a stream writes no rows while a customer waits. */
static void
fill_due(const struct tenant_terms *terms, const struct db_rows *r,
    struct overview_chat *c)
{
	const struct judged_wait w = chat_wait(r, DUE_COLUMN);
	struct buf words = BUF_INIT;

	c->answer_by = w.answer_by;
	if (c->answer_by == OVERVIEW_NONE)
		return;
	due_words(terms_of_channel(terms, text_or_absent(c->channel)), &w,
	    clock_now_ms(), &words);
	c->due = xstrdup(buf_str(&words));
	buf_release(&words);
}

static enum outcome
fill_chats(struct db *db, const char *tenant, const struct tenant_terms *terms,
    struct overview *o)
{
	static const char sql[] =
	    "SELECT CAST(1000 * (" CHAT_WAITS_SECONDS ") AS SIGNED), c.chat, "
	    "COALESCE(NULLIF(o.name, ''), c.operator), "
	    "COALESCE(NULLIF(c.customer_name, ''), c.customer), "
	    "c.channel, c.tag, " CHAT_WAIT_COLUMNS " "
	    "FROM chat_metrics c "
	    "LEFT JOIN tenant_metrics t ON t.tenant = c.tenant "
	    "LEFT JOIN operator_metrics o "
	    "ON o.tenant = c.tenant AND o.operator = c.operator "
	    "WHERE c.tenant = ? AND c.status <> 'left' "
	    "AND c.waiting_since IS NOT NULL";
	const struct db_value arg = db_str(tenant);
	struct overview_chat *c;
	struct db_rows *rows = NULL;
	enum outcome done = db_query(db, sql, &arg, 1, &rows);

	while (done == OUTCOME_DONE && db_next(rows)) {
		c = overview_add_chat(o);
		c->wait = db_get_int(rows, 0);
		c->chat = copy_cell(rows, 1);
		c->operator= copy_cell(rows, 2);
		c->customer = copy_cell(rows, 3);
		c->channel = copy_cell(rows, 4);
		c->tag = copy_cell(rows, 5);
		fill_due(terms, rows, c);
	}
	db_rows_free(rows);
	return done;
}

/* Appends since when figures of the past are complete. */
static enum outcome
add_complete(struct db *db, const char *tenant, struct buf *to)
{
	struct web_answer answer = { .status = 200 };
	struct question q = { .answer = &answer, .db = db, .begun = true };
	struct completeness c;
	bool good;

	(void)snprintf(q.viewer.tenant, sizeof q.viewer.tenant, "%s", tenant);
	good = completeness_read(&q, COMPLETE_CHATS, &c);
	if (good && completeness_since(&c) != CLOCK_NONE)
		overview_since(
		    c.stated, completeness_since(&c), clock_now_ms(), to);
	completeness_release(&c);
	buf_release(&answer.body);
	buf_release(&answer.headers);
	return good ? OUTCOME_DONE : db_outcome(db_cause(db));
}

/* Appends the tables of one tenant, the current row of `tenants`. */
static enum outcome
add_tenant(const struct sink *s, struct db *db, const struct db_rows *tenants,
    struct buf *to)
{
	const struct tenant_terms *terms =
	    terms_of_tenant(s->terms, text_from(db_get(tenants, 0)));
	struct overview o = {
		.has_targets = terms_have_targets(terms),
		.has_hours = terms_have_hours(terms),
		.open_chats = db_get_int(tenants, 2),
		.unassigned_chats = db_get_int(tenants, 3),
		.waiting_chats = db_get_int(tenants, 4),
		.longest_wait = db_get_int(tenants, 5),
		.responses = db_get_int(tenants, 6),
		.average = db_get_int(tenants, 7),
		.skewed = db_get_int(tenants, 8),
	};
	const char *tenant = db_get(tenants, 0);
	int64_t as_of = db_get_time(tenants, 1), now = clock_now_ms();
	size_t width = output_width();
	struct buf stale = BUF_INIT;
	char text[DURATION_TEXT];
	enum outcome done = add_complete(db, tenant, &stale);

	if (done == OUTCOME_DONE)
		done = fill_operators(db, tenant, &o);
	if (done == OUTCOME_DONE)
		done = fill_chats(db, tenant, terms, &o);
	if (now > db_get_time(tenants, 9))
		buf_addf(&stale, "; STALE: not updated for %s",
		    duration_format(now - db_get_time(tenants, 10), text));
	if (done == OUTCOME_DONE) {
		overview_heading(tenant, as_of, buf_str(&stale), width, to);
		overview_show(&o, width, to);
	}
	overview_release(&o);
	buf_release(&stale);
	return done;
}

static enum outcome
add_tenants(struct sink *s, struct db *db, struct buf *to)
{
	static const char sql[] =
	    "SELECT t.tenant, t.as_of, COALESCE(open_chats, 0), "
	    "COALESCE(unassigned_chats, 0), COALESCE(waiting_chats, 0), "
	    "CAST(longest_wait_seconds" IN_MS "COALESCE(responses, 0), "
	    "CAST(avg_response_seconds" IN_MS
	    "COALESCE(skewed, 0), " TENANT_STALE_AT ", " TENANT_NEW_AT
	    " FROM tenant_metrics t LEFT JOIN tenants s USING (tenant) "
	    "WHERE t.tenant = COALESCE(?, t.tenant) ORDER BY t.tenant";
	const struct db_value arg = db_str(s->tenant);
	struct db_rows *rows = NULL;
	enum outcome done = db_query(db, sql, &arg, 1, &rows);
	size_t n = done == OUTCOME_DONE ? db_rows_count(rows) : 0;
	bool first = true;

	while (done == OUTCOME_DONE && db_next(rows)) {
		if (!first)
			buf_addc(to, '\n');
		first = false;
		done = add_tenant(s, db, rows, to);
	}
	if (done == OUTCOME_DONE && n == 0)
		buf_addf(to, "no metrics yet%s%s\n",
		    s->tenant != NULL ? " of " : "",
		    s->tenant != NULL ? s->tenant : "");
	db_rows_free(rows);
	return done;
}

/* Reads everything as of one moment. */
static enum outcome
read_page(struct sink *s, struct db *db, struct buf *to)
{
	enum outcome done = db_connect(db);

	if (done == OUTCOME_DONE)
		done = db_begin_reading(db);
	if (done != OUTCOME_DONE)
		return done;
	done = add_tenants(s, db, to);
	db_rollback(db);
	return done;
}

static enum exit_code
show_now(struct sink *s, struct db **db)
{
	struct buf page = BUF_INIT;
	enum exit_code code = sink_find_tenant(s, *db);

	if (code != PROG_OK)
		return code;
	if (read_page(s, *db, &page) == OUTCOME_DONE) {
		fwrite(buf_str(&page), 1, page.len, stdout);
		code = prog_flush();
	} else {
		log_error("%s", db_why(*db));
		code = db_code(*db);
	}
	buf_release(&page);
	return code;
}

static const struct option_row rows[] = {
	OPTION_TEXT(
	    0, "tenant", "NAME", struct sink, tenant, "only this tenant"),
};

static enum exit_code
run_now(void *options)
{
	return sink_with_schema(options, show_now);
}

const struct option_mode sink_mode_now = {
	.choice = OPTION_MODE("now", "show operators and waiting customers"),
	.about = "Shows operators and waiting customers from the database.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.check = sink_check_tenant,
	.run = run_now,
};
