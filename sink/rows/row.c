/*
 * row: see row.h. Fields usually come in the order of the columns, so each is
 * searched for from the column after the previous one.
 */
#include "sink/rows/row.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "sink/tables/upsert_sql.h"

/* The greatest DECIMAL(15,3). */
#define SECONDS_MAX 999999999999.999

size_t
row_text_bytes(const char *p, size_t len, int64_t max)
{
	size_t i;

	if (len <= (size_t)max)
		return len;
	for (i = 0; i < len; i++)
		if (((unsigned char)p[i] & 0xc0) != 0x80 && max-- == 0)
			break;
	return i;
}

static bool
is_whole_number(const struct flat_field *f)
{
	size_t i;

	if (f->kind != FLAT_NUMBER)
		return false;
	for (i = f->val[0] == '-'; i < f->val_len; i++)
		if (!text_is_digit(f->val[i]))
			return false;
	return true;
}

/* The functions read_*_column() return NULL, or an error text. */
static const char *
read_text_column(
    const struct column *c, const struct flat_field *f, struct db_value *v)
{
	if (f->kind != FLAT_STRING && !is_whole_number(f))
		return "must be a string";
	*v = db_text(f->val, row_text_bytes(f->val, f->val_len, c->max));
	return NULL;
}

static const char *
read_id_column(
    const struct column *c, const struct flat_field *f, struct db_value *v)
{
	const char *wrong = read_text_column(c, f, v);

	if (wrong != NULL)
		return wrong;
	/* Limited in bytes, as in records, because the reaper must be able to
	 * name them. A truncated id would be a different id. */
	if (f->val_len > (size_t)c->max)
		return "is too long";
	if (c->needed && f->val_len == 0)
		return c->kind == COLUMN_PLACE ? NULL : "is empty";
	return record_id_field_error(f);
}

/* Passed on as written: the database reads numbers of any form, and rounds
 * them. The line continues after the number, at least with a brace. */
static const char *
read_number_column(const struct flat_field *f, double most, const char *wrong,
    struct db_value *v)
{
	if (f->kind != FLAT_NUMBER)
		return "must be a number";
	if (!(fabs(strtod(f->val, NULL)) <= most))
		return wrong;
	*v = db_text(f->val, f->val_len);
	return NULL;
}

/* Any value except null, passed on as written. */
static const char *
read_json_column(const struct flat_field *f, struct db_value *v)
{
	size_t len;
	const char *raw = flat_raw(f, &len);

	*v = db_text(raw, len);
	return NULL;
}

static const char *
read_time_column(const struct flat_field *f, struct db_value *v)
{
	int64_t ms;

	if (f->kind != FLAT_STRING || clock_parse(f->val, f->val_len, &ms) != 0)
		return "must be a time like 2026-11-20T10:00:00.123Z";
	if (!db_takes_time(ms))
		return "is before the year 1000";
	*v = db_time(ms);
	return NULL;
}

static const char *
read_hour_column(const struct flat_field *f, struct db_value *v)
{
	const char *wrong = read_time_column(f, v);

	if (wrong != NULL)
		return wrong;
	return v->num % HOUR_MS != 0 ? "is not a whole hour" : NULL;
}

static const char *
read_count_column(
    const struct column *c, const struct flat_field *f, struct db_value *v)
{
	int64_t n = 0;
	size_t i;

	if (!is_whole_number(f))
		return "must be a whole number";
	if (f->val[0] == '-')
		return "is below 0";
	for (i = 0; i < f->val_len; i++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, f->val[i] - '0', &n) ||
		    n > c->max)
			return "is too large";
	*v = db_int(n);
	return NULL;
}

static const char *
read_status_column(const struct flat_field *f, struct db_value *v)
{
	struct text t = { f->val, f->val_len };

	if (f->kind != FLAT_STRING ||
	    (!text_is(t, "open") && !text_is(t, "snoozed") &&
		!text_is(t, "left")))
		return "must be open, snoozed or left";
	*v = db_text(f->val, f->val_len);
	return NULL;
}

