/*
 * row_export: see row_export.h.
 */
#include "reaper/rows/row_export.h"

#include "common/text/jsonw.h"

static void
write_column(
    struct buf *b, const struct column *c, const struct db_rows *r, size_t i)
{
	const char *text = db_get(r, i);

	if (text == NULL) {
		jsonw_null(b, c->name);
		return;
	}
	switch (c->kind) {
	case COLUMN_ID:
	case COLUMN_PLACE:
	case COLUMN_TEXT:
	case COLUMN_STATUS:
	case COLUMN_JSON:
		jsonw_strn(b, c->name, text, db_get_len(r, i));
		break;
	case COLUMN_TIME:
	case COLUMN_HOUR:
		jsonw_time(b, c->name, db_get_time(r, i));
		break;
	case COLUMN_BOOL:
		jsonw_bool(b, c->name, db_get_int(r, i) != 0);
		break;
	case COLUMN_SECONDS:
	case COLUMN_COUNT:
	case COLUMN_LENGTH:
	case COLUMN_REAL:
	case COLUMN_VERSION:
		jsonw_raw(b, c->name, text, db_get_len(r, i));
		break;
	}
}

enum outcome
row_export_append(struct db *db, const struct table *t, const char *condition,
    struct buf *lines)
{
	struct buf sql = BUF_INIT;
	const struct table_extra *x;
	struct db_rows *found;
	enum outcome o;
	size_t i, k;

	buf_adds(&sql, "SELECT ");
	for (i = 0; i < t->columns_n; i++)
		buf_addf(&sql, "%s`%s`", i > 0 ? ", " : "", t->columns[i].name);
	for (x = t->extras; x->column.name != NULL; x++)
		if (x->expression != NULL)
			buf_addf(&sql, ", `%s`", x->column.name);
	buf_addf(&sql, " FROM %s WHERE %s", t->name, condition);
	o = db_query(db, buf_str(&sql), NULL, 0, &found);
	buf_release(&sql);
	if (o != OUTCOME_DONE)
		return o;
	while (db_next(found)) {
		jsonw_open(lines);
		jsonw_str(lines, "type", "row");
		jsonw_str(lines, "table", t->name);
		for (i = 0; i < t->columns_n; i++)
			write_column(lines, &t->columns[i], found, i);
		k = i;
		for (x = t->extras; x->column.name != NULL; x++)
			if (x->expression != NULL)
				write_column(lines, &x->column, found, k++);
		jsonw_line(lines);
	}
	db_rows_free(found);
	return OUTCOME_DONE;
}
