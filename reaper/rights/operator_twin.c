/*
 * operator_twin: see operator_twin.h.
 */
#include "reaper/rights/operator_twin.h"

#include "common/base/xalloc.h"
#include "reaper/rights/day_slices.h"
#include "reaper/rights/personal_tables.h"

#define IS_OPERATOR "operator = $CUSTOMER"

/* Those with few rows first: of the others only what is needed is read. */
static const struct {
	enum table_id table;
	const char *where;
} places[] = {
	{ TABLE_operator_metrics, IS_OPERATOR },
	{ TABLE_operator_metrics_parts, IS_OPERATOR },
	{ TABLE_allocation_limits, IS_OPERATOR },
	{ TABLE_chat_metrics, IS_OPERATOR },
	{ TABLE_response_hours, IS_OPERATOR },
	{ TABLE_response_hours_parts, IS_OPERATOR },
	{ TABLE_assignments, IS_OPERATOR },
	{ TABLE_intervals, IS_OPERATOR },
	{ TABLE_messages, IS_OPERATOR " OR sender IN ('operator', 'bot') AND "
				      "sender_id = $CUSTOMER" },
};

struct twin_search {
	struct subject *subject;
	struct day_slice slice;
	size_t place;
};

/* Once one is found, the slices that are left are not looked into. */
static enum outcome
look_into_slice(struct db *db, void *ctx)
{
	struct twin_search *t = ctx;
	struct subject *s = t->subject;
	struct buf sql = BUF_INIT;
	struct db_rows *found;
	enum outcome o = s->is_operator ? OUTCOME_DONE : db_connect(db);

	if (s->is_operator || o != OUTCOME_DONE)
		return o;
	buf_addf(
	    &sql, "SELECT 1 FROM %s WHERE tenant = ", t->slice.table->name);
	db_quote(db, &sql, db_str(s->tenant));
	buf_adds(&sql, " AND (");
	personal_write(&sql, places[t->place].where, s);
	buf_addc(&sql, ')');
	day_slice_write(db, &t->slice, &sql);
	buf_adds(&sql, " LIMIT 1");
	o = db_query(db, buf_str(&sql), NULL, 0, &found);
	buf_release(&sql);
	if (o != OUTCOME_DONE)
		return o;
	s->is_operator = db_rows_count(found) > 0;
	db_rows_free(found);
	return OUTCOME_DONE;
}

enum outcome
operator_twin_find(struct subject *s)
{
	struct twin_search t = { .subject = s };
	enum outcome o = OUTCOME_DONE;

	s->is_operator = false;
	t.slice.tenant = s->tenant;
	for (; o == OUTCOME_DONE && !s->is_operator &&
	       t.place < ARRAY_LEN(places);
	     t.place++) {
		t.slice.table = &tables[places[t.place].table];
		o = day_slices_each(s->db, &t.slice, look_into_slice, NULL, &t);
	}
	return o;
}
