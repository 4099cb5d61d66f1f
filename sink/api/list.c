/*
 * list: see list.h.
 */
#include "sink/api/list.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/parse.h"
#include "common/digest/encoding.h"
#include "common/tables/tables.h"
#include "sink/access/scope.h"
#include "sink/api/kept.h"

/* The cursor. The condition allows the server to start at its position in the
 * index: key1 >= a AND (key1 > a OR (key1 = a AND ...)). */

/* True if the column can have the value. */
static bool
value_fits(const struct page_cursor *c, size_t key)
{
	const char *v = c->after[key];
	int64_t at;

	if (c->keys[key].type == SHEET_TIME)
		return clock_parse_sql(v, &at) == 0;
	return parse_is_utf8(v, strlen(v));
}

/* Reads the bytes; false if they are not hexadecimal, or the number of values
 * differs from the number of keys. */
static bool
read_values(struct page_cursor *c, const char *hex)
{
	size_t i, n = 0;
	int byte;

	for (i = 0; hex[i] != '\0'; i += 2) {
		byte = hex_byte(hex + i);
		if (byte < 0)
			return false;
		n += byte == 0;
		buf_addc(&c->values, (char)byte);
	}
	return n + 1 == c->keys_n;
}

static bool
read_cursor(struct page_cursor *c, const char *text)
{
	size_t i;

	if (!read_values(c, text))
		return false;
	c->after[0] = buf_str(&c->values);
	for (i = 1; i < c->keys_n; i++)
		c->after[i] = c->after[i - 1] + strlen(c->after[i - 1]) + 1;
	for (i = 0; i < c->keys_n; i++) {
		if (!value_fits(c, i))
			return false;
	}
	return true;
}

bool
page_cursor_read(struct page_cursor *c, struct question *q)
{
	const char *text = question_parameter(q, "cursor");

	return text == NULL || read_cursor(c, text) ||
	       question_problem(
		   q, 400, "cursor is not valid for this resource");
}

/* Adds a condition for rows whose key is before or after the cursor's;
 * `or_equal` is the operator for the last column, where equality means that the
 * whole key is equal. */
static size_t
add_side(const struct page_cursor *c, char sign, const char *or_equal,
    struct buf *sql, struct db_value args[PAGE_CURSOR_ARGS])
{
	size_t i, n = 0;

	if (c->after[0] == NULL)
		return 0;
	buf_addf(sql, " AND `%s` %c= ?", c->keys[0].name, sign);
	args[n++] = db_str(c->after[0]);
	for (i = 0; i < c->keys_n; i++) {
		buf_addf(sql, " AND (`%s` %c%s ?", c->keys[i].name, sign,
		    i + 1 == c->keys_n ? or_equal : "");
		args[n++] = db_str(c->after[i]);
		if (i + 1 == c->keys_n)
			break;
		buf_addf(sql, " OR (`%s` = ?", c->keys[i].name);
		args[n++] = db_str(c->after[i]);
	}
	for (i = 1; i < 2 * c->keys_n; i++)
		buf_addc(sql, ')');
	return n;
}

size_t
page_cursor_condition(const struct page_cursor *c, struct buf *sql,
    struct db_value args[PAGE_CURSOR_ARGS])
{
	return add_side(c, c->newest_first ? '<' : '>', "", sql, args);
}

/* The same for rows up to and including its position. */
static size_t
page_cursor_until(const struct page_cursor *c, struct buf *sql,
    struct db_value args[PAGE_CURSOR_ARGS])
{
	return add_side(c, c->newest_first ? '>' : '<', "=", sql, args);
}

void
page_cursor_order(const struct page_cursor *c, struct buf *sql)
{
	size_t i;

	for (i = 0; i < c->keys_n; i++)
		buf_addf(sql, "%s`%s`%s", i == 0 ? " ORDER BY " : ", ",
		    c->keys[i].name, c->newest_first ? " DESC" : "");
}

