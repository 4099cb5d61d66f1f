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
	case COLUMN_BYTES:
		return "MEDIUMBLOB";
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
	for (i = 0; i < t->columns_n + t->derived; i++) {
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

void
schema_init(struct schema *s)
{
	*s = (struct schema){ .views = 0 };
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
