/*
 * page_last: the last row that one page of a list looks at. Where a request
 * filters by what no index has, of a table that grows as long as messages come,
 * a statement might read all of it to find a few rows. So a page looks at
 * PAGE_LAST_ROWS rows and ends behind them, however few of them it has; the
 * next page goes on. No answer takes longer than that.
 */
#ifndef SINK_API_PAGE_LAST_H
#define SINK_API_PAGE_LAST_H

#include "sink/api/page_cursor.h"
#include "sink/api/question.h"

#define PAGE_LAST_ROWS 10000

/* All zero: none, the page looks at all rows. */
struct page_last {
	struct page_cursor place; /* for page_cursor_until() */
	struct buf cursor;        /* as text; empty: none */
};

/* Finds it among the rows of the table and the viewer's tenant for which
 * `where` is true, " AND ..." or nothing, in the order of the cursor, which the
 * index has. False: the answer is made, a problem. */
bool page_last_find(struct page_last *last, struct question *q,
    const struct page_cursor *order, const char *table, const char *index,
    struct text where, const struct db_value *args, size_t n)
    __attribute__((warn_unused_result));

void page_last_release(struct page_last *last);

#endif
