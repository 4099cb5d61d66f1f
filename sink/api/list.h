/*
 * list: resources that are the rows of a table: filtered by a range of time and
 * by columns, in pages. A page ends with a cursor, which the next request sends
 * back; rows that are stored meanwhile are neither repeated nor passed over.
 * JSON has a member not_kept: of a page without rows the metric that it lacks
 * (kept.h), else null.
 *
 * Parameters: from, to (the column `time`; dates by the clock of the parameter
 * zone, for a list that has it), limit, cursor, and each column that filters.
 *
 * The cursor is made from the last row of one page and sent back for the next.
 * It is the values of the columns of the order, with NULs between them, in
 * hexadecimal.
 */
#ifndef SINK_API_LIST_H
#define SINK_API_LIST_H

#include "common/base/buf.h"
#include "common/db/db.h"
#include "sink/api/question.h"
#include "sink/api/sheet.h"

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

/* Appends " ORDER BY ...". */
void page_cursor_order(const struct page_cursor *c, struct buf *sql);

void page_cursor_release(struct page_cursor *c);

/* Names, up to NULL. */
#define LIST_NAMES(...)                                                        \
	(const char *const[])                                                  \
	{                                                                      \
		__VA_ARGS__, NULL                                              \
	}

#define LIST_COLUMNS 20
#define LIST_WORDS 7
#define LIST_INDEXES 4

/* Rows of a page: without a limit, and at most. */
#define LIST_PAGE 100
#define LIST_PAGE_MAX 1000

enum list_column_use {
	LIST_SHOWN,
	LIST_FILTER, /* a parameter of that name selects rows */
	LIST_KEY     /* of the order; a parameter, too */
};

/* A value of a parameter that selects by more than one column's value. The
 * parameter may be a column's. */
struct list_word {
	const char *parameter, *value, *condition;
	const char *excludes; /* a parameter that contradicts it, or NULL */
};

/* A column is read by its own name. */
struct list_column {
	const char *name;
	enum sheet_type type;
	enum list_column_use use;
	enum viewer_role least; /* below it the cell is null; NONE: never */
};

/* With that parameter, or if the column is that of the operator whose rows
 * alone an agent sees, this index is used, of several the first one. Left to
 * itself the server may scan the tenant, because the key has the order. */
struct list_index {
	const char *parameter, *index;
};

struct list {
	const char *table;
	const char *parts;     /* where several aggregators store theirs, see
				  kept.h; NULL: nowhere */
	const char *condition; /* of the rows that are shown; NULL: all are */
	struct list_column columns[LIST_COLUMNS]; /* up to one without name */
	/* Behind these, before the link, come all others that the table has,
	 * as it declares them: every role sees them, and none filters. */
	bool and_others;
	/* The order, by names of columns; with tenant a key of the table. */
	const char *key[PAGE_CURSOR_KEYS];
	struct list_word words[LIST_WORDS]; /* up to one without parameter */
	const char *const *kinds;    /* values of kind, up to NULL; NULL: any */
	const char *time;            /* the column of from and to; NULL: none */
	const char *operator_column; /* whose row it is; NULL: none */
	bool nobodys;                /* rows of nobody are everybody's */
	/* Whether the viewer sees all rows of the request, although some are
	 * not theirs: those are null in the columns `names`, up to NULL. False:
	 * the answer is a problem. Both NULL: never. */
	bool (*opens_all)(struct question *q, bool *all);
	const char *const *names;
	bool newest_first;
	/* The index that has the order, of a table that grows with time: a page
	 * whose filters have no index reads a part of it, see list.c. NULL: a
	 * table that stays small enough to read all of a tenant. */
	const char *order_index;
	struct list_index indexes[LIST_INDEXES]; /* up to one without index */
	/* Conditions by further parameters, whose names are in a list up to
	 * NULL; both NULL: none. As interval_filter_add(). */
	bool (*add_more)(struct question *q, struct buf *sql);
	const char *const *more;
	/* The last column, which then is none of the table's; NULL: it is. A
	 * link leads from or to intervals: there is none where the tenant has
	 * no row of them. */
	reply_link *link;
};

/* The columns of the list, in their order; returns how many. */
size_t list_columns(const struct list *l, struct list_column to[LIST_COLUMNS]);

/* Answers with a page of the list. */
void list_answer(struct question *q, const struct list *l);

/* Answers with the row that has this value of the first column of the order;
 * none: the sentence where there is none. */
void list_answer_row(struct question *q, const struct list *l,
    const char *value, const char *none);

#endif
