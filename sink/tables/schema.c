/*
 * schema: see schema.h.
 */
#include "sink/tables/schema.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/xalloc.h"

bool
column_is_null(const struct column *c)
{
	return c->kind == COLUMN_LENGTH ||
	       (!c->needed && c->kind != COLUMN_VERSION);
}

const char *
column_default(const struct column *c)
{
	bool number = c->kind == COLUMN_COUNT || c->kind == COLUMN_REAL ||
		      c->kind == COLUMN_BOOL;

	if (c->kind == COLUMN_VERSION || (number && c->needed))
		return "0";
	return c->kind == COLUMN_PLACE ? "''" : NULL;
}

static const char *
fixed_type(const struct column *c)
{
	switch (c->kind) {
	case COLUMN_ID:
	case COLUMN_PLACE:
	case COLUMN_STATUS:
		break;
	case COLUMN_TEXT:
		if (c->max > COLUMN_SHORT_TEXT)
			return "MEDIUMTEXT";
		if (c->max == COLUMN_SHORT_TEXT)
			return "TEXT";
		break;
	case COLUMN_JSON:
		return "MEDIUMTEXT";
	case COLUMN_TIME:
	case COLUMN_HOUR:
		return "DATETIME(3)";
	case COLUMN_SECONDS:
		return "DECIMAL(15,3)";
	case COLUMN_COUNT:
		return c->max > UINT32_MAX ? "BIGINT" : "INT UNSIGNED";
	case COLUMN_LENGTH:
	case COLUMN_VERSION:
		return "BIGINT";
	case COLUMN_REAL:
		return "DOUBLE";
	case COLUMN_BOOL:
		return "TINYINT";
	}
	return NULL;
}

void
column_type(const struct column *c, char type[COLUMN_TYPE])
{
	const char *fixed = fixed_type(c);

	if (fixed != NULL)
		(void)snprintf(type, COLUMN_TYPE, "%s", fixed);
	else
		(void)snprintf(type, COLUMN_TYPE, "VARCHAR(%d)", (int)c->max);
}

void
schema_add_column(
    struct buf *sql, const struct column *c, const char *expression)
{
	const char *by_default = column_default(c);
	char type[COLUMN_TYPE];

	column_type(c, type);
	buf_adds(sql, type);
	if (expression != NULL) {
		buf_addf(sql, " GENERATED ALWAYS AS (%s) VIRTUAL", expression);
		return;
	}
	buf_adds(sql, column_is_null(c) ? " NULL" : " NOT NULL");
	if (by_default != NULL)
		buf_addf(sql, " DEFAULT %s", by_default);
}

void
schema_add_table(struct buf *sql, const struct table *t)
{
	const struct table_extra *e;
	size_t i;

	buf_addf(sql, "CREATE TABLE IF NOT EXISTS `%s` (", t->name);
	for (i = 0; i < t->columns_n; i++) {
		buf_addf(sql, "`%s` ", t->columns[i].name);
		schema_add_column(sql, &t->columns[i], NULL);
		buf_adds(sql, ", ");
	}
	for (e = t->extras; e->column.name != NULL; e++) {
		if (e->expression == NULL)
			continue;
		buf_addf(sql, "`%s` ", e->column.name);
		schema_add_column(sql, &e->column, e->expression);
		buf_adds(sql, ", ");
	}
	buf_adds(sql, "PRIMARY KEY (");
	for (i = 0; i < t->keys; i++)
		buf_addf(sql, "%s`%s`", i > 0 ? ", " : "", t->columns[i].name);
	buf_addc(sql, ')');
	for (e = t->extras; e->column.name != NULL; e++)
		if (e->index != NULL)
			buf_addf(
			    sql, ", KEY `%s` (%s)", e->column.name, e->index);
	buf_adds(sql, ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 "
		      "COLLATE=utf8mb4_bin");
	if (t->day != 0)
		buf_addf(sql,
		    " PARTITION BY RANGE COLUMNS (`%s`) "
		    "(PARTITION bmax VALUES LESS THAN (MAXVALUE))",
		    t->columns[t->day].name);
}

static void
add_view(struct schema *s, const char *name, const char *select)
{
	XGROW(s->view, s->views, s->cap);
	s->view[s->views].name = xstrdup(name);
	s->view[s->views++].sql =
	    xasprintf("CREATE OR REPLACE SQL SECURITY INVOKER VIEW %s AS %s",
		name, select);
}

/* The views that add up partial rows. */

enum adding { KEY, SUM, MAX, MIN, BY_VIEW, NONE };

struct sums {
	struct buf given, cells, keys; /* lists of columns */
	bool simple;                   /* no column is BY_VIEW or NONE */
};

static void
sums_begin(struct sums *v)
{
	buf_clear(&v->given);
	buf_clear(&v->cells);
	buf_clear(&v->keys);
	v->simple = true;
}

static void
sums_column(struct sums *v, const char *name, enum adding add)
{
	static const char *const how[] = {
		[SUM] = "SUM", [MAX] = "MAX", [MIN] = "MIN", [NONE] = NULL
	};
	const char *comma = v->given.len > 0 ? ", " : "";

	v->simple = v->simple && (add == KEY || how[add] != NULL);
	if (!v->simple)
		return;
	buf_addf(&v->given, "%s`%s`", comma, name);
	if (add == KEY) {
		buf_addf(&v->keys, "%s`%s`", comma, name);
		buf_addf(&v->cells, "%s`%s`", comma, name);
	} else {
		buf_addf(&v->cells, ", %s(`%s`) AS `%s`", how[add], name, name);
	}
}

static void
sums_end(struct sums *v, struct schema *s, const struct table *t)
{
	const char *given = buf_str(&v->given);
	char *name, *select;

	if (t->parts == NULL || !v->simple)
		return;
	name = xasprintf("%s_all", t->name);
	select = xasprintf("SELECT %s FROM (SELECT %s FROM %s UNION ALL "
			   "SELECT %s FROM %s) s GROUP BY %s",
	    buf_str(&v->cells), given, t->name, given, t->parts->name,
	    buf_str(&v->keys));
	add_view(s, name, select);
	free(select);
	free(name);
}

static void
add_sums(struct schema *s)
{
	struct sums v = { .simple = true };

#define TABLE(table, ...) sums_begin(&v);
#define COLUMN(name, type, add, text) sums_column(&v, #name, add);
#define WHOLE(name, type, text) sums_column(&v, #name, BY_VIEW);
#define ROW_VERSION(text) sums_column(&v, "version", MAX);
#define END(table, text) sums_end(&v, s, &tables[TABLE_##table]);
#include "common/tables/tables.def"
	buf_release(&v.given);
	buf_release(&v.cells);
	buf_release(&v.keys);
}

void
schema_init(struct schema *s)
{
	*s = (struct schema){ .views = 0 };
	add_sums(s);
#define VIEW(name, select) add_view(s, #name, select);
#include "sink/tables/views.def"
}

void
schema_release(struct schema *s)
{
	size_t i;

	for (i = 0; i < s->views; i++) {
		free(s->view[i].name);
		free(s->view[i].sql);
	}
	free(s->view);
}
