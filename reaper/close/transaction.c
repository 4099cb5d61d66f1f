/*
 * transaction: see transaction.h. Every value in a list is a literal made by
 * db_quote(); table and column names only come from tables.def.
 */
#include "reaper/close/transaction.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/fault.h"
#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/db/tenant_lock.h"
#include "common/os/stop.h"
#include "reaper/rows/rows.h"

/* One transaction: answers about chats of one tenant, sorted. */
struct transaction {
	struct close_run *c;
	struct answer *list;
	size_t n;
	uint64_t rows, gone; /* for transaction_count() */
};

static bool
is_to_delete(const struct answer *one)
{
	return one->fate == FATE_DELETE;
}

static bool
is_gone(const struct answer *one)
{
	return one->status == CHAT_GONE;
}

static int
compare_chat(const void *chat, const void *one)
{
	return strcmp(chat, ((const struct answer *)one)->chat);
}

/* A tenant without a row has no stored data. */
static enum outcome
check_tenant(struct transaction *t)
{
	struct tenant_row row;
	enum outcome o = tenant_row_read(t->c->db, t->list[0].tenant, &row);
	size_t i;

	for (i = 0; o == OUTCOME_DONE && !row.known && i < t->n; i++)
		if (is_to_delete(&t->list[i]))
			t->list[i].fate = FATE_UNKNOWN;
	return o;
}

/* Writes `select` WHERE tenant = 'T' AND chat IN ('1', '2') for the wanted
 * answers; returns false if there are none. */
static bool
write_chats_query(const struct transaction *t,
    bool (*wanted)(const struct answer *), const char *select, struct buf *sql)
{
	size_t i, used = 0;

	buf_addf(sql, "%s WHERE tenant = ", select);
	db_quote(t->c->db, sql, db_str(t->list[0].tenant));
	for (i = 0; i < t->n; i++) {
		if (!wanted(&t->list[i]))
			continue;
		buf_adds(sql, used++ > 0 ? ", " : " AND chat IN (");
		db_quote(t->c->db, sql, db_str(t->list[i].chat));
	}
	buf_adds(sql, ")");
	return used > 0;
}

/* Reads the rows under the lock: a row newer than the CRM's answer means that
 * the chat was reopened. */
static enum outcome
find_reopened_chats(struct transaction *t)
{
	struct buf sql = BUF_INIT;
	struct db_rows *found = NULL;
	struct answer *one;
	enum outcome o = OUTCOME_DONE;

	if (write_chats_query(
		t, is_to_delete, "SELECT chat, as_of FROM chat_metrics", &sql))
		o = db_query(t->c->db, buf_str(&sql), NULL, 0, &found);
	buf_release(&sql);
	while (o == OUTCOME_DONE && found != NULL && db_next(found)) {
		one = bsearch(db_get(found, 0), t->list, t->n, sizeof *t->list,
		    compare_chat);
		if (one == NULL)
			continue;
		one->had_row = true;
		if (db_get_time(found, 1) > one->at)
			one->fate = FATE_NEWER;
	}
	db_rows_free(found);
	return o;
}

/* Writes the condition for the rows of a table to delete. It compares the time
 * again, so that the statement alone is correct. Returns false if there are
 * none. */
static bool
write_rows_condition(
    const struct transaction *t, const struct table *table, struct buf *sql)
{
	struct db *db = t->c->db;
	size_t i, used = 0;

	buf_adds(sql, "tenant = ");
	db_quote(db, sql, db_str(t->list[0].tenant));
	for (i = 0; i < t->n; i++) {
		if (!is_to_delete(&t->list[i]))
			continue;
		buf_adds(sql, used++ > 0 ? " OR " : " AND (");
		buf_addf(sql, "`%s` = ", table->columns[table->chat].name);
		db_quote(db, sql, db_str(t->list[i].chat));
		buf_addf(sql, " AND `%s` <= ", table->columns[table->at].name);
		db_quote(db, sql, db_time(t->list[i].at));
	}
	buf_addc(sql, ')');
	return used > 0;
}

static enum outcome
archive_rows(const struct transaction *t)
{
	struct close_run *c = t->c;
	struct buf where = BUF_INIT, lines = BUF_INIT;
	enum outcome o = OUTCOME_DONE;
	size_t i;

	for (i = 0; i < TABLES_STORED && o == OUTCOME_DONE; i++) {
		if (!rows_end_on_close(&tables[i], c->all))
			continue;
		buf_clear(&where);
		if (write_rows_condition(t, &tables[i], &where))
			o = row_export_append(
			    c->db, &tables[i], buf_str(&where), &lines);
	}
	buf_release(&where);
	if (o == OUTCOME_DONE &&
	    append_file_write(&c->archive, &lines, true) != 0) {
		c->stage->code = syserr_log(PROG_CANTCREATE,
		    "nothing was deleted, because '%s' cannot be written",
		    c->archive.path);
		c->archive_failed = true;
		o = OUTCOME_NEVER;
	}
	buf_release(&lines);
	return o;
}

static enum outcome
delete_rows(const struct transaction *t)
{
	struct buf sql = BUF_INIT;
	enum outcome o = OUTCOME_DONE;
	size_t i;

	for (i = 0; i < TABLES_STORED && o == OUTCOME_DONE; i++) {
		if (!rows_end_on_close(&tables[i], t->c->all))
			continue;
		buf_clear(&sql);
		buf_addf(&sql, "DELETE FROM %s WHERE ", tables[i].name);
		if (write_rows_condition(t, &tables[i], &sql))
			o = db_exec(t->c->db, buf_str(&sql), NULL, 0, NULL);
	}
	buf_release(&sql);
	return o;
}