static const char *
read_bool_column(const struct flat_field *f, struct db_value *v)
{
	if (f->kind != FLAT_TRUE && f->kind != FLAT_FALSE)
		return "must be true or false";
	*v = db_int(f->kind == FLAT_TRUE);
	return NULL;
}

static const char *
read_column(
    const struct column *c, const struct flat_field *f, struct db_value *v)
{
	switch (c->kind) {
	case COLUMN_ID:
	case COLUMN_PLACE:
		return read_id_column(c, f, v);
	case COLUMN_JSON:
		return read_json_column(f, v);
	case COLUMN_TEXT:
		return read_text_column(c, f, v);
	case COLUMN_TIME:
		return read_time_column(f, v);
	case COLUMN_HOUR:
		return read_hour_column(f, v);
	case COLUMN_SECONDS:
		return read_number_column(f, SECONDS_MAX, "is too large", v);
	case COLUMN_COUNT:
	case COLUMN_LENGTH:
	case COLUMN_VERSION:
		return read_count_column(c, f, v);
	case COLUMN_REAL:
		return read_number_column(
		    f, COLUMN_REAL_MAX, "is beyond 10^15", v);
	case COLUMN_BOOL:
		return read_bool_column(f, v);
	case COLUMN_STATUS:
		return read_status_column(f, v);
	case COLUMN_BYTES:
		break;
	}
	return NULL;
}

/* Returns the column to which a field belongs, or columns_n; from is the
 * position of the last one found. */
static size_t
find_column(const struct table *t, const struct flat_field *f, size_t from)
{
	const struct column *c;
	size_t i, k = from;

	for (i = 0; i < t->columns_n; i++, k++) {
		if (k >= t->columns_n)
			k = 0;
		c = &t->columns[k];
		if (c->name_len == f->key_len && c->name[0] == f->key[0] &&
		    memcmp(c->name, f->key, f->key_len) == 0)
			return k;
	}
	return t->columns_n;
}

int
row_set(
    struct sink_row *row, size_t k, const struct flat_field *f, struct buf *why)
{
	const struct column *c = &row->table->columns[k];
	const char *wrong;

	row->values[k].type = DB_NULL;
	row->cut &= ~(UINT32_C(1) << k);
	if (f->kind == FLAT_NULL)
		return 0;
	wrong = read_column(c, f, &row->values[k]);
	if (wrong != NULL) {
		buf_setf(why, "field '%s' %s", c->name, wrong);
		return -1;
	}
	if (c->kind == COLUMN_TEXT && row->values[k].len < f->val_len)
		row->cut |= UINT32_C(1) << k;
	return 0;
}

/* If a key is repeated the last one counts: later fields overwrite earlier
 * ones. */
static int
set_columns(struct sink_row *row, const struct flat *f, struct buf *why)
{
	const struct table *t = row->table;
	size_t i, k, from = 0;

	for (i = 0; i < f->n; i++) {
		k = find_column(t, &f->field[i], from);
		if (k == t->columns_n)
			continue;
		from = k + 1;
		if (row_set(row, k, &f->field[i], why) != 0)
			return -1;
	}
	return 0;
}

/* Missing values: some have a default, others make the row bad. */
static int
fill_in(struct sink_row *row, struct buf *why)
{
	const struct table *t = row->table;
	struct db_value *v;
	size_t k;

	for (k = 0; k < t->columns_n; k++) {
		v = &row->values[k];
		if (v->type != DB_NULL)
			continue;
		if (t->columns[k].kind == COLUMN_PLACE) {
			*v = db_text("", 0);
		} else if (t->columns[k].kind == COLUMN_VERSION) {
			*v = db_int(row->as_of);
		} else if (t->columns[k].needed) {
			buf_setf(why, "field '%s' is missing in a row of %s",
			    t->columns[k].name, t->name);
			return -1;
		}
	}
	return 0;
}

