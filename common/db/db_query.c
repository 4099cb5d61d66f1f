/*
 * db_query: single statements and their results; see db.h.
 *
 * Values are put into the text as literals that the connection itself has
 * escaped (its character set is known to be utf8mb4, and NO_BACKSLASH_ESCAPES
 * is off), so lists of any length and single values are treated alike. Results
 * are copied at once: no row points into the connection, which may break at any
 * time.
 */
#include <inttypes.h>
#include <mysql.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/db/db.h"
#include "common/db/db_impl.h"
#include "common/os/notify.h"

/* The place of a cell's text in db_rows.text; `at` is CELL_NULL for NULL. */
struct result_cell {
	size_t at;
	size_t len;
};

#define CELL_NULL ((size_t)-1)

struct result_column {
	size_t name; /* place in db_rows.text */
	bool number;
};

struct db_rows {
	struct buf text; /* the columns' names and all cells, each with NUL */
	struct result_column *titles;
	struct result_cell *cells;
	size_t columns, rows, cells_cap;
	size_t next; /* index of the row after the current one */
	bool cut;
};

struct db_value
db_text(const char *p, size_t len)
{
	return (struct db_value){ p != NULL ? DB_TEXT : DB_NULL, p, len, 0 };
}

struct db_value
db_str(const char *s)
{
	return db_text(s, s != NULL ? strlen(s) : 0);
}

static struct db_value
number_value(enum db_type type, int64_t n)
{
	return (struct db_value){ n == INT64_MIN ? DB_NULL : type, NULL, 0, n };
}

struct db_value
db_int(int64_t n)
{
	return number_value(DB_INT, n);
}

struct db_value
db_time(int64_t ms)
{
	return number_value(DB_TIME, ms);
}

bool
db_takes_time(int64_t ms)
{
	return ms >= clock_civil(1000, 1, 1, 0, 0, 0) * 1000;
}

void
db_quote(struct db *db, struct buf *sql, struct db_value v)
{
	char text[CLOCK_TEXT], *room;

	switch (v.type) {
	case DB_NULL:
		buf_adds(sql, "NULL");
		break;
	case DB_TEXT:
		buf_addc(sql, '\'');
		room = buf_room(sql, 2 * v.len + 1);
		buf_grown(
		    sql, mysql_real_escape_string(db->my, room, v.text, v.len));
		buf_addc(sql, '\'');
		break;
	case DB_INT:
		buf_addi(sql, v.num);
		break;
	case DB_TIME:
		clock_format_sql(v.num, text);
		buf_addf(sql, "'%s'", text);
		break;
	}
}

/* Builds db->sql with the values in place of the question marks, except inside
 * quotes, where a backslash escapes: db_quote() writes such texts. */
static void
put_values(
    struct db *db, const char *sql, const struct db_value *args, size_t n)
{
	const char *p, *from = sql;
	size_t used = 0;
	char quote = '\0';

	buf_clear(&db->sql);
	for (p = sql; *p != '\0'; p++) {
		if (quote != '\0') {
			if (*p == '\\' && p[1] != '\0')
				p++;
			else if (*p == quote)
				quote = '\0';
		} else if (*p == '\'' || *p == '"' || *p == '`') {
			quote = *p;
		} else if (*p == '?') {
			if (used == n)
				prog_die(PROG_SOFTWARE,
				    "too few values for: %s", sql);
			buf_add(&db->sql, from, (size_t)(p - from));
			db_quote(db, &db->sql, args[used++]);
			from = p + 1;
		}
	}
	if (used != n)
		prog_die(PROG_SOFTWARE, "too many values for: %s", sql);
	buf_add(&db->sql, from, (size_t)(p - from));
}

void
db_doing(struct db *db, const char *sql)
{
	/* Table names come first; values are in quotes or brackets. */
	size_t len = strcspn(sql, "('\n");

	notify_alive();
	while (len > 0 && sql[len - 1] == ' ')
		len--;
	if (len >= sizeof db->doing)
		len = sizeof db->doing - 1;
	memcpy(db->doing, sql, len);
	db->doing[len] = '\0';
}