void
page_cursor_write(
    const struct page_cursor *c, const struct db_rows *row, struct buf *to)
{
	struct buf values = BUF_INIT;
	char *end;
	size_t i;

	for (i = 0; i < c->keys_n; i++) {
		if (i > 0)
			buf_addc(&values, '\0');
		buf_adds(&values, db_get(row, c->keys[i].column));
	}
	end = buf_room(to, 2 * values.len);
	(void)hex_write(
	    end, (const unsigned char *)buf_str(&values), values.len);
	buf_grown(to, 2 * values.len);
	buf_release(&values);
}

void
page_cursor_release(struct page_cursor *c)
{
	buf_release(&c->values);
}

/* The last row that a page of a list examines. If a request filters a growing
 * table by a column without an index, a statement might read the whole table to
 * find a few rows. Therefore a page examines PAGE_LAST_ROWS rows and then ends,
 * even if it shows only a few; the next page continues. No answer takes longer
 * than that. */

#define PAGE_LAST_ROWS 10000

/* If zeroed, there is no such row, and the page examines all rows. */
struct page_last {
	struct page_cursor place; /* for page_cursor_until() */
	struct buf cursor;        /* as text; empty: none */
};

#define ARGS_MAX (LIST_COLUMNS + 3 + 2 * PAGE_CURSOR_ARGS)

struct page {
	struct question *q;
	const struct list *list;
	struct list_column columns[LIST_COLUMNS]; /* columns_n of them */
	struct sheet_column titles[LIST_COLUMNS];
	size_t columns_n;
	int64_t limit, from, to;
	struct page_cursor cursor;
	struct page_last last;
	const char *index; /* index to use; NULL: the server chooses */
	struct buf where;  /* " AND ..." */
	struct db_value args[ARGS_MAX];
	size_t args_n;
	struct kept_lacking not_kept; /* if there are no rows */
	struct completeness complete;
};

static enum sheet_type
type_of(const struct column *c)
{
	switch (c->kind) {
	case COLUMN_SECONDS:
	case COLUMN_COUNT:
	case COLUMN_LENGTH:
	case COLUMN_REAL:
	case COLUMN_VERSION:
		return SHEET_NUMBER;
	case COLUMN_TIME:
	case COLUMN_HOUR:
		return SHEET_TIME;
	case COLUMN_BOOL:
		return SHEET_FLAG;
	case COLUMN_JSON:
	case COLUMN_BYTES:
	case COLUMN_ID:
	case COLUMN_PLACE:
	case COLUMN_TEXT:
	case COLUMN_STATUS:
		break;
	}
	return SHEET_TEXT;
}

static bool
is_listed(const struct list *l, const char *name)
{
	const struct list_column *c = l->columns;

	while (c->name != NULL && strcmp(c->name, name) != 0)
		c++;
	return c->name != NULL;
}

/* Adds the table's columns that the list does not name, except tenant, version
 * and the hidden one. */
static size_t
add_others(const struct list *l, struct list_column *to)
{
	const struct table *t = table_find(l->table, strlen(l->table));
	size_t i, n = 0;

	for (i = 1; i < t->columns_n; i++)
		if (t->columns[i].kind != COLUMN_VERSION &&
		    (l->hidden == NULL ||
			strcmp(t->columns[i].name, l->hidden) != 0) &&
		    !is_listed(l, t->columns[i].name))
			to[n++] = (struct list_column){ t->columns[i].name,
				type_of(&t->columns[i]), LIST_SHOWN,
				VIEWER_NONE, NULL };
	return n;
}

size_t
list_columns(const struct list *l, struct list_column to[LIST_COLUMNS])
{
	size_t listed = 0, n;

	while (l->columns[listed].name != NULL)
		listed++;
	n = listed - (l->link != NULL);
	memcpy(to, l->columns, n * sizeof *to);
	if (l->and_others)
		n += add_others(l, to + n);
	if (l->link != NULL)
		to[n++] = l->columns[listed - 1];
	return n;
}