static void
keep_row_text(struct text *t, const char *line, size_t len, struct arena *a)
{
	if (t->p != NULL && t->len > 0 && (t->p < line || t->p > line + len))
		t->p = arena_copy(a, t->p, t->len);
}

void
row_keep_texts(struct sink_row *row, struct arena *a)
{
	struct text t;
	size_t k;

	keep_row_text(&row->snapshot, row->line, row->len, a);
	for (k = 0; k < row->table->columns_n; k++) {
		if (row->values[k].type != DB_TEXT)
			continue;
		t.p = row->values[k].text;
		t.len = row->values[k].len;
		keep_row_text(&t, row->line, row->len, a);
		row->values[k].text = t.p;
	}
}

struct sink_row *
row_new(const struct table *t, const struct record *r, const char *line,
    size_t len, struct arena *a)
{
	struct sink_row *row = arena_take(a,
	    sizeof *row + (t->columns_n + t->derived) * sizeof row->values[0]);

	row->table = t;
	/* Only rows about the present belong to a snapshot. */
	if (t->life == LIFE_NOW)
		row->snapshot = r->snapshot;
	row->line = line;
	row->len = len;
	return row;
}

struct sink_row *
row_read_columns(const struct record *r, const char *line, size_t len,
    struct arena *a, struct buf *why)
{
	const struct table *t = table_find(r->table.p, r->table.len);
	struct sink_row *row;

	if (t == NULL) {
		buf_setf(why, "no table '%.*s'", TEXT_ARG(r->table));
		return NULL;
	}
	if (len > ROW_MAX_LINE) {
		buf_setf(why, "a row of %zu bytes; %d is the limit", len,
		    ROW_MAX_LINE);
		return NULL;
	}
	row = row_new(t, r, line, len, a);
	row->as_of = r->as_of;
	if (set_columns(row, r->flat, why) != 0 || fill_in(row, why) != 0)
		return NULL;
	row->as_of = row->values[t->at].num;
	if (t->versions)
		row->version = row->values[t->columns_n - 1].num;
	return row;
}

static int
compare_value(const struct db_value *a, const struct db_value *b)
{
	if (a->type == DB_NULL || b->type == DB_NULL)
		return (a->type != DB_NULL) - (b->type != DB_NULL);
	if (a->type != DB_TEXT)
		return (a->num > b->num) - (a->num < b->num);
	return text_compare(
	    (struct text){ a->text, a->len }, (struct text){ b->text, b->len });
}

/* Returns the column by which a tenant's rows are sorted before the rest of
 * their key: for messages the chat, otherwise the next column of the key. The
 * messages of a batch are close in time, so with a primary key that begins with
 * the time they are in a few pages. Sorted by chat, they also enter the index
 * by chat one chat after another instead of at a random position for each
 * row. */
static size_t
order_column(const struct table *t)
{
	return t == &tables[TABLE_messages] ? t->chat : 1;
}

int
row_compare_key(const struct sink_row *a, const struct sink_row *b)
{
	size_t k = order_column(a->table);
	int c = compare_value(&a->values[0], &b->values[0]);

	if (c == 0 && k < a->table->keys)
		c = compare_value(&a->values[k], &b->values[k]);
	for (k = 1; k < a->table->keys && c == 0; k++)
		c = compare_value(&a->values[k], &b->values[k]);
	return c;
}

static int
compare_ties(const struct sink_row *a, const struct sink_row *b)
{
	size_t n, i;
	const size_t *ties = table_ties(a->table, &n);
	int c = 0;

	for (i = 0; i < n && c == 0; i++)
		c = compare_value(&a->values[ties[i]], &b->values[ties[i]]);
	return c;
}

int
row_compare(const struct sink_row *a, const struct sink_row *b)
{
	int c = row_compare_key(a, b);

	if (c != 0)
		return c;
	if (a->version != b->version)
		return a->version < b->version ? 1 : -1;
	c = compare_ties(b, a);
	if (c != 0)
		return c;
	return (a->number > b->number) - (a->number < b->number);
}
