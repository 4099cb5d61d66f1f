/*
 * rows: see rows.h.
 */
#include "reaper/rows/rows.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/text/jsonw.h"

enum column_kind { COLUMN_TEXT, COLUMN_NUMBER, COLUMN_FLAG, COLUMN_TIME };

struct column {
	char *name;
	enum column_kind kind;
};

struct columns {
	struct column *list;
	size_t n, cap;
	struct buf names; /* quoted, for the SELECT */
};

static void
free_columns(void *p)
{
	struct columns *c = p;
	size_t i;

	if (c == NULL)
		return;
	for (i = 0; i < c->n; i++)
		free(c->list[i].name);
	free(c->list);
	buf_release(&c->names);
	free(c);
}

/* The schema keeps flags, and nothing else, in a TINYINT. */
static enum column_kind
kind_of(const char *type)
{
	static const char *const numbers[] = { "smallint", "mediumint", "int",
		"bigint", "decimal", "double", "float" };
	size_t i;

	if (strcmp(type, "tinyint") == 0)
		return COLUMN_FLAG;
	if (strcmp(type, "datetime") == 0 || strcmp(type, "timestamp") == 0)
		return COLUMN_TIME;
	for (i = 0; i < ARRAY_LEN(numbers); i++)
		if (strcmp(type, numbers[i]) == 0)
			return COLUMN_NUMBER;
	return COLUMN_TEXT;
}

static enum outcome
learn(struct db *db, const char *table, struct columns **columns)
{
	struct db_value arg = db_str(table);
	struct db_rows *found;
	struct columns *c;
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
		c->list[c->n].kind = kind_of(db_get(found, 1));
		buf_addf(&c->names, "%s`%s`", c->n > 0 ? ", " : "",
		    c->list[c->n].name);
		c->n++;
	}
	db_rows_free(found);
	*columns = c;
	return OUTCOME_DONE;
}

static void
write_value(
    struct buf *b, const struct column *c, const struct db_rows *r, size_t i)
{
	const char *text = db_get(r, i);

	if (text == NULL) {
		jsonw_null(b, c->name);
		return;
	}
	switch (c->kind) {
	case COLUMN_TEXT:
		jsonw_strn(b, c->name, text, db_get_len(r, i));
		break;
	case COLUMN_NUMBER:
		jsonw_raw(b, c->name, text, db_get_len(r, i));
		break;
	case COLUMN_FLAG:
		jsonw_bool(b, c->name, db_get_int(r, i) != 0);
		break;
	case COLUMN_TIME:
		jsonw_time(b, c->name, db_get_time(r, i));
		break;
	}
}

enum outcome
rows_read(struct rows *r, struct db *db, const char *table,
    const char *condition, struct buf *lines)
{
	void **slot = strmap_put(&r->tables, table, strlen(table));
	struct buf sql = BUF_INIT;
	struct columns *c;
	struct db_rows *found;
	enum outcome o = OUTCOME_DONE;
	size_t i;

	if (*slot == NULL) {
		o = learn(db, table, &c);
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
			write_value(lines, &c->list[i], found, i);
		jsonw_line(lines);
	}
	db_rows_free(found);
	return OUTCOME_DONE;
}

void
rows_release(struct rows *r)
{
	strmap_release(&r->tables, free_columns);
}