static void
add_argument(struct page *p, struct db_value v)
{
	p->args[p->args_n++] = v;
}

/* Returns the column's index; columns_n if there is no such column. */
static size_t
column_named(const struct page *p, const char *name)
{
	size_t i = 0;

	while (i < p->columns_n && strcmp(p->titles[i].name, name) != 0)
		i++;
	return i;
}

static void
read_columns(struct page *p)
{
	size_t i;

	p->columns_n = list_columns(p->list, p->columns);
	for (i = 0; i < p->columns_n; i++)
		p->titles[i] = (struct sheet_column){ p->columns[i].name,
			p->columns[i].type, NULL };
}

static void
read_order(struct page *p)
{
	struct page_cursor *c = &p->cursor;
	const char *const *key = p->list->key;
	size_t column;

	c->newest_first = p->list->newest_first;
	for (; c->keys_n < PAGE_CURSOR_KEYS && *key != NULL; key++) {
		column = column_named(p, *key);
		c->keys[c->keys_n++] = (struct page_cursor_key){ *key,
			p->titles[column].type, column };
	}
}

/* Returns the word that is the parameter's value; otherwise NULL. */
static const struct list_word *
word_of(const struct page *p, const char *parameter)
{
	const struct list_word *w = p->list->words;
	const char *v = question_parameter(p->q, parameter);

	for (; v != NULL && w->parameter != NULL; w++) {
		if (strcmp(w->parameter, parameter) == 0 &&
		    strcmp(w->value, v) == 0)
			return w;
	}
	return NULL;
}

/* A parameter that is not a column accepts only its word as a value. */
static bool
check_list_words(const struct page *p)
{
	const struct list_word *w = p->list->words, *of;

	for (; w->parameter != NULL; w++) {
		of = word_of(p, w->parameter);
		if (of == NULL && question_parameter(p->q, w->parameter) &&
		    column_named(p, w->parameter) == p->columns_n)
			return question_problem(
			    p->q, 400, "%s must be %s", w->parameter, w->value);
		if (of == w && w->excludes != NULL &&
		    question_parameter(p->q, w->excludes) != NULL)
			return question_problem(p->q, 400,
			    "%s and %s cannot be combined", w->excludes,
			    w->parameter);
	}
	return true;
}

/* A viewer who may not see a column may not filter by it either. true and false
 * are words in the list. */
static bool
check_list_columns(const struct page *p)
{
	enum viewer_role role = p->q->viewer.role;
	const struct list_column *c = p->columns;
	const char *v;

	for (; c < p->columns + p->columns_n; c++) {
		v = c->use != LIST_SHOWN ? question_parameter(p->q, c->name)
					 : NULL;
		if (v == NULL)
			continue;
		if (c->type == SHEET_FLAG && word_of(p, c->name) == NULL &&
		    strcmp(v, "1") != 0)
			return question_problem(
			    p->q, 400, "%s must be true or false", c->name);
		if (role < c->least)
			return question_problem(p->q, 403,
			    "%s is not allowed for the role %s", c->name,
			    viewer_role_name(role));
	}
	return true;
}

static bool
read_range(struct page *p)
{
	struct zone *zone = p->list->time != NULL ? question_zone(p->q) : NULL;
	bool good;

	p->from = p->to = CLOCK_NONE;
	if (zone == NULL)
		return p->list->time == NULL;
	good = question_zoned_time(p->q, zone, "from", &p->from) &&
	       question_zoned_time(p->q, zone, "to", &p->to);
	zone_close(zone);
	if (good && p->from != CLOCK_NONE && p->to != CLOCK_NONE &&
	    p->from >= p->to)
		return question_problem(p->q, 400, "from must be before to");
	return good;
}

static bool
read_parameters(struct page *p)
{
	size_t kind;

	p->limit = LIST_PAGE;
	return question_int(p->q, "limit", 1, LIST_PAGE_MAX, &p->limit) &&
	       read_range(p) && check_list_words(p) &&
	       (p->list->kinds == NULL ||
		   question_word(p->q, "kind", p->list->kinds, &kind)) &&
	       check_list_columns(p) && page_cursor_read(&p->cursor, p->q);
}

