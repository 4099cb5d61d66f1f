/*
 * tables: what a row is, as data, made from the declarations in tables.def. By
 * it go what the aggregator writes, what the sink reads and stores, what the
 * reaper deletes, and the page messaging-tables(5). A test holds it against
 * the migrations.
 */
#ifndef COMMON_TABLES_TABLES_H
#define COMMON_TABLES_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum column_kind {
	COLUMN_ID,      /* VARCHAR(max): string, or a whole number's digits */
	COLUMN_PLACE,   /* the same in a key, '' where there is none */
	COLUMN_TEXT,    /* the same, for people to read: cut to max */
	COLUMN_STATUS,  /* open, pending, snoozed or left */
	COLUMN_JSON,    /* any value, as compact JSON text */
	COLUMN_TIME,    /* DATETIME(3): RFC 3339 */
	COLUMN_SECONDS, /* DECIMAL(15,3): a number, in thousandths inside */
	COLUMN_COUNT,   /* whole number from 0 to max */
	COLUMN_REAL,    /* DOUBLE: any number */
	COLUMN_BOOL,    /* true or false */
	COLUMN_VERSION, /* whole number; by default as_of in ms */
	COLUMN_OWN,     /* in no row */
};

struct column {
	const char *name;
	size_t name_len;
	enum column_kind kind;
	bool needed; /* NOT NULL: a row without it is a bad row */
	int64_t max; /* bytes, characters, or the greatest value */
};

/* When rows go. */
enum table_life {
	LIFE_NOW,     /* how things stand, told by a whole snapshot: a chat's
			 rows go when it is closed, others with the tenant */
	LIFE_HISTORY, /* they outlive their chat, unless [reaper] on_close =
			 all, and go by age, that of --retention */
	LIFE_TENANT,  /* with the tenant only */
	LIFE_TRACE,   /* remembers deletions: by age only, that of [reaper]
			 tombstones */
	LIFE_REFUSAL, /* the same, and on_close = all takes it, too */
	LIFE_EVER,    /* never */
	LIFE_NONE,    /* they are in no database */
};

/* The key is the first `keys` columns, tenant the first of them; the version,
 * where there is one, is the last column. */
struct table {
	const char *name;
	size_t name_len;
	const struct column *columns;
	size_t columns_n;
	size_t keys;
	enum table_life life;
	/* Columns, or -1. */
	int at;        /* the time the row tells about: as_of, and in tables of
			  records when it happened */
	int age;       /* the one --retention goes by */
	int chat;      /* names a chat */
	int day;       /* its days are partitions */
	bool versions; /* rows of one key replace each other, newest wins */
	/* Where several aggregators store their parts, or NULL. */
	const struct table *parts;
	bool is_parts;        /* it is such a table */
	const char *selector; /* what aggregator -a takes; NULL: nothing */
};

/* struct messages_at and so on: where each column is. */
#define TABLE(table, ...) struct table##_at {
#define COLUMN(name, ...) char name;
#define WHOLE(name, ...) char name;
#define ROW_VERSION(text) char version;
#define FIELD(name, ...) char name;
#define END(table, text)                                                       \
	char none;                                                             \
	}                                                                      \
	;
#include "common/tables/tables.def"

#define TABLE_COLUMN(table, column) offsetof(struct table##_at, column)

enum table_id {
#define METRIC(table, ...) TABLE_##table,
#define SHARDED METRIC
#define STORED METRIC
#include "common/tables/tables.def"
#define SHARDED(table, ...) TABLE_##table##_parts,
#include "common/tables/tables.def"
	TABLES, /* those that rows go to */
	BEFORE_OWN = TABLES - 1,
#define OWN(table, ...) TABLE_##table,
#include "common/tables/tables.def"
	TABLES_STORED, /* those in the database */
	BEFORE_PRINTED = TABLES_STORED - 1,
#define PRINTED(table, ...) TABLE_##table,
#include "common/tables/tables.def"
	TABLES_ALL
};

extern const struct table tables[TABLES_ALL];

/* The table with that name that rows go to, or NULL. */
const struct table *table_find(const char *name, size_t len);

/* What an aggregator writes in each row of the table: all but the tenant,
 * generation and part, as_of and version. How many, and the i-th. */
static inline size_t
table_cells(const struct table *t)
{
	return t->columns_n - (t->is_parts ? 5 : 3);
}

static inline const struct column *
table_cell(const struct table *t, size_t i)
{
	/* Generation and part end the key. */
	return &t->columns[i + 1 + (t->is_parts && i + 3 >= t->keys ? 2 : 0)];
}

#endif
