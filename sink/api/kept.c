/*
 * kept: see kept.h. Of the tables of a metric the first is asked, which no row
 * of the others is without.
 */
#include "sink/api/kept.h"

#include <string.h>

#include "common/base/xalloc.h"
#include "common/tables/tables.h"

static const struct table *
table_of(const char *metric)
{
	const struct table *t = tables;

	while (t->selector == NULL || strcmp(t->selector, metric) != 0)
		t++;
	return t;
}

/* Where several aggregators store. They have alerts with what these are made
 * of. */
static const struct table *
parts_of(const struct table *t)
{
	return t == &tables[TABLE_alerts]
		   ? &tables[TABLE_realtime_user_activity_parts]
		   : t->parts;
}

static bool
has_row(struct question *q, const struct table *t, bool *is)
{
	struct buf sql = BUF_INIT;
	struct db_rows *rows = NULL;
	bool good;

	buf_addf(&sql, "SELECT 1 FROM %s WHERE tenant = ? LIMIT 1", t->name);
	good = question_ask(q, buf_str(&sql), NULL, 0, &rows);
	*is = good && db_next(rows);
	db_rows_free(rows);
	buf_release(&sql);
	return good;
}

bool
kept_find(struct question *q, const char *metric, bool *is)
{
	const struct table *t = table_of(metric), *parts = parts_of(t);
	size_t before = q->rows;
	bool good = has_row(q, t, is) &&
		    (*is || parts == NULL || has_row(q, parts, is));

	q->rows = before; /* nothing of it is answered */
	return good;
}

bool
kept_lacking(struct question *q, const char *const *metrics, size_t n,
    struct buf *lacking)
{
	bool is;
	size_t i;

	for (i = 0; i < n; i++) {
		if (!kept_find(q, metrics[i], &is))
			return false;
		if (!is)
			buf_addf(lacking, "%s%s", lacking->len > 0 ? ", " : "",
			    metrics[i]);
	}
	return true;
}
