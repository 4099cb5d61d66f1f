/*
 * db_bulk: one statement for many rows; see db.h.
 *
 * Rows are stored as given until they are cleared. A run splits them into
 * statements with less than half of the server's max_allowed_packet, and sends
 * each as arrays of values or as text. A larger row is sent alone, if it fits:
 * a server closes the connection when it receives more than max_allowed_packet,
 * which looks like an outage and would be retried forever.
 */
#include <mysql.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/db/db.h"
#include "common/db/db_impl.h"

enum {
	/* Maximum number of rows in one statement; more rows do not make it
	 * faster. */
	STATEMENT_ROWS = 4096,
	/* Overhead of a value in bytes: quotes, length, comma; its type. */
	VALUE_BYTES = 14,
	NUMBER_BYTES = 36,
};

/* The arrays to which one column is bound. Only the arrays that its type needs
 * are allocated. */
struct bulk_column {
	enum db_type type; /* in this statement; DB_NULL: all values are NULL */
	const void **text; /* addresses of the values */
	unsigned long *len;
	int64_t *num;
	MYSQL_TIME *time;
	char *indicator;
	size_t cap;
};

struct db_bulk {
	struct db *db;
	char *head, *row, *tail;
	size_t columns;
	struct db_value *values; /* rows * columns */
	size_t rows, cap;

	MYSQL_STMT *stmt;
	uint64_t stmt_connect; /* the connection on which it was prepared */
	struct bulk_column *column;
	MYSQL_BIND *bind;
};

struct db_bulk *
db_bulk_new(struct db *db, const char *head, const char *row, const char *tail,
    size_t columns)
{
	struct db_bulk *b = xcalloc(1, sizeof *b);

	b->db = db;
	b->head = xstrdup(head);
	b->row = xstrdup(row);
	b->tail = xstrdup(tail);
	b->columns = columns;
	b->column = xcalloc(columns, sizeof *b->column);
	b->bind = xcalloc(columns, sizeof *b->bind);
	return b;
}

void
db_bulk_add(struct db_bulk *b, const struct db_value *values)
{
	if (b->rows == b->cap) {
		b->cap = b->cap > 0 ? 2 * b->cap : 256;
		b->values =
		    xrealloc(b->values, b->cap, b->columns * sizeof *b->values);
	}
	memcpy(&b->values[b->rows * b->columns], values,
	    b->columns * sizeof *values);
	b->rows++;
}

size_t
db_bulk_rows(const struct db_bulk *b)
{
	return b->rows;
}

void
db_bulk_clear(struct db_bulk *b)
{
	b->rows = 0;
}

static void
drop_statement(struct db_bulk *b)
{
	if (b->stmt != NULL)
		mysql_stmt_close(b->stmt);
	b->stmt = NULL;
}

void
db_bulk_free(struct db_bulk *b)
{
	struct bulk_column *c;
	size_t i;

	if (b == NULL)
		return;
	drop_statement(b);
	for (i = 0; i < b->columns; i++) {
		c = &b->column[i];
		free(c->text);
		free(c->len);
		free(c->num);
		free(c->time);
		free(c->indicator);
	}
	free(b->column);
	free(b->bind);
	free(b->values);
	free(b->head);
	free(b->row);
	free(b->tail);
	free(b);
}

/* Records the error of a failed call on the statement. */
static enum outcome
statement_failed(struct db_bulk *b)
{
	enum outcome o = db_note(b->db, mysql_stmt_errno(b->stmt),
	    mysql_stmt_sqlstate(b->stmt), mysql_stmt_error(b->stmt));

	drop_statement(b);
	return o;
}

static enum outcome
prepare_statement(struct db_bulk *b)
{
	struct buf sql = BUF_INIT;
	int rc;

	if (b->stmt != NULL && b->stmt_connect == b->db->server.connects)
		return OUTCOME_DONE;
	drop_statement(b);
	b->stmt = mysql_stmt_init(b->db->my);
	if (b->stmt == NULL)
		prog_die(PROG_TEMPFAIL, "out of memory");
	buf_addf(&sql, "%s%s%s", b->head, b->row, b->tail);
	rc = mysql_stmt_prepare(b->stmt, sql.data, (unsigned long)sql.len);
	buf_release(&sql);
	if (rc != 0)
		return statement_failed(b);
	b->stmt_connect = b->db->server.connects;
	return OUTCOME_DONE;
}

/* Makes sure that a column's arrays have space for n rows of its type. */
static void
grow_column(struct bulk_column *c, size_t n)
{
	if (c->cap < n) {
		c->cap = n;
		c->indicator = xrealloc(c->indicator, n, 1);
		c->text = xrealloc(c->text, n, sizeof *c->text);
		c->len = xrealloc(c->len, n, sizeof *c->len);
		free(c->num);
		free(c->time);
		c->num = NULL;
		c->time = NULL;
	}
	if (c->type == DB_INT && c->num == NULL)
		c->num = xcalloc(c->cap, sizeof *c->num);
	if (c->type == DB_TIME && c->time == NULL)
		c->time = xcalloc(c->cap, sizeof *c->time);
}