static void
add_range(struct page *p)
{
	if (p->from != CLOCK_NONE) {
		buf_addf(&p->where, " AND %s >= ?", p->list->time);
		add_argument(p, db_time(p->from));
	}
	if (p->to != CLOCK_NONE) {
		buf_addf(&p->where, " AND %s < ?", p->list->time);
		add_argument(p, db_time(p->to));
	}
}

static void
add_words(struct page *p)
{
	const struct list_word *w = p->list->words;

	for (; w->parameter != NULL; w++) {
		if (word_of(p, w->parameter) == w)
			buf_addf(&p->where, " AND %s", w->condition);
	}
}

static void
add_filters(struct page *p)
{
	const struct list_column *c;
	const char *v;
	size_t i;

	for (i = 0; i < p->columns_n; i++) {
		c = &p->columns[i];
		v = c->use != LIST_SHOWN ? question_parameter(p->q, c->name)
					 : NULL;
		if (v == NULL || word_of(p, c->name) != NULL)
			continue;
		buf_addf(&p->where, " AND `%s` = ?", c->name);
		add_argument(p, db_str(v));
	}
}

/* Limits the rows to those that the viewer may see. */
static void
add_scope(struct page *p)
{
	const char *column = p->list->operator_column;

	if (column != NULL && p->list->nobodys)
		scope_add_waiting(&p->q->viewer, column, &p->where);
	else if (column != NULL)
		scope_add_rows(&p->q->viewer, column, &p->where);
}

static bool
is_own_operator(const struct page *p, const char *column)
{
	return p->q->viewer.role == VIEWER_OPERATOR && !p->list->nobodys &&
	       p->list->operator_column != NULL &&
	       strcmp(p->list->operator_column, column) == 0;
}

/* Returns the index for the columns by which the request filters, or NULL. */
static const char *
find_index(const struct page *p)
{
	const struct list_index *i = p->list->indexes;

	while (i->index != NULL && !is_own_operator(p, i->parameter) &&
	       !question_parameter(p->q, i->parameter))
		i++;
	return i->index;
}

/* A link is not a column of the table. */
static void
add_column(const struct page *p, size_t column, struct buf *sql)
{
	const struct list_column *c = &p->columns[column];
	bool link = p->list->link != NULL && column + 1 == p->columns_n;

	if (p->q->viewer.role < c->least || link)
		buf_adds(sql, "NULL");
	else if (c->sql != NULL)
		buf_addf(sql, "%s AS `%s`", c->sql, c->name);
	else
		buf_addf(sql, "`%s`", c->name);
}

/* Determines which rows are examined. */
static void
add_place(struct page *p)
{
	add_range(p);
	p->args_n +=
	    page_cursor_condition(&p->cursor, &p->where, p->args + p->args_n);
}

/* Adds the remaining conditions. */
static bool
add_conditions(struct page *p)
{
	if (p->list->condition != NULL)
		buf_addf(&p->where, " AND %s", p->list->condition);
	add_words(p);
	add_filters(p);
	add_scope(p);
	return p->list->add_more == NULL || p->list->add_more(p->q, &p->where);
}

/* Selects only the columns of the order, for the single row. */
static void
build_last_statement(const struct page *p, struct text place, struct buf *sql)
{
	const struct page_cursor *c = &p->cursor;
	size_t i;

	buf_adds(sql, "SELECT ");
	for (i = 0; i < c->keys_n; i++)
		buf_addf(sql, "%s`%s`", i > 0 ? ", " : "", c->keys[i].name);
	buf_addf(sql, " FROM %s FORCE INDEX (%s) WHERE tenant = ?",
	    p->list->table, p->index);
	buf_add(sql, place.p, place.len);
	page_cursor_order(c, sql);
	buf_addf(sql, " LIMIT %d, 1", PAGE_LAST_ROWS - 1);
}

