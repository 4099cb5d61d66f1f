/*
 * delete_transaction: see delete_transaction.h. Every value in a list is a
 * literal made by db_quote(); table and column names come from tables.def
 * alone.
 */
#include "reaper/deletion/delete_transaction.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/fault.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/db/tenant_lock.h"
#include "common/os/stop.h"
#include "reaper/rows/row_export.h"
#include "reaper/rows/rules.h"

/* Whether nothing found so far keeps the chat. */
static bool
may_be_deleted(const struct chat_answer *one)
{
	return one->fate == FATE_NONE || one->fate == FATE_DELETED;
}

static bool
is_gone(const struct chat_answer *one)
{
	return one->status == CHAT_GONE;
}

/* The answer about that chat, among one tenant's sorted answers. */
static struct chat_answer *
find_chat(struct chat_answer *const *answers, size_t n, const char *chat)
{
	size_t low = 0, high = n, mid;
	int d;

	while (low < high) {
		mid = low + (high - low) / 2;
		d = strcmp(answers[mid]->chat, chat);
		if (d == 0)
			return answers[mid];
		if (d < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

/* Keeps sinks from the tenants of the slice. */
static enum outcome
lock_slice_tenants(struct chat_deletion *c)
{
	struct text *names = xcalloc(c->slice_n, sizeof *names);
	enum outcome o;
	size_t i, n = 0;

	for (i = 0; i < c->slice_n;
	     i = chat_answers_tenant_end(c->slice, i, c->slice_n))
		names[n++] = (struct text){ c->slice[i]->tenant,
			strlen(c->slice[i]->tenant) };
	o = tenant_lock_alone(c->db, names, n);
	free(names);
	return o;
}

/* A tenant without a row has nothing stored. */
static enum outcome
find_unknown_tenants(struct chat_deletion *c)
{
	struct buf sql = BUF_INIT;
	struct db_rows *found;
	enum outcome o;
	size_t i, end, k;
	bool more;

	buf_adds(&sql, "SELECT tenant FROM tenants WHERE tenant IN (");
	for (i = 0; i < c->slice_n;
	     i = chat_answers_tenant_end(c->slice, i, c->slice_n)) {
		if (i > 0)
			buf_adds(&sql, ", ");
		db_quote(c->db, &sql, db_str(c->slice[i]->tenant));
	}
	buf_adds(&sql, ") ORDER BY tenant");
	o = db_query(c->db, buf_str(&sql), NULL, 0, &found);
	buf_release(&sql);
	if (o != OUTCOME_DONE)
		return o;
	more = db_next(found);
	for (i = 0; i < c->slice_n; i = end) {
		end = chat_answers_tenant_end(c->slice, i, c->slice_n);
		if (more &&
		    strcmp(db_get(found, 0), c->slice[i]->tenant) == 0) {
			more = db_next(found);
			continue;
		}
		for (k = i; k < end; k++)
			c->slice[k]->fate = FATE_UNKNOWN;
	}
	db_rows_free(found);
	return OUTCOME_DONE;
}

/* Writes `select` WHERE tenant = 'T' AND chat IN ('1', '2') for the wanted ones
 * of one tenant's answers; false when none is wanted. */
static bool
write_chats_query(struct chat_deletion *c, struct chat_answer *const *answers,
    size_t n, bool (*wanted)(const struct chat_answer *), const char *select,
    struct buf *sql)
{
	size_t i, used = 0;

	buf_clear(sql);
	buf_adds(sql, select);
	buf_adds(sql, " WHERE tenant = ");
	db_quote(c->db, sql, db_str(answers[0]->tenant));
	for (i = 0; i < n; i++) {
		if (!wanted(answers[i]))
			continue;
		buf_adds(sql, used++ > 0 ? ", " : " AND chat IN (");
		db_quote(c->db, sql, db_str(answers[i]->chat));
	}
	buf_adds(sql, ")");
	return used > 0;
}

/* Reads the rows under the lock: a row newer than the CRM's answer means that
 * the chat was reopened. */
static enum outcome
find_reopened_chats(struct chat_deletion *c)
{
	struct buf sql = BUF_INIT;
	struct db_rows *found;
	struct chat_answer *one;
	enum outcome o = OUTCOME_DONE;
	size_t i, end;

	for (i = 0; i < c->slice_n && o == OUTCOME_DONE; i = end) {
		end = chat_answers_tenant_end(c->slice, i, c->slice_n);
		if (!write_chats_query(c, c->slice + i, end - i, may_be_deleted,
			"SELECT chat, as_of FROM chat_metrics", &sql))
			continue;
		o = db_query(c->db, buf_str(&sql), NULL, 0, &found);
		if (o != OUTCOME_DONE)
			break;
		while (db_next(found)) {
			one =
			    find_chat(c->slice + i, end - i, db_get(found, 0));
			if (one != NULL)
				one->fate = db_get_time(found, 1) > one->at
						? FATE_NEWER
						: FATE_DELETED;
		}
		db_rows_free(found);
	}
	buf_release(&sql);
	return o;
}

/* Writes the condition for the rows of a table to delete. It compares the time
 * once more, so that the statement alone is correct. */
static void
write_chats_condition(
    struct chat_deletion *c, const struct table *table, struct buf *sql)
{
	size_t i;

	for (i = 0; i < c->slice_n; i++) {
		if (!may_be_deleted(c->slice[i]))
			continue;
		buf_adds(sql, sql->len > 0 ? " OR (tenant = " : "(tenant = ");
		db_quote(c->db, sql, db_str(c->slice[i]->tenant));
		buf_addf(sql, " AND `%s` = ", rule_column(table, table->chat));
		db_quote(c->db, sql, db_str(c->slice[i]->chat));
		buf_addf(sql, " AND `%s` <= ", rule_column(table, table->at));
		db_quote(c->db, sql, db_time(c->slice[i]->at));
		buf_addc(sql, ')');
	}
}

/* Appends the rows to delete, for the archive or a dry run. */
static enum outcome
read_rows(struct chat_deletion *c, struct buf *lines)
{
	struct buf where = BUF_INIT;
	enum outcome o = OUTCOME_DONE;
	size_t i;

	for (i = 0; i < TABLES_STORED && o == OUTCOME_DONE; i++) {
		if (!rule_on_close(&tables[i], c->all))
			continue;
		buf_clear(&where);
		write_chats_condition(c, &tables[i], &where);
		if (where.len > 0)
			o = row_export_append(
			    c->db, &tables[i], buf_str(&where), lines);
	}
	buf_release(&where);
	return o;
}

static enum outcome
archive_rows(struct chat_deletion *c)
{
	struct buf lines = BUF_INIT;
	enum outcome o = read_rows(c, &lines);

	if (o == OUTCOME_DONE &&
	    archive_write(c->archive, &lines, &c->why, &c->why_code) == -1)
		o = OUTCOME_NEVER;
	buf_release(&lines);
	return o;
}

static enum outcome
delete_rows(struct chat_deletion *c)
{
	struct buf sql = BUF_INIT;
	struct buf where = BUF_INIT;
	enum outcome o = OUTCOME_DONE;
	size_t i;

	for (i = 0; i < TABLES_STORED && o == OUTCOME_DONE; i++) {
		if (!rule_on_close(&tables[i], c->all))
			continue;
		buf_clear(&where);
		write_chats_condition(c, &tables[i], &where);
		if (where.len == 0)
			continue;
		buf_clear(&sql);
		buf_addf(&sql, "DELETE FROM %s WHERE ", tables[i].name);
		buf_add(&sql, where.data, where.len);
		o = db_exec(c->db, buf_str(&sql), NULL, 0, NULL);
	}
	buf_release(&where);
	buf_release(&sql);
	return o;
}

/* Writes a tombstone for each chat, also for one without a row: its rows may
 * still arrive. The newer of two tombstones stays. */
static enum outcome
leave_tombstones(struct chat_deletion *c)
{
	struct db_value v[4];
	size_t i;

	if (c->tombstones == NULL)
		c->tombstones = db_bulk_new(c->db,
		    "INSERT INTO closed_chats (tenant, chat, closed_at, as_of) "
		    "VALUES ",
		    "(?, ?, ?, ?)",
		    " ON DUPLICATE KEY UPDATE closed_at = "
		    "IF(VALUES(as_of) > as_of, VALUES(closed_at), closed_at), "
		    "as_of = GREATEST(as_of, VALUES(as_of))",
		    ARRAY_LEN(v));
	db_bulk_clear(c->tombstones);
	for (i = 0; i < c->slice_n; i++) {
		if (!may_be_deleted(c->slice[i]))
			continue;
		v[0] = db_str(c->slice[i]->tenant);
		v[1] = db_str(c->slice[i]->chat);
		v[2] = db_time(c->slice[i]->closed_at);
		v[3] = db_time(c->slice[i]->at);
		db_bulk_add(c->tombstones, v);
	}
	if (db_bulk_rows(c->tombstones) == 0)
		return OUTCOME_DONE;
	return db_bulk_run(c->tombstones, 0, db_bulk_rows(c->tombstones));
}

/* Runs once for each try, and again after a commit whose answer was lost. */
static enum outcome
delete_in_transaction(struct db *db, void *ctx)
{
	struct chat_deletion *c = ctx;
	enum outcome o;
	size_t i;

	(void)db;
	for (i = 0; i < c->slice_n; i++)
		c->slice[i]->fate = FATE_NONE;
	buf_clear(&c->shown);
	o = c->dry_run ? OUTCOME_DONE : lock_slice_tenants(c);
	if (o == OUTCOME_DONE)
		o = find_unknown_tenants(c);
	if (o == OUTCOME_DONE)
		o = find_reopened_chats(c);
	if (o == OUTCOME_DONE && c->dry_run)
		return read_rows(c, &c->shown);
	if (o == OUTCOME_DONE && c->archive != NULL)
		o = archive_rows(c);
	FAULT_POINT("reaper.archived");
	if (o == OUTCOME_DONE)
		o = delete_rows(c);
	if (o == OUTCOME_DONE)
		o = leave_tombstones(c);
	FAULT_POINT("reaper.before_commit");
	/* Commit point: db_transaction() commits when this returns DONE. */
	return o;
}

static enum outcome
log_delete_failure(struct chat_deletion *c, enum outcome o)
{
	if (c->why.len > 0) {
		log_error("%s", buf_str(&c->why));
		c->stage->code = c->why_code;
		buf_clear(&c->why);
	} else {
		/* A stop while waiting for the database is not a failure. */
		if (o == OUTCOME_NEVER || !stop_asked())
			log_error("%s", db_why(c->db));
		c->stage->code = db_code(c->db);
	}
	return o;
}

enum outcome
delete_slice(struct chat_deletion *c)
{
	enum outcome o =
	    db_transaction(c->db, delete_in_transaction, c, c->wait_forever);

	FAULT_POINT("reaper.after_commit");
	return o == OUTCOME_DONE ? o : log_delete_failure(c, o);
}

struct gone_count {
	struct chat_deletion *c;
	struct chat_answer *const *answers;
	size_t n;
	uint64_t rows, gone;
};

static enum outcome
add_query_count(struct chat_deletion *c, const char *sql, uint64_t *n)
{
	struct db_rows *found;
	enum outcome o = db_query(c->db, sql, NULL, 0, &found);

	if (o != OUTCOME_DONE)
		return o;
	if (db_next(found))
		*n += (uint64_t)db_get_int(found, 0);
	db_rows_free(found);
	return OUTCOME_DONE;
}

static enum outcome
count_gone_chats(struct db *db, void *ctx)
{
	struct gone_count *k = ctx;
	struct buf sql = BUF_INIT;
	enum outcome o;
	size_t i, n;

	k->rows = k->gone = 0;
	buf_adds(&sql, "SELECT COUNT(*) FROM chat_metrics WHERE tenant = ");
	db_quote(db, &sql, db_str(k->answers[0]->tenant));
	o = add_query_count(k->c, buf_str(&sql), &k->rows);
	for (i = 0; i < k->n && o == OUTCOME_DONE; i += n) {
		n = k->n - i < CHAT_DELETION_BATCH ? k->n - i
						   : CHAT_DELETION_BATCH;
		if (write_chats_query(k->c, k->answers + i, n, is_gone,
			"SELECT COUNT(*) FROM chat_metrics", &sql))
			o = add_query_count(k->c, buf_str(&sql), &k->gone);
	}
	buf_release(&sql);
	return o;
}

enum outcome
delete_count(struct chat_deletion *c, struct chat_answer *const *answers,
    size_t n, uint64_t *rows, uint64_t *gone)
{
	struct gone_count k = { c, answers, n, 0, 0 };
	enum outcome o =
	    db_transaction(c->db, count_gone_chats, &k, c->wait_forever);

	if (o != OUTCOME_DONE)
		return log_delete_failure(c, o);
	*rows = k.rows;
	*gone = k.gone;
	return o;
}