/* Converts ms since 1970 to the server's date and time. */
static void
split_time(int64_t ms, MYSQL_TIME *t)
{
	const struct clock_date d = clock_split(ms);

	*t = (MYSQL_TIME){ .year = (unsigned)d.year,
		.month = (unsigned)d.month,
		.day = (unsigned)d.day,
		.hour = (unsigned)d.hour,
		.minute = (unsigned)d.minute,
		.second = (unsigned)d.second,
		.second_part = (unsigned long)d.ms * 1000,
		.time_type = MYSQL_TIMESTAMP_DATETIME };
}

static void
bind_value(struct bulk_column *c, size_t i, const struct db_value *v)
{
	if (v->type != DB_NULL && v->type != c->type)
		prog_die(PROG_SOFTWARE, "a column has two types");
	c->indicator[i] = STMT_INDICATOR_NONE;
	switch (v->type) {
	case DB_NULL:
		c->indicator[i] = STMT_INDICATOR_NULL;
		break;
	case DB_TEXT:
		c->text[i] = v->text;
		c->len[i] = (unsigned long)v->len;
		break;
	case DB_INT:
		c->num[i] = v->num;
		break;
	case DB_TIME:
		split_time(v->num, &c->time[i]);
		c->text[i] = &c->time[i];
		break;
	}
}

static void
fill_column(struct db_bulk *b, size_t k, size_t first, size_t n)
{
	const struct db_value *v = &b->values[first * b->columns + k];
	struct bulk_column *c = &b->column[k];
	MYSQL_BIND *bind = &b->bind[k];
	size_t i;

	c->type = DB_NULL;
	for (i = 0; i < n && c->type == DB_NULL; i++)
		c->type = v[i * b->columns].type;
	grow_column(c, n);
	for (i = 0; i < n; i++)
		bind_value(c, i, &v[i * b->columns]);
	memset(bind, 0, sizeof *bind);
	bind->u.indicator = c->indicator;
	if (c->type == DB_INT) {
		bind->buffer_type = MYSQL_TYPE_LONGLONG;
		bind->buffer = c->num;
	} else {
		bind->buffer_type = c->type == DB_TIME ? MYSQL_TYPE_DATETIME
						       : MYSQL_TYPE_STRING;
		bind->buffer = c->text;
		bind->length = c->len;
	}
}

static enum outcome
run_arrays(struct db_bulk *b, size_t first, size_t n)
{
	unsigned size = (unsigned)n;
	enum outcome o = prepare_statement(b);
	size_t k;

	if (o != OUTCOME_DONE)
		return o;
	db_doing(b->db, b->head);
	for (k = 0; k < b->columns; k++)
		fill_column(b, k, first, n);
	/* The array size must be set before the values are bound. */
	if (mysql_stmt_attr_set(b->stmt, STMT_ATTR_ARRAY_SIZE, &size) != 0 ||
	    mysql_stmt_bind_param(b->stmt, b->bind) != 0 ||
	    mysql_stmt_execute(b->stmt) != 0)
		return statement_failed(b);
	return db_still_in_trans(b->db);
}

static enum outcome
run_text(struct db_bulk *b, size_t first, size_t n)
{
	struct buf *sql = &b->db->sql;
	const char *p;
	size_t i, k;

	buf_clear(sql);
	buf_adds(sql, b->head);
	for (i = first; i < first + n; i++) {
		if (i > first)
			buf_adds(sql, ", ");
		for (p = b->row, k = 0; *p != '\0'; p++) {
			if (*p != '?') {
				buf_addc(sql, *p);
				continue;
			}
			db_quote(b->db, sql, b->values[i * b->columns + k]);
			k++;
		}
	}
	buf_adds(sql, b->tail);
	return db_send(b->db, sql->data, sql->len);
}

/* Returns the maximum length of a row in a statement: as text each byte may
 * need a backslash, in an array a text is as long as it is. */
static size_t
row_bytes(const struct db_bulk *b, size_t row)
{
	const struct db_value *v = &b->values[row * b->columns];
	size_t bytes = 2 + strlen(b->row), i;
	size_t factor = b->db->server.bulk ? 1 : 2;

	for (i = 0; i < b->columns; i++)
		bytes += v[i].type == DB_TEXT ? factor * v[i].len + VALUE_BYTES
					      : NUMBER_BYTES;
	return bytes;
}

/* Returns how many rows from first on fit into one statement; 0 if not even one
 * fits. */
static size_t
that_fit(const struct db_bulk *b, size_t first, size_t n)
{
	size_t most = b->db->server.max_packet, i;
	size_t bytes = strlen(b->head) + strlen(b->tail) + strlen(b->row);

	for (i = 0; i < n && i < STATEMENT_ROWS; i++) {
		bytes += row_bytes(b, first + i);
		if (bytes > most / 2)
			break;
	}
	/* A row that does not fit into half of the packet may use all of it. */
	return i == 0 && bytes < most ? 1 : i;
}

enum outcome
db_bulk_run(struct db_bulk *b, size_t first, size_t n)
{
	enum outcome o = db_connect(b->db);
	size_t end = first + n, now;

	while (o == OUTCOME_DONE && first < end) {
		now = that_fit(b, first, end - first);
		if (now == 0)
			return db_refuse(b->db, DB_DATA,
			    "a row of up to %zu bytes exceeds the server's "
			    "max_allowed_packet (%zu)",
			    row_bytes(b, first), b->db->server.max_packet);
		o = b->db->server.bulk ? run_arrays(b, first, now)
				       : run_text(b, first, now);
		first += now;
	}
	return o;
}