/* Finds the last row to examine among the rows of the viewer's tenant that
 * satisfy `place` (" AND ..." or nothing), with the first args_n arguments, in
 * the order of the cursor, which the index has. Returns false if the answer is
 * now a problem. */
static bool
find_last(struct page *p, struct text place, size_t args_n)
{
	struct page_last *last = &p->last;
	struct db_rows *rows = NULL;
	struct buf sql = BUF_INIT;
	size_t before = p->q->rows, i;
	bool good;

	last->place = (struct page_cursor){ .keys_n = p->cursor.keys_n,
		.newest_first = p->cursor.newest_first };
	for (i = 0; i < last->place.keys_n; i++) {
		last->place.keys[i] = p->cursor.keys[i];
		last->place.keys[i].column = i;
	}
	build_last_statement(p, place, &sql);
	good = question_ask(p->q, buf_str(&sql), p->args, args_n, &rows);
	if (good && db_next(rows)) {
		page_cursor_write(&last->place, rows, &last->cursor);
		good = read_cursor(&last->place, buf_str(&last->cursor)) ||
		       question_problem(
			   p->q, 500, "a row does not fit into its table");
	}
	p->q->rows = before; /* this row is not part of the answer */
	db_rows_free(rows);
	buf_release(&sql);
	return good;
}

static bool
find_conditions(struct page *p)
{
	struct text place;
	size_t args_n;

	add_place(p);
	place.len = p->where.len;
	args_n = p->args_n;
	if (!add_conditions(p))
		return false;
	place.p = buf_str(&p->where);
	p->index = find_index(p);
	if (p->list->order_index == NULL || p->index != NULL ||
	    p->where.len == place.len)
		return true;
	p->index = p->list->order_index;
	if (!find_last(p, place, args_n))
		return false;
	p->args_n +=
	    page_cursor_until(&p->last.place, &p->where, p->args + p->args_n);
	return true;
}

static void
add_rows(const struct page *p, struct buf *sql)
{
	buf_addf(sql, " FROM %s", p->list->table);
	if (p->index != NULL)
		buf_addf(sql, " FORCE INDEX (%s)", p->index);
	buf_addf(sql, " WHERE tenant = ?%s", buf_str(&p->where));
}

static void
build_statement(struct page *p, struct buf *sql)
{
	size_t i;

	buf_adds(sql, "SELECT ");
	for (i = 0; i < p->columns_n; i++) {
		buf_adds(sql, i > 0 ? ", " : "");
		add_column(p, i, sql);
	}
	add_rows(p, sql);
	page_cursor_order(&p->cursor, sql);
	buf_addf(sql, " LIMIT %d", (int)p->limit + 1);
}

static void
add_link_parameter(struct page *p, struct buf *to, const char *name)
{
	const char *v = question_parameter(p->q, name);

	if (v == NULL)
		return;
	buf_addf(to, "%s=", name);
	percent_encode(to, v);
	buf_addc(to, '&');
}

/* Adds the Link header: the same request with the cursor. Its range has fixed
 * times, because "7d ago" would differ between two pages. */
static void
link_next(struct page *p, const char *cursor)
{
	struct buf *to = &p->q->answer->headers;
	const struct list_word *w = p->list->words;
	const char *const *more = p->list->more;
	size_t i;

	buf_adds(to, "Link: <?");
	if (p->from != CLOCK_NONE)
		reply_encode_time(to, "from", p->from);
	if (p->to != CLOCK_NONE)
		reply_encode_time(to, "to", p->to);
	add_link_parameter(p, to, "limit");
	for (i = 0; i < p->columns_n; i++) {
		if (p->columns[i].use != LIST_SHOWN)
			add_link_parameter(p, to, p->titles[i].name);
	}
	for (; w->parameter != NULL; w++) {
		if (column_named(p, w->parameter) == p->columns_n)
			add_link_parameter(p, to, w->parameter);
	}
	for (; more != NULL && *more != NULL; more++)
		add_link_parameter(p, to, *more);
	add_link_parameter(p, to, "bom");
	buf_addf(to, "cursor=%s>; rel=\"next\"\n", cursor);
}

