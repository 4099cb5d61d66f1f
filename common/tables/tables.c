/*
 * tables: the declarations of tables.def as arrays; see tables.h, which shows
 * what the macros make of one table.
 */
#include "common/tables/tables.h"

#include <string.h>

#include "common/records/record.h"

/* The size of a MEDIUMTEXT in bytes; a line is much shorter. */
#define MEDIUMTEXT ((1 << 24) - 1)

/* Types: kind, needed, max. */
#define TENANT_ID COLUMN_ID, true, RECORD_MAX_TENANT
#define ID COLUMN_ID, false, RECORD_MAX_ID
#define NEEDED_ID COLUMN_ID, true, RECORD_MAX_ID
#define WORD(max) COLUMN_ID, true, max
#define PLACE COLUMN_PLACE, true, RECORD_MAX_ID
#define TEXT(max) COLUMN_TEXT, false, max
#define SHORT_TEXT COLUMN_TEXT, false, COLUMN_SHORT_TEXT
#define LONG_TEXT COLUMN_TEXT, false, MEDIUMTEXT
#define NEEDED_TEXT COLUMN_TEXT, true, MEDIUMTEXT
#define STATUS COLUMN_STATUS, true, 16
#define JSON COLUMN_JSON, false, MEDIUMTEXT
#define BYTES COLUMN_BYTES, true, MEDIUMTEXT
#define TIME COLUMN_TIME, false, 0
#define WHEN COLUMN_TIME, true, 0
#define HOUR COLUMN_HOUR, true, 0
#define SECONDS COLUMN_SECONDS, false, 0
#define COUNT COLUMN_COUNT, false, RECORD_MAX_COUNT
#define NEEDED_COUNT COLUMN_COUNT, true, RECORD_MAX_COUNT
#define TOTAL COLUMN_COUNT, false, INT64_MAX
#define NEEDED_TOTAL COLUMN_COUNT, true, INT64_MAX
#define LENGTH COLUMN_LENGTH, true, INT64_MAX
#define REAL COLUMN_REAL, false, 0
#define NEEDED_REAL COLUMN_REAL, true, 0
#define FLAG COLUMN_BOOL, false, 0
#define NEEDED_FLAG COLUMN_BOOL, true, 0

/* NOLINTBEGIN(bugprone-macro-parentheses): members of a sum */
/* The number of key columns, and whether there is a version. */
#define TABLE(table, ...) enum { keys_of_##table = 0
#define KEY(name, type, text) +1
#define END(table, text)                                                       \
	}                                                                      \
	;
#include "common/tables/tables.def"

#define TABLE(table, ...) enum { versions_of_##table = 0
#define ROW_VERSION(text) +1
#define END(table, text)                                                       \
	}                                                                      \
	;
#include "common/tables/tables.def"

#define TABLE(table, ...) enum { derived_of_##table = 0
#define DERIVED(name, type, text) +1
#define END(table, text)                                                       \
	}                                                                      \
	;
#include "common/tables/tables.def"
/* NOLINTEND(bugprone-macro-parentheses) */

/* All columns: columns.messages and so on. */
#define IS(name, ...)                                                          \
	{                                                                      \
#name, sizeof(#name) - 1, __VA_ARGS__                          \
	}
#define IS_VERSION IS(version, COLUMN_VERSION, false, INT64_MAX)

static const struct {
#define TABLE(table, ...) struct column table[sizeof(struct table##_at) - 1];
#include "common/tables/tables.def"
} columns = {
#define TABLE(table, ...) .table = {
#define COLUMN(name, type, text) IS(name, type),
#define ROW_VERSION(text) IS_VERSION,
#define DERIVED(name, type, text) IS(name, type),
#define END(table, text)                                                       \
	}                                                                      \
	,
#include "common/tables/tables.def"
};

/* The place of a column, or 0. */
#define PLACE_OF(where, column)                                                \
	(offsetof(struct where, column) + 1 == sizeof(struct where)            \
		? 0                                                            \
		: offsetof(struct where, column))

#define NAMED(text) .name = (text), .name_len = sizeof(text) - 1
#define FILLED(array, derived_)                                                \
	.columns = (array),                                                    \
	.columns_n = sizeof(array) / sizeof(array)[0] - (derived_),            \
	.derived = (derived_)
#define PLACED(where, at_, age_, chat_, day_)                                  \
	.at = PLACE_OF(where, at_), .age = PLACE_OF(where, age_),              \
	.chat = PLACE_OF(where, chat_), .day = PLACE_OF(where, day_)

const struct table tables[TABLES_ALL] = {
#define TABLE(table, life_, at_, age_, chat_, day_)                            \
	[TABLE_##table] = { NAMED(#table),                                     \
		FILLED(columns.table, derived_of_##table),                     \
		.keys = keys_of_##table, .life = LIFE_##life_,                 \
		.versions = versions_of_##table,                               \
		PLACED(table##_at, at_, age_, chat_, day_),
#define CHOSEN_BY(name, help) .selector = #name,
#define ABOUT(text)                                                            \
	.extras = (const struct table_extra[])                                 \
	{
#define MADE(name, type, expression, text) { IS(name, type), expression, NULL },
#define INDEX(name, list)                                                      \
	{ { #name, sizeof(#name) - 1, COLUMN_ID, false, 0 }, NULL, list },
#define END(table, text)                                                       \
	{                                                                      \
		{ .name = NULL }, NULL, NULL                                   \
	}                                                                      \
	}                                                                      \
	}                                                                      \
	,
#include "common/tables/tables.def"
};

const struct table *
table_find(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < TABLES; i++)
		if (tables[i].name_len == len &&
		    memcmp(tables[i].name, name, len) == 0)
			return &tables[i];
	return NULL;
}