/* Writes a tombstone for each chat, even for one without a row: rows about it
 * may still arrive. The newer of two tombstones stays. */
static enum outcome
leave_tombstones(const struct transaction *t)
{
	struct db *db = t->c->db;
	struct buf sql = BUF_INIT;
	const struct answer *one;
	enum outcome o = OUTCOME_DONE;
	size_t used = 0;

	buf_adds(&sql, "INSERT INTO closed_chats (tenant, chat, closed_at, "
		       "as_of) VALUES ");
	for (one = t->list; one < t->list + t->n; one++) {
		if (!is_to_delete(one))
			continue;
		buf_adds(&sql, used++ > 0 ? ", (" : "(");
		db_quote(db, &sql, db_str(one->tenant));
		buf_adds(&sql, ", ");
		db_quote(db, &sql, db_str(one->chat));
		buf_adds(&sql, ", ");
		db_quote(db, &sql, db_time(one->closed_at));
		buf_adds(&sql, ", ");
		db_quote(db, &sql, db_time(one->at));
		buf_addc(&sql, ')');
	}
	buf_adds(&sql, " ON DUPLICATE KEY UPDATE closed_at = "
		       "IF(VALUES(as_of) > as_of, VALUES(closed_at), "
		       "closed_at), as_of = GREATEST(as_of, VALUES(as_of))");
	if (used > 0)
		o = db_exec(db, buf_str(&sql), NULL, 0, NULL);
	buf_release(&sql);
	return o;
}

/* Clears the results of an earlier attempt. */
static void
reset_fates(struct transaction *t)
{
	struct answer *one;
	size_t i;

	for (i = 0; i < t->n; i++) {
		one = &t->list[i];
		one->had_row = false;
		if (one->fate == FATE_NEWER || one->fate == FATE_UNKNOWN)
			one->fate = FATE_DELETE;
	}
}

/* Runs once for each attempt, and again if the answer to a commit was lost. */
static enum outcome
delete_in_transaction(struct db *db, void *ctx)
{
	struct transaction *t = ctx;
	struct close_run *c = t->c;
	const struct text tenant = { t->list[0].tenant,
		strlen(t->list[0].tenant) };
	enum outcome o;

	reset_fates(t);
	o = c->dry_run ? OUTCOME_DONE : tenant_lock_alone(db, &tenant, 1);
	if (o == OUTCOME_DONE)
		o = check_tenant(t);
	if (o == OUTCOME_DONE)
		o = find_reopened_chats(t);
	if (c->dry_run)
		return o;
	if (o == OUTCOME_DONE && c->archive.path != NULL)
		o = archive_rows(t);
	FAULT_POINT("reaper.archived");
	if (o == OUTCOME_DONE)
		o = delete_rows(t);
	if (o == OUTCOME_DONE)
		o = leave_tombstones(t);
	FAULT_POINT("reaper.before_commit");
	/* Commit point: db_transaction() commits when this returns DONE. */
	return o;
}

static enum outcome
log_failure(struct close_run *c, enum outcome o)
{
	if (c->archive_failed)
		return o;
	/* Stopping while waiting for the database is not a failure. */
	if (o == OUTCOME_NEVER || !stop_asked())
		log_error("%s", db_why(c->db));
	c->stage->code = db_code(c->db);
	return o;
}

enum outcome
transaction_run(struct close_run *c, struct answer *list, size_t n)
{
	struct transaction t = { .c = c, .list = list, .n = n };
	enum outcome o;
	size_t i;

	for (i = 0; i < n && !is_to_delete(&list[i]); i++)
		continue;
	if (i == n)
		return OUTCOME_DONE;
	o = db_transaction(c->db, delete_in_transaction, &t, false);
	FAULT_POINT("reaper.after_commit");
	return o != OUTCOME_DONE ? log_failure(c, o) : OUTCOME_DONE;
}

static enum outcome
count_gone_chats(struct db *db, void *ctx)
{
	struct transaction *all = ctx, t = *all;
	struct answer *end = all->list + all->n;
	struct buf sql = BUF_INIT;
	uint64_t gone = 0;
	enum outcome o;

	all->gone = 0;
	buf_adds(&sql, "SELECT COUNT(*) FROM chat_metrics WHERE tenant = ");
	db_quote(db, &sql, db_str(all->list[0].tenant));
	o = db_query_count(db, buf_str(&sql), NULL, 0, &all->rows);
	for (; o == OUTCOME_DONE && t.list < end; t.list += t.n) {
		t.n = (size_t)(end - t.list);
		if (t.n > CLOSE_BATCH)
			t.n = CLOSE_BATCH;
		buf_clear(&sql);
		if (write_chats_query(
			&t, is_gone, "SELECT COUNT(*) FROM chat_metrics", &sql))
			o = db_query_count(db, buf_str(&sql), NULL, 0, &gone);
		all->gone += gone;
		gone = 0;
	}
	buf_release(&sql);
	return o;
}

enum outcome
transaction_count(struct close_run *c, struct answer *list, size_t n,
    uint64_t *rows, uint64_t *gone)
{
	struct transaction t = { .c = c, .list = list, .n = n };
	enum outcome o = db_transaction(c->db, count_gone_chats, &t, false);

	if (o != OUTCOME_DONE)
		return log_failure(c, o);
	*rows = t.rows;
	*gone = t.gone;
	return o;
}
