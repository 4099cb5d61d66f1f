/*
 * list: resources that are the rows of a table, filtered by a time range and by
 * columns, in pages. A page ends with a cursor, which the next request sends
 * back; rows stored meanwhile are neither repeated nor skipped. JSON has a
 * member not_kept: if the page has no rows, the metric that is not stored
 * (kept.h), otherwise null; and the members of completeness.h, if the rows show
 * the past.
 *
 * Parameters: from, to (the column `time`; dates are in the zone of the
 * parameter zone, if the list has it), limit, cursor, and each column that
 * filters.
 *
 * The cursor is made from the last row of a page. It consists of the values of
 * the order's columns, separated by NULs, in hexadecimal.
 */
#ifndef SINK_API_LIST_H
#define SINK_API_LIST_H

#include "common/base/buf.h"
#include "common/db/db.h"
#include "sink/api/completeness.h"
#include "sink/api/question.h"
#include "sink/api/sheet.h"

#include <stdbool.h>
#include <stddef.h>

/* Maximum columns of an order. */
#define PAGE_CURSOR_KEYS 4

/* Maximum arguments of the condition. */
#define PAGE_CURSOR_ARGS (2 * PAGE_CURSOR_KEYS)

struct page_cursor_key {
	const char *name;
	enum sheet_type type;
	size_t column; /* index in the rows */
};

struct page_cursor {
	/* Set by the caller. */
	struct page_cursor_key keys[PAGE_CURSOR_KEYS];
	size_t keys_n;
	bool newest_first;

	/* Private. */
	const char *after[PAGE_CURSOR_KEYS]; /* [0]: NULL for the first page */
	struct buf values;                   /* each with a NUL */
};

/* Reads the parameter `cursor`; without it, the first page follows. Returns
 * false if page_cursor_write() did not make it; the answer is then a
 * problem. */
bool page_cursor_read(struct page_cursor *c, struct question *q)
    __attribute__((warn_unused_result));

/* Appends " AND ..." for the rows after its position, if there is one, sets the
 * arguments, and returns their number. */
size_t page_cursor_condition(const struct page_cursor *c, struct buf *sql,
    struct db_value args[PAGE_CURSOR_ARGS]);

/* Appends " ORDER BY ...". */
void page_cursor_order(const struct page_cursor *c, struct buf *sql);

/* Appends a cursor for the rows after the current one. */
void page_cursor_write(
    const struct page_cursor *c, const struct db_rows *row, struct buf *to);

void page_cursor_release(struct page_cursor *c);

/* Names, ending with NULL. */
#define LIST_NAMES(...)                                                        \
	(const char *const[])                                                  \
	{                                                                      \
		__VA_ARGS__, NULL                                              \
	}

#define LIST_COLUMNS 26
#define LIST_WORDS 7
#define LIST_INDEXES 4

/* Number of rows in a page: the default, and the maximum. */
#define LIST_PAGE 100
#define LIST_PAGE_MAX 1000

enum list_column_use {
	LIST_SHOWN,
	LIST_FILTER, /* a parameter with that name selects rows */
	LIST_KEY     /* part of the order; a parameter, too */
};

/* A parameter value that selects by more than one column's value. The parameter
 * may also be a column's. */
struct list_word {
	const char *parameter, *value, *condition;
	const char *excludes; /* a parameter that must not be given with it, or
			       * NULL */
};

/* A column that is read by its own name. */
struct list_column {
	const char *name;
	enum sheet_type type;
	enum list_column_use use;
	enum viewer_role least; /* for lower roles the cell is null; NONE:
				 * always shown */
	const char *sql; /* an expression instead of a column of the table;
			  * NULL: the column */
};

/* An index to use if that parameter is given, or if the column names the
 * operator and the viewer sees only their own rows; if there are several, the
 * first one. Without this hint, the server may scan the whole tenant, because
 * the primary key has the order. */
struct list_index {
	const char *parameter, *index;
};

struct list {
	const char *table;
	const char *condition; /* which rows are shown; NULL: all */
	struct list_column columns[LIST_COLUMNS]; /* the last has no name */
	/* All other columns of the table but `hidden` follow before the link,
	 * as declared: every role sees them, and none can be used as a
	 * filter. */
	bool and_others;
	const char *hidden; /* NULL: none */
	/* The order, by names of columns; together with tenant, a key. */
	const char *key[PAGE_CURSOR_KEYS];
	struct list_word words[LIST_WORDS]; /* the last has no parameter */
	const char *const *kinds;    /* values of kind, ending with NULL; NULL:
				      * any */
	const char *time;            /* the column for from and to; NULL:
				      * none */
	const char *operator_column; /* the operator to whom a row belongs;
				      * NULL: none */
	bool nobodys;                /* rows without an operator are shown to
				      * all viewers */
	bool newest_first;
	/* The index with the order, for a table that grows with time: if no
	 * filter has an index, a page examines part of it, see list.c. NULL:
	 * the table stays small enough to read all of a tenant. */
	const char *order_index;
	/* The kind of coverage, of which JSON has the members
	 * (completeness.h); NULL: the rows show the present. */
	const char *coverage;
	struct list_index indexes[LIST_INDEXES]; /* the last has no index */
	/* Adds conditions for further parameters, whose names are in a list
	 * ending with NULL; both NULL: none. See interval_filter_add(). */
	bool (*add_more)(struct question *q, struct buf *sql);
	const char *const *more;
	/* Writes the columns that are not the table's (`sql` is "NULL"), from
	 * this one on; NULL: there are none. */
	void (*compute)(
	    struct question *q, const struct db_rows *row, struct sheet *s);
	size_t computed_after, computed_n;
	/* Creates the last column, which is then not one of the table's; or
	 * NULL. */
	reply_link *link;
};

/* Writes the columns of the list in order; returns their number. */
size_t list_columns(const struct list *l, struct list_column to[LIST_COLUMNS]);

/* Answers with a page from the list. */
void list_answer(struct question *q, const struct list *l);

/* Queries aggregates, such as "COUNT(*)", over all rows that the list's
 * parameters select. Returns false if the answer is now a problem. */
bool list_ask_totals(struct question *q, const struct list *l,
    const char *aggregates, struct db_rows **rows)
    __attribute__((warn_unused_result));

#endif
