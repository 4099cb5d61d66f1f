/*
 * row_exists: see row_exists.h.
 */
#include "reaper/rights/row_exists.h"

struct row_exists {
	struct subject *subject;
	const char *where;
	struct day_slice slice;
	bool found;
};

/* Once one is found, the slices that are left are not looked into. */
static enum outcome
look_into_slice(struct db *db, void *ctx)
{
	struct row_exists *r = ctx;
	struct buf sql = BUF_INIT;
	struct db_rows *rows;
	enum outcome o = r->found ? OUTCOME_DONE : db_connect(db);

	if (r->found || o != OUTCOME_DONE)
		return o;
	buf_addf(&sql, "SELECT 1 FROM %s WHERE ", r->slice.table->name);
	personal_write_rows(&sql, r->where, r->subject, &r->slice);
	buf_adds(&sql, " LIMIT 1");
	o = db_query(db, buf_str(&sql), NULL, 0, &rows);
	buf_release(&sql);
	if (o != OUTCOME_DONE)
		return o;
	r->found = db_rows_count(rows) > 0;
	db_rows_free(rows);
	return OUTCOME_DONE;
}

enum outcome
row_exists(
    struct subject *s, enum table_id table, const char *where, bool *found)
{
	struct row_exists r = { .subject = s, .where = where };
	enum outcome o;

	r.slice.tenant = s->tenant;
	r.slice.table = &tables[table];
	o = day_slices_each(s->db, &r.slice, look_into_slice, NULL, &r);
	*found = r.found;
	return o;
}