/* Unlike db_exec(), a step of a transaction never connects again: earlier steps
 * were lost with the old connection. */
enum outcome
db_send(struct db *db, const char *sql, size_t len)
{
	if (db->my == NULL)
		return db_refuse(db, DB_LOST, "the connection is lost");
	db_doing(db, sql);
	db->used_ms = clock_mono_ms();
	return mysql_real_query(db->my, sql, (unsigned long)len) == 0
		   ? db_still_in_trans(db)
		   : db_failed(db);
}

static enum outcome
send_values(
    struct db *db, const char *sql, const struct db_value *args, size_t n)
{
	enum outcome o = db_connect(db);

	if (o != OUTCOME_DONE)
		return o;
	if (n == 0)
		return db_send(db, sql, strlen(sql));
	put_values(db, sql, args, n);
	return db_send(db, db->sql.data, db->sql.len);
}

enum outcome
db_exec(struct db *db, const char *sql, const struct db_value *args, size_t n,
    uint64_t *affected)
{
	enum outcome o = send_values(db, sql, args, n);
	MYSQL_RES *res;

	if (o != OUTCOME_DONE)
		return o;
	if (affected != NULL)
		*affected = mysql_affected_rows(db->my);
	/* An unread result would block the next statement. */
	res = mysql_store_result(db->my);
	if (res != NULL)
		mysql_free_result(res);
	return OUTCOME_DONE;
}

static enum outcome
wait_for_tables(struct db *db, unsigned wait_s)
{
	struct db_value s = db_int(wait_s);

	return db_exec(db, "SET SESSION lock_wait_timeout = ?", &s, 1, NULL);
}

enum outcome
db_alter(struct db *db, const char *sql, unsigned wait_s)
{
	enum outcome o = wait_for_tables(db, wait_s);

	if (o == OUTCOME_DONE)
		o = db_exec(db, sql, NULL, 0, NULL);
	/* Without its usual wait, the session is of no further use. */
	if (db->my != NULL && wait_for_tables(db, db->lock_s) != OUTCOME_DONE)
		db_disconnect(db);
	return o;
}

static void
take_row(struct db_rows *r, char *const *row, const unsigned long *lengths)
{
	struct result_cell *c;
	size_t i;

	while ((r->rows + 1) * r->columns > r->cells_cap) {
		r->cells_cap = r->cells_cap > 0 ? 2 * r->cells_cap : 64;
		r->cells = xrealloc(r->cells, r->cells_cap, sizeof *r->cells);
	}
	c = &r->cells[r->rows * r->columns];
	for (i = 0; i < r->columns; i++, c++) {
		c->at = CELL_NULL;
		c->len = 0;
		if (row[i] == NULL)
			continue;
		c->at = r->text.len;
		c->len = lengths[i];
		buf_add(&r->text, row[i], lengths[i]);
		buf_addc(&r->text, '\0');
	}
	r->rows++;
}

/* Rows beyond the limit are read and dropped. */
static void
take_rows(struct db_rows *r, MYSQL_RES *res, struct db_bound most)
{
	const MYSQL_FIELD *fields = mysql_fetch_fields(res);
	MYSQL_ROW row;
	size_t i;

	r->columns = mysql_num_fields(res);
	r->titles = xcalloc(r->columns, sizeof *r->titles);
	for (i = 0; i < r->columns; i++) {
		r->titles[i].name = r->text.len;
		r->titles[i].number = IS_NUM(fields[i].type);
		buf_add(&r->text, fields[i].name, strlen(fields[i].name) + 1);
	}
	while ((row = mysql_fetch_row(res)) != NULL) {
		r->cut = r->rows >= most.rows || r->text.len >= most.bytes;
		if (r->cut)
			break;
		take_row(r, row, mysql_fetch_lengths(res));
	}
	mysql_free_result(res);
}

enum outcome
db_query(struct db *db, const char *sql, const struct db_value *args, size_t n,
    struct db_rows **rows)
{
	const struct db_bound none = { SIZE_MAX, SIZE_MAX };

	return db_query_first(db, sql, args, n, none, rows);
}

