/*
 * sharded: see sharded.h.
 */
#include "sink/api/sharded.h"

#include "common/base/xalloc.h"

bool
sharded_find(struct question *q, const char *parts, bool *sharded)
{
	const struct db_value args[] = { db_str(q->viewer.tenant) };
	struct buf sql = BUF_INIT;
	struct db_rows *rows = NULL;
	size_t before = q->rows;
	bool good;

	/* Views ask these for the present generation, too. */
	buf_addf(&sql,
	    "SELECT EXISTS(SELECT 1 FROM %s WHERE tenant = ?) OR "
	    "EXISTS(SELECT 1 FROM tenant_metrics_parts WHERE tenant = ?)",
	    parts);
	good = question_ask(q, buf_str(&sql), args, ARRAY_LEN(args), &rows) &&
	       db_next(rows);
	q->rows = before; /* nothing of it is answered */
	*sharded = good && db_get_int(rows, 0) != 0;
	db_rows_free(rows);
	buf_release(&sql);
	return good;
}

bool
sharded_table(
    struct question *q, const char *table, const char *parts, struct buf *name)
{
	bool sharded;

	if (!sharded_find(q, parts, &sharded))
		return false;
	buf_addf(name, "%s%s", table, sharded ? "_all" : "");
	return true;
}
