/*
 * delete: see delete.h. Every value in a list is a literal made by db_quote();
 * table and column names come from tables.def alone.
 */
#include "reaper/delete.h"

#include <string.h>

#include "common/base/log.h"
#include "common/base/stop.h"
#include "common/base/xalloc.h"
#include "reaper/rows/rules.h"

/* Whether this one is to be deleted, as far as is known. */
static bool
applies(const struct closing *one)
{
	return one->fate == FATE_NONE || one->fate == FATE_DELETED;
}

static bool
is_gone(const struct closing *one)
{
	return one->status == CHAT_GONE;
}

/* The closing of that chat in a run sorted by chat. */
static struct closing *
find_chat(struct closing *const *run, size_t n, const char *chat)
{
	size_t low = 0, high = n, mid;
	int d;

	while (low < high) {
		mid = low + (high - low) / 2;
		d = strcmp(run[mid]->chat, chat);
		if (d == 0)
			return run[mid];
		if (d < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

/* Locks the tenants' rows in the order of their names. A tenant that has no
 * row has nothing stored, and nothing that could be locked. */
static enum outcome
lock_tenants(struct closed *c)
{
	struct buf sql = BUF_INIT;
	struct db_rows *found;
	enum outcome o;
	size_t i, end, k;
	bool more;

	buf_adds(&sql, "SELECT tenant FROM tenants WHERE tenant IN (");
	for (i = 0; i < c->now_n; i = closings_run(c->now, i, c->now_n)) {
		if (i > 0)
			buf_adds(&sql, ", ");
		db_quote(c->db, &sql, db_str(c->now[i]->tenant));
	}
	buf_adds(&sql, ") ORDER BY tenant");
	if (!c->dry_run)
		buf_adds(&sql, " FOR UPDATE");
	o = db_query(c->db, buf_str(&sql), NULL, 0, &found);
	buf_release(&sql);
	if (o != OUTCOME_DONE)
		return o;
	more = db_next(found);
	for (i = 0; i < c->now_n; i = end) {
		end = closings_run(c->now, i, c->now_n);
		if (more && strcmp(db_get(found, 0), c->now[i]->tenant) == 0) {
			more = db_next(found);
			continue;
		}
		for (k = i; k < end; k++)
			c->now[k]->fate = FATE_UNKNOWN;
	}
	db_rows_free(found);
	return OUTCOME_DONE;
}

/* "... WHERE tenant = 'T' AND chat IN ('1', '2')" for one run; false when
 * there is nothing to ask for. */
static bool
chats_of(struct closed *c, struct closing *const *run, size_t n,
    bool (*wanted)(const struct closing *), const char *select, struct buf *sql)
{
	size_t i, used = 0;

	buf_clear(sql);
	buf_adds(sql, select);
	buf_adds(sql, " WHERE tenant = ");
	db_quote(c->db, sql, db_str(run[0]->tenant));
	for (i = 0; i < n; i++) {
		if (!wanted(run[i]))
			continue;
		buf_adds(sql, used++ > 0 ? ", " : " AND chat IN (");
		db_quote(c->db, sql, db_str(run[i]->chat));
	}
	buf_adds(sql, ")");
	return used > 0;
}

/* Looks at the rows under the lock: one that tells of a time after the CRM
 * was asked is of a chat that was reopened. */
static enum outcome
look_again(struct closed *c)
{
	struct buf sql = BUF_INIT;
	struct db_rows *found;
	struct closing *one;
	enum outcome o = OUTCOME_DONE;
	size_t i, end;

	for (i = 0; i < c->now_n && o == OUTCOME_DONE; i = end) {
		end = closings_run(c->now, i, c->now_n);
		if (!chats_of(c, c->now + i, end - i, applies,
			"SELECT chat, as_of FROM chat_metrics", &sql))
			continue;
		o = db_query(c->db, buf_str(&sql), NULL, 0, &found);
		if (o != OUTCOME_DONE)
			break;
		while (db_next(found)) {
			one = find_chat(c->now + i, end - i, db_get(found, 0));
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

/* The rows of a table that go. The time is looked at once more: what is
 * deleted must be right by itself, not only by what was read before. */
static void
condition(struct closed *c, const struct table *table, struct buf *sql)
{
	size_t i;

	for (i = 0; i < c->now_n; i++) {
		if (!applies(c->now[i]))
			continue;
		buf_adds(sql, sql->len > 0 ? " OR (tenant = " : "(tenant = ");
		db_quote(c->db, sql, db_str(c->now[i]->tenant));
		buf_addf(sql, " AND `%s` = ", rule_column(table, table->chat));
		db_quote(c->db, sql, db_str(c->now[i]->chat));
		buf_addf(sql, " AND `%s` <= ", rule_column(table, table->at));
		db_quote(c->db, sql, db_time(c->now[i]->at));
		buf_addc(sql, ')');
	}
}

/* Reads what goes, for the archive or to be shown. */
static enum outcome
read_rows(struct closed *c, struct buf *lines)
{
	struct buf where = BUF_INIT;
	enum outcome o = OUTCOME_DONE;
	size_t i;

	for (i = 0; i < TABLES_STORED && o == OUTCOME_DONE; i++) {
		if (!rule_on_close(&tables[i], c->all))
			continue;
		buf_clear(&where);
		condition(c, &tables[i], &where);
		if (where.len > 0)
			o = rows_read(&c->rows, c->db, tables[i].name,
			    buf_str(&where), lines);
	}
	buf_release(&where);
	return o;
}

static enum outcome
archive_rows(struct closed *c)
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
delete_rows(struct closed *c)
{
	struct buf sql = BUF_INIT;
	struct buf where = BUF_INIT;
	enum outcome o = OUTCOME_DONE;
	size_t i;

	for (i = 0; i < TABLES_STORED && o == OUTCOME_DONE; i++) {
		if (!rule_on_close(&tables[i], c->all))
			continue;
		buf_clear(&where);
		condition(c, &tables[i], &where);
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

/* A tombstone for each, also for a chat that has no row yet: its rows may
 * still be on their way. The newer of two stays. */
static enum outcome
leave_tombstones(struct closed *c)
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
	for (i = 0; i < c->now_n; i++) {
		if (!applies(c->now[i]))
			continue;
		v[0] = db_str(c->now[i]->tenant);
		v[1] = db_str(c->now[i]->chat);
		v[2] = db_time(c->now[i]->closed_at);
		v[3] = db_time(c->now[i]->at);
		db_bulk_add(c->tombstones, v);
	}
	if (db_bulk_rows(c->tombstones) == 0)
		return OUTCOME_DONE;
	return db_bulk_run(c->tombstones, 0, db_bulk_rows(c->tombstones));
}

/* May run several times, and after a commit whose answer was lost. */
static enum outcome
transaction(struct db *db, void *ctx)
{
	struct closed *c = ctx;
	enum outcome o;
	size_t i;

	(void)db;
	for (i = 0; i < c->now_n; i++)
		c->now[i]->fate = FATE_NONE;
	buf_clear(&c->shown);
	o = lock_tenants(c);
	if (o == OUTCOME_DONE)
		o = look_again(c);
	if (o == OUTCOME_DONE && c->dry_run)
		return read_rows(c, &c->shown);
	if (o == OUTCOME_DONE && c->archive != NULL)
		o = archive_rows(c);
	if (o == OUTCOME_DONE)
		o = delete_rows(c);
	if (o == OUTCOME_DONE)
		o = leave_tombstones(c);
	/* Commit point: db_transaction() commits when this returns DONE. */
	return o;
}

static enum outcome
failed(struct closed *c, enum outcome o)
{
	if (c->why.len > 0) {
		log_error("%s", buf_str(&c->why));
		c->stage->code = c->why_code;
		buf_clear(&c->why);
	} else {
		/* Asked to stop while it waited: no failure. */
		if (o == OUTCOME_NEVER || !stop_asked())
			log_error("%s", db_why(c->db));
		c->stage->code = db_code(c->db);
	}
	return o;
}

enum outcome
delete_slice(struct closed *c)
{
	enum outcome o = db_transaction(c->db, transaction, c, c->wait_forever);

	return o == OUTCOME_DONE ? o : failed(c, o);
}

struct count {
	struct closed *c;
	struct closing *const *run;
	size_t n;
	uint64_t rows, gone;
};

static enum outcome
count_one(struct closed *c, const char *sql, uint64_t *n)
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
count_work(struct db *db, void *ctx)
{
	struct count *k = ctx;
	struct buf sql = BUF_INIT;
	enum outcome o;
	size_t i, n;

	k->rows = k->gone = 0;
	buf_adds(&sql, "SELECT COUNT(*) FROM chat_metrics WHERE tenant = ");
	db_quote(db, &sql, db_str(k->run[0]->tenant));
	o = count_one(k->c, buf_str(&sql), &k->rows);
	for (i = 0; i < k->n && o == OUTCOME_DONE; i += n) {
		n = k->n - i < CLOSED_BATCH ? k->n - i : CLOSED_BATCH;
		if (chats_of(k->c, k->run + i, n, is_gone,
			"SELECT COUNT(*) FROM chat_metrics", &sql))
			o = count_one(k->c, buf_str(&sql), &k->gone);
	}
	buf_release(&sql);
	return o;
}

enum outcome
delete_count(struct closed *c, struct closing *const *run, size_t n,
    uint64_t *rows, uint64_t *gone)
{
	struct count k = { c, run, n, 0, 0 };
	enum outcome o = db_transaction(c->db, count_work, &k, c->wait_forever);

	if (o != OUTCOME_DONE)
		return failed(c, o);
	*rows = k.rows;
	*gone = k.gone;
	return o;
}