enum outcome
db_query_count(struct db *db, const char *sql, const struct db_value *args,
    size_t n, uint64_t *count)
{
	struct db_rows *rows = NULL;
	enum outcome o = db_query(db, sql, args, n, &rows);

	*count = 0;
	if (o == OUTCOME_DONE && db_next(rows) && db_get(rows, 0) != NULL)
		*count = (uint64_t)db_get_int(rows, 0);
	db_rows_free(rows);
	return o;
}

enum outcome
db_query_first(struct db *db, const char *sql, const struct db_value *args,
    size_t n, struct db_bound most, struct db_rows **rows)
{
	enum outcome o = send_values(db, sql, args, n);
	MYSQL_RES *res;
	struct db_rows *r;

	*rows = NULL;
	if (o != OUTCOME_DONE)
		return o;
	res = mysql_use_result(db->my);
	if (res == NULL && mysql_errno(db->my) != 0)
		return db_failed(db);
	r = xcalloc(1, sizeof *r);
	if (res != NULL)
		take_rows(r, res, most);
	if (mysql_errno(db->my) != 0) {
		db_rows_free(r);
		return db_failed(db);
	}
	*rows = r;
	return OUTCOME_DONE;
}

void
db_select_within(const struct db *db, struct buf *sql, int64_t ms)
{
	/* To estimate the number of rows for one chat, the server would search
	 * each partition as often as to read the rows. */
	if (db->server.mariadb)
		buf_addf(sql,
		    "SET STATEMENT max_statement_time = %" PRId64
		    ".%03d, eq_range_index_dive_limit = 1 FOR SELECT ",
		    ms / 1000, (int)(ms % 1000));
	else
		buf_addf(
		    sql, "SELECT /*+ MAX_EXECUTION_TIME(%" PRId64 ") */ ", ms);
}

bool
db_next(struct db_rows *r)
{
	if (r->next >= r->rows)
		return false;
	r->next++;
	return true;
}

size_t
db_rows_count(const struct db_rows *r)
{
	return r->rows;
}

size_t
db_columns(const struct db_rows *r)
{
	return r->columns;
}

const char *
db_column_name(const struct db_rows *r, size_t i)
{
	return r->text.data + r->titles[i].name;
}

bool
db_column_is_number(const struct db_rows *r, size_t i)
{
	return r->titles[i].number;
}

bool
db_rows_cut(const struct db_rows *r)
{
	return r->cut;
}

void
db_rewind(struct db_rows *r)
{
	r->next = 0;
}

void
db_rows_arrange(struct db_rows *r, const size_t *order)
{
	struct result_cell *cells = xcalloc(r->cells_cap, sizeof *cells);
	size_t i;

	for (i = 0; i < r->rows; i++)
		memcpy(&cells[i * r->columns], &r->cells[order[i] * r->columns],
		    r->columns * sizeof *cells);
	free(r->cells);
	r->cells = cells;
	db_rewind(r);
}

void
db_rows_free(struct db_rows *r)
{
	if (r == NULL)
		return;
	buf_release(&r->text);
	free(r->titles);
	free(r->cells);
	free(r);
}

static const struct result_cell *
result_cell(const struct db_rows *r, size_t i)
{
	if (r->next == 0 || i >= r->columns)
		prog_die(PROG_SOFTWARE, "the result has no such column");
	return &r->cells[(r->next - 1) * r->columns + i];
}

const char *
db_get(const struct db_rows *r, size_t i)
{
	const struct result_cell *c = result_cell(r, i);

	return c->at == CELL_NULL ? NULL : r->text.data + c->at;
}

size_t
db_get_len(const struct db_rows *r, size_t i)
{
	return result_cell(r, i)->len;
}

int64_t
db_get_int(const struct db_rows *r, size_t i)
{
	const char *s = db_get(r, i);

	return s == NULL ? INT64_MIN : strtoll(s, NULL, 10);
}

int64_t
db_get_time(const struct db_rows *r, size_t i)
{
	const char *s = db_get(r, i);
	int64_t ms;

	return s != NULL && clock_parse_sql(s, &ms) == 0 ? ms : CLOCK_NONE;
}