static void
compute_cells(void *ctx, const struct db_rows *row, struct sheet *s)
{
	struct page *p = ctx;

	p->list->compute(p->q, row, s);
}

static void
write_page(struct page *p, struct db_rows *rows)
{
	const struct reply_computed computed = { p->list->computed_after,
		p->list->computed_n, compute_cells, p };
	/* No link leads to data that the viewer may not read. */
	reply_link *link =
	    p->q->viewer.role >= p->columns[p->columns_n - 1].least
		? p->list->link
		: NULL;
	struct sheet s;
	struct buf next = BUF_INIT; /* the cursor */
	struct buf *body = reply_begin(p->q);

	sheet_begin(&s, body, p->q->format, p->titles, p->columns_n);
	while (db_next(rows))
		reply_computed_row(p->q, &s, rows,
		    p->list->compute != NULL ? &computed : NULL, link);
	sheet_end(&s);
	if (p->q->format == SHEET_JSON)
		kept_write_lacking(&p->not_kept, body);
	if (p->q->format == SHEET_JSON && p->list->coverage != NULL)
		completeness_write(&p->complete, body);
	if (db_rows_cut(rows))
		page_cursor_write(&p->cursor, rows, &next);
	else
		buf_adds(&next, buf_str(&p->last.cursor));
	if (next.len > 0)
		link_next(p, buf_str(&next));
	reply_end(p->q, next.len > 0 ? buf_str(&next) : NULL);
	buf_release(&next);
}

/* If there are no rows at all, the metric may not be stored. */
static bool
find_not_kept_list(struct page *p, const struct db_rows *rows)
{
	return p->q->format != SHEET_JSON ||
	       kept_find_if_empty(p->q, db_rows_count(rows) == 0,
		   kept_metric(p->list->table), &p->not_kept);
}

static bool
find_complete(struct page *p)
{
	return p->q->format != SHEET_JSON || p->list->coverage == NULL ||
	       completeness_read(p->q, p->list->coverage, &p->complete);
}

static bool
ask_page(struct page *p, struct db_rows **rows)
{
	struct buf sql = BUF_INIT;
	bool good = find_conditions(p);

	if (good) {
		build_statement(p, &sql);
		good = question_ask_page(p->q, buf_str(&sql), p->args,
		    p->args_n, (size_t)p->limit, rows);
	}
	buf_release(&sql);
	return good;
}

static void
release_page(struct page *p, struct db_rows *rows)
{
	db_rows_free(rows);
	buf_release(&p->where);
	completeness_release(&p->complete);
	page_cursor_release(&p->cursor);
	page_cursor_release(&p->last.place);
	buf_release(&p->last.cursor);
}

void
list_answer(struct question *q, const struct list *l)
{
	struct page p = { .q = q, .list = l };
	struct db_rows *rows = NULL;

	read_columns(&p);
	read_order(&p);
	if (read_parameters(&p) && ask_page(&p, &rows) &&
	    find_not_kept_list(&p, rows) && find_complete(&p))
		write_page(&p, rows);
	release_page(&p, rows);
}

bool
list_ask_totals(struct question *q, const struct list *l,
    const char *aggregates, struct db_rows **rows)
{
	struct page p = { .q = q, .list = l };
	struct buf sql = BUF_INIT;
	bool good;

	read_columns(&p);
	good = read_parameters(&p);
	if (good) {
		add_place(&p);
		good = add_conditions(&p);
		p.index = find_index(&p);
	}
	if (good) {
		buf_addf(&sql, "SELECT %s", aggregates);
		add_rows(&p, &sql);
		good = question_ask(q, buf_str(&sql), p.args, p.args_n, rows);
	}
	buf_release(&sql);
	release_page(&p, NULL);
	return good;
}
