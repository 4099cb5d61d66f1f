/*
 * row_export: see row_export.h.
 */
#include "reaper/rows/row_export.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/text/jsonw.h"

enum export_kind { EXPORT_TEXT, EXPORT_NUMBER, EXPORT_FLAG, EXPORT_TIME };

struct export_column {
	char *name;
	enum export_kind kind;
};

struct export_columns {
	struct export_column *list;
	size_t n, cap;
	struct buf names; /* quoted, for the SELECT */
};

static void
free_export_columns(void *p)
{
	struct export_columns *c = p;
	size_t i;

	if (c == NULL)
		return;
	for (i = 0; i < c->n; i++)
		free(c->list[i].name);
	free(c->list);
	buf_release(&c->names);
	free(c);
}

/* In our schema a TINYINT is always a flag. */
static enum export_kind
export_kind_of(const char *type)
{
	static const char *const numbers[] = { "smallint", "mediumint", "int",
		"bigint", "decimal", "double", "float" };
	size_t i;

	if (strcmp(type, "tinyint") == 0)
		return EXPORT_FLAG;
	if (strcmp(type, "datetime") == 0 || strcmp(type, "timestamp") == 0)
		return EXPORT_TIME;
	for (i = 0; i < ARRAY_LEN(numbers); i++)
		if (strcmp(type, numbers[i]) == 0)
			return EXPORT_NUMBER;
	return EXPORT_TEXT;
}

static enum outcome
read_export_columns(
    struct db *db, const char *table, struct export_columns **columns)
{
	struct db_value arg = db_str(table);
	struct db_rows *found;
	struct export_columns *c;
	enum outcome o;

	o = db_query(db,
	    "SELECT column_name, data_type "
	    "FROM information_schema.columns "
	    "WHERE table_schema = DATABASE() AND table_name = ? "
	    "ORDER BY ordinal_position",
	    &arg, 1, &found);
	if (o != OUTCOME_DONE)
		return o;
	c = xcalloc(1, sizeof *c);
	while (db_next(found)) {
		XGROW(c->list, c->n, c->cap);
		c->list[c->n].name = xstrdup(db_get(found, 0));
		c->list[c->n].kind = export_kind_of(db_get(found, 1));
		buf_addf(&c->names, "%s`%s`", c->n > 0 ? ", " : "",
		    c->list[c->n].name);
		c->n++;
	}
	db_rows_free(found);
	*columns = c;
	return OUTCOME_DONE;
}

static void
write_column(struct buf *b, const struct export_column *c,
    const struct db_rows *r, size_t i)
{
	const char *text = db_get(r, i);

	if (text == NULL) {
		jsonw_null(b, c->name);
		return;
	}
	switch (c->kind) {
	case EXPORT_TEXT:
		jsonw_strn(b, c->name, text, db_get_len(r, i));
		break;
	case EXPORT_NUMBER:
		jsonw_raw(b, c->name, text, db_get_len(r, i));
		break;
	case EXPORT_FLAG:
		jsonw_bool(b, c->name, db_get_int(r, i) != 0);
		break;
	case EXPORT_TIME:
		jsonw_time(b, c->name, db_get_time(r, i));
		break;
	}
}

enum outcome
row_export_append(struct row_export *r, struct db *db, const char *table,
    const char *condition, struct buf *lines)
{
	void **slot = strmap_put(&r->tables, table, strlen(table));
	struct buf sql = BUF_INIT;
	struct export_columns *c;
	struct db_rows *found;
	enum outcome o = OUTCOME_DONE;
	size_t i;

	if (*slot == NULL) {
		o = read_export_columns(db, table, &c);
		if (o != OUTCOME_DONE)
			return o;
		*slot = c;
	}
	c = *slot;
	buf_addf(&sql, "SELECT %s FROM %s WHERE %s",
	    c->n > 0 ? buf_str(&c->names) : "*", table, condition);
	o = db_query(db, buf_str(&sql), NULL, 0, &found);
	buf_release(&sql);
	if (o != OUTCOME_DONE)
		return o;
	while (db_next(found)) {
		jsonw_open(lines);
		jsonw_str(lines, "type", "row");
		jsonw_str(lines, "table", table);
		for (i = 0; i < c->n; i++)
			write_column(lines, &c->list[i], found, i);
		jsonw_line(lines);
	}
	db_rows_free(found);
	return OUTCOME_DONE;
}

void
row_export_release(struct row_export *r)
{
	strmap_release(&r->tables, free_export_columns);
}
