/*
 * tables: all tables and columns as arrays, made from the declarations in
 * tables.def. The aggregator writes rows according to them, the sink creates
 * the tables and reads and stores rows, the reaper deletes rows, and
 * messaging-tables(5) is generated from them.
 *
 * tables.h and tables.c include tables.def once for each declaration or
 * initialiser. Each time, the macro that begins a table opens a struct, an enum
 * or an initialiser, COLUMN adds a member to it, and END closes it. In the
 * array `tables`, ABOUT opens the list of extras inside the initialiser of the
 * table, and END closes both. In enum table_id, the first macro is the whole
 * member. Macros that are not defined add nothing. For example,
 *
 *   OWN(closed_chats, TOMBSTONE, as_of, none, chat, none)
 *   ABOUT("...")
 *   KEY(tenant, TENANT_ID, "")
 *   KEY(chat, NEEDED_ID, "")
 *   COLUMN(closed_at, TIME, "")
 *   COLUMN(as_of, WHEN, "...")
 *   INDEX(by_age, "tenant, as_of")
 *   END(closed_chats, "")
 *
 * becomes, in this file,
 *
 *   struct closed_chats_at {
 *           char tenant; char chat; char closed_at; char as_of; char none;
 *   };
 *   enum table_id { ..., TABLE_closed_chats, ... };
 *
 * and in tables.c (constants are calculated here)
 *
 *   enum { keys_of_closed_chats = 0 + 1 + 1 };
 *   enum { versions_of_closed_chats = 0 };
 *
 *   static const struct {
 *           ...
 *           struct column closed_chats[4];
 *           ...
 *   } columns = {
 *           ...
 *           .closed_chats = {
 *                   { "tenant", 6, COLUMN_ID, true, RECORD_MAX_TENANT },
 *                   { "chat", 4, COLUMN_ID, true, RECORD_MAX_ID },
 *                   { "closed_at", 9, COLUMN_TIME, false, 0 },
 *                   { "as_of", 5, COLUMN_TIME, true, 0 },
 *           },
 *           ...
 *   };
 *
 *   const struct table tables[TABLES_ALL] = {
 *           ...
 *           [TABLE_closed_chats] = {
 *                   .name = "closed_chats", .name_len = 12,
 *                   .columns = columns.closed_chats, .columns_n = 4,
 *                   .keys = 2, .life = LIFE_TOMBSTONE, .versions = 0,
 *                   .at = 3, .age = 0, .chat = 1, .day = 0,
 *                   .extras = (const struct table_extra[]) {
 *                           { { "by_age", 6, COLUMN_ID, false, 0 },
 *                               NULL, "tenant, as_of" },
 *                           { { .name = NULL }, NULL, NULL }
 *                   }
 *           },
 *           ...
 *   };
 *
 * The structs have a char for each column, so that the offset of a member is
 * the index of its column: TABLE_COLUMN(closed_chats, as_of) is 3.
 */
#ifndef COMMON_TABLES_TABLES_H
#define COMMON_TABLES_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum column_kind {
	COLUMN_ID,      /* VARCHAR(max): a string, or the digits of an
			 * integer */
	COLUMN_PLACE,   /* the same in a key, '' if there is none */
	COLUMN_TEXT,    /* text for people, truncated to max */
	COLUMN_STATUS,  /* open or left */
	COLUMN_JSON,    /* any value, as compact JSON text */
	COLUMN_BYTES,   /* MEDIUMBLOB; in no row */
	COLUMN_TIME,    /* DATETIME(3), RFC 3339 */
	COLUMN_HOUR,    /* the same, at a full hour in UTC */
	COLUMN_SECONDS, /* DECIMAL(15,3): a number, stored in thousandths */
	COLUMN_COUNT,   /* an integer from 0 to max */
	COLUMN_LENGTH,  /* BIGINT: ms, at least 0; may be NULL */
	COLUMN_REAL,    /* DOUBLE: a number up to COLUMN_REAL_MAX, of either
			 * sign */
	COLUMN_BOOL,    /* true or false */
	COLUMN_VERSION, /* an integer; default: as_of in ms */
};

/* Small enough that sums are numbers, too. */
#define COLUMN_REAL_MAX 1e15

