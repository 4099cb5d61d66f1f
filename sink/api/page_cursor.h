/*
 * page_cursor: where the next page of a list begins: the parameter `cursor`,
 * made from the last row of one page and sent back for the next. It is the
 * values of the columns of the order, with NULs between them, in hexadecimal.
 */
#ifndef SINK_API_PAGE_CURSOR_H
#define SINK_API_PAGE_CURSOR_H

#include "common/base/buf.h"
#include "common/db/db.h"
#include "sink/answer/sheet.h"

#include <stdbool.h>
#include <stddef.h>

/* The most columns of an order. */
#define PAGE_CURSOR_KEYS 4

/* The most arguments of the condition. */
#define PAGE_CURSOR_ARGS (2 * PAGE_CURSOR_KEYS)

struct page_cursor_key {
	const char *name;
	enum sheet_type type;
	size_t column; /* of the rows */
};

struct page_cursor {
	/* Set by the caller. */
	struct page_cursor_key keys[PAGE_CURSOR_KEYS];
	size_t keys_n;
	bool newest_first;

	/* Private. */
	const char *after[PAGE_CURSOR_KEYS]; /* [0] NULL: the first page */
	struct buf values;                   /* each NUL-ended */
};

/* Takes the parameter apart; NULL: the first page. False: page_cursor_write()
 * did not make it. */
bool page_cursor_read(struct page_cursor *c, const char *text)
    __attribute__((warn_unused_result));

/* Appends " AND ..." for the rows behind its place, if it has one, and sets its
 * arguments; returns how many. */
size_t page_cursor_condition(const struct page_cursor *c, struct buf *sql,
    struct db_value args[PAGE_CURSOR_ARGS]);

/* The same for the rows up to its place and of it. */
size_t page_cursor_until(const struct page_cursor *c, struct buf *sql,
    struct db_value args[PAGE_CURSOR_ARGS]);

/* Appends " ORDER BY ...". */
void page_cursor_order(const struct page_cursor *c, struct buf *sql);

/* Appends the cursor behind the present row. */
void page_cursor_write(
    const struct page_cursor *c, const struct db_rows *row, struct buf *to);

void page_cursor_release(struct page_cursor *c);

#endif
