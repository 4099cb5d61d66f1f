/*
 * page_last: see page_last.h.
 */
#include "sink/api/page_last.h"

/* The columns of the order alone, of the one row. */
static void
build_statement(struct page_last *last, const char *table, const char *index,
    struct text where, struct buf *sql)
{
	const struct page_cursor *c = &last->place;
	size_t i;

	buf_adds(sql, "SELECT ");
	for (i = 0; i < c->keys_n; i++)
		buf_addf(sql, "%s`%s`", i > 0 ? ", " : "", c->keys[i].name);
	buf_addf(
	    sql, " FROM %s FORCE INDEX (%s) WHERE tenant = ?", table, index);
	buf_add(sql, where.p, where.len);
	page_cursor_order(c, sql);
	buf_addf(sql, " LIMIT %d, 1", PAGE_LAST_ROWS - 1);
}

static void
copy_order(struct page_last *last, const struct page_cursor *order)
{
	struct page_cursor *c = &last->place;

	c->newest_first = order->newest_first;
	for (; c->keys_n < order->keys_n; c->keys_n++) {
		c->keys[c->keys_n] = order->keys[c->keys_n];
		c->keys[c->keys_n].column = c->keys_n;
	}
}

static bool
read_place(
    struct page_last *last, struct question *q, const struct db_rows *row)
{
	page_cursor_write(&last->place, row, &last->cursor);
	return page_cursor_read(&last->place, buf_str(&last->cursor)) ||
	       question_problem(q, 500, "a row has no place in its table");
}

bool
page_last_find(struct page_last *last, struct question *q,
    const struct page_cursor *order, const char *table, const char *index,
    struct text where, const struct db_value *args, size_t n)
{
	struct db_rows *rows = NULL;
	struct buf sql = BUF_INIT;
	size_t before = q->rows;
	bool good;

	copy_order(last, order);
	build_statement(last, table, index, where, &sql);
	good = question_ask(q, buf_str(&sql), args, n, &rows) &&
	       (!db_next(rows) || read_place(last, q, rows));
	q->rows = before; /* it is not answered */
	db_rows_free(rows);
	buf_release(&sql);
	return good;
}

void
page_last_release(struct page_last *last)
{
	page_cursor_release(&last->place);
	buf_release(&last->cursor);
}