/* The number of characters that fit into a TEXT, at four bytes each. */
#define COLUMN_SHORT_TEXT (65535 / 4)

struct column {
	const char *name;
	size_t name_len;
	enum column_kind kind;
	bool needed; /* a row without it is bad; NOT NULL, except
		      * COLUMN_LENGTH */
	int64_t max; /* bytes, characters, or the greatest value */
};

/* An addition to the columns of a table's rows: a column that the database
 * computes (expression), or an index (its columns, separated by commas). */
struct table_extra {
	struct column column; /* for an index only the name */
	const char *expression, *index;
};

/* When rows are deleted. */
enum table_life {
	LIFE_NOW,       /* the present state, from a complete snapshot: rows of
			 * a chat when it is closed, others with the tenant */
	LIFE_HISTORY,   /* by age (--retention); with their chat only if
			 * [reaper] on_close = all */
	LIFE_TENANT,    /* with the tenant only */
	LIFE_TOMBSTONE, /* by age ([reaper] tombstones) */
	LIFE_EVER,      /* never */
	LIFE_NONE,      /* the table is not in a database */
};

/* The key is the first `keys` columns, starting with the tenant; the version,
 * if there is one, is the last column. `derived` further columns, which rows do
 * not have, follow in the array: the sink computes them. */
struct table {
	const char *name;
	size_t name_len;
	const struct column *columns;
	size_t columns_n;
	size_t derived;
	size_t keys;
	enum table_life life;
	/* Columns, or 0, which is the tenant. */
	size_t at;     /* the time of the row: as_of, or in tables of records
			* when it happened */
	size_t age;    /* the time that --retention compares */
	size_t chat;   /* the id of its chat */
	size_t day;    /* partitions are days of this time */
	bool versions; /* rows with the same key replace each other, newest
			* wins */
	const char *selector; /* the name in aggregator -a; NULL: none */
	const struct table_extra *extras; /* ends with one without a name */
};

/* struct messages_at and so on: the index of each column. */
#define TABLE(table, ...) struct table##_at {
#define COLUMN(name, ...) char name;
#define ROW_VERSION(text) char version;
#define DERIVED COLUMN
#define END(table, text)                                                       \
	char none;                                                             \
	}                                                                      \
	;
#include "common/tables/tables.def"

#define TABLE_COLUMN(table, column) offsetof(struct table##_at, column)

enum table_id {
#define METRIC(table, ...) TABLE_##table,
#define STORED METRIC
#include "common/tables/tables.def"
	TABLES, /* tables that records of type row may name */
	BEFORE_OWN = TABLES - 1,
#define OWN(table, ...) TABLE_##table,
#include "common/tables/tables.def"
	TABLES_STORED, /* tables in the database */
	BEFORE_PRINTED = TABLES_STORED - 1,
#define PRINTED(table, ...) TABLE_##table,
#include "common/tables/tables.def"
	TABLES_ALL
};

extern const struct table tables[TABLES_ALL];

/* Returns the table with that name among the first TABLES, or NULL. */
const struct table *table_find(const char *name, size_t len);

/* The columns that a metric fills (cells): all except tenant, as_of, left_at,
 * waits_until and version. Return their number, and the i-th. */
static inline size_t
table_cells(const struct table *t)
{
	return t->columns_n - 3 -
	       (t == &tables[TABLE_operator_metrics] ||
		   t == &tables[TABLE_tenant_metrics]);
}

static inline const struct column *
table_cell(const struct table *t, size_t i)
{
	return &t->columns[i + 1];
}

/* The condition, in SQL, for rows of the table intervals that count. The
 * aggregator always writes the column withdrawn, but rows from other programs
 * may lack it (NULL) and count as not withdrawn. Rows without ms contribute
 * nothing to sums. No index has these columns, so the condition does not
 * prevent the use of one. */
#define INTERVAL_COUNTS "(COALESCE(withdrawn, 0) = 0 AND ms IS NOT NULL)"

/* The condition for answers that were given while the team was closed. */
#define INTERVAL_CLOSED                                                        \
	"(work_ms = 0 AND ms > 0 AND kind IN ('first_response', 'reply'))"

#endif
