/*
 * short_counts: see short_counts.h.
 */
#include "sink/store/short_counts.h"

#include "common/base/clock.h"
#include "common/base/log.h"

/* The verdict on rows of one tenant and state. */
enum verdict {
	UNKNOWN,
	WHOLE, /* final, because as_of only grows */
	SHORT, /* logged already; the state may have been restored since */
};

/* The rows to which the last verdict applies. */
struct state_of_rows {
	const struct batch_tenant *tenant;
	int64_t since;
	enum verdict verdict;
};

void
short_counts_release(struct short_counts *s)
{
	strmap_release(&s->known, NULL);
}

static bool
is_same_state(const struct state_of_rows *x, const struct sink_row *row)
{
	return x->tenant == row->tenant && x->since == row->since;
}

/* The time up to which rows of the tenant are stored; CLOCK_NONE if
 * none of them is from a stream. */
static enum outcome
find_stored_time(struct db *db, const struct sink_row *row, int64_t *at)
{
	const struct db_value tenant =
	    db_text(row->tenant->name.p, row->tenant->name.len);
	struct db_rows *answer;
	enum outcome o;

	*at = CLOCK_NONE;
	o = db_query(db,
	    "SELECT as_of, version FROM tenant_metrics WHERE tenant = ?",
	    &tenant, 1, &answer);
	if (o != OUTCOME_DONE)
		return o;
	if (db_next(answer) && db_get_int(answer, 1) != db_get_time(answer, 0))
		*at = db_get_time(answer, 0);
	db_rows_free(answer);
	return OUTCOME_DONE;
}

static void
tell(const struct sink_row *row, int64_t stored)
{
	char since[CLOCK_TEXT], at[CLOCK_TEXT];

	clock_format(row->since, since);
	clock_format(stored, at);
	log_error("the aggregator's state of tenant '%.*s' begins at %s, but "
		  "stored rows go up to %s: the state was lost; older counts "
		  "stay as they are; remove the state and replay all records "
		  "(messaging-stream(7), THE STATE)",
	    TEXT_ARG(row->tenant->name), since, at);
}

static enum outcome
judge(struct short_counts *s, struct db *db, const struct sink_row *row,
    struct state_of_rows *x)
{
	struct buf key = BUF_INIT;
	enum outcome o = OUTCOME_DONE;
	int64_t stored;
	void **known;

	*x = (struct state_of_rows){ row->tenant, row->since, WHOLE };
	buf_addf(&key, "%.*s %lld", TEXT_ARG(row->tenant->name),
	    (long long)x->since);
	known = strmap_put(&s->known, key.data, key.len);
	if ((enum verdict)(uintptr_t)*known != WHOLE) {
		o = find_stored_time(db, row, &stored);
		if (o == OUTCOME_DONE && stored != CLOCK_NONE &&
		    row->since > stored)
			x->verdict = SHORT;
		if (x->verdict == SHORT && *known == NULL)
			tell(row, stored);
		if (o == OUTCOME_DONE)
			*known = (void *)(uintptr_t)x->verdict;
	}
	buf_release(&key);
	return o;
}

/* It counts in an hour, a minute or a window that begins after `since`. */
static bool
is_of_later_time(const struct sink_row *row)
{
	size_t age = row->table->age;

	return age != 0 && age < row->table->keys &&
	       row->values[age].num >= row->since;
}

enum outcome
short_counts_decide(struct short_counts *s, struct db *db, struct row_batch *b)
{
	struct state_of_rows x = { .tenant = NULL };
	enum outcome o = OUTCOME_DONE;
	struct sink_row *row;
	size_t i, k;

	for (k = 0; k < TABLES && o == OUTCOME_DONE; k++) {
		for (i = 0; i < b->rows[k].n && o == OUTCOME_DONE; i++) {
			row = b->rows[k].row[i];
			if (row->since == CLOCK_NONE || row->fate != ROW_STORED)
				continue;
			if (!is_same_state(&x, row))
				o = judge(s, db, row, &x);
			if (o == OUTCOME_DONE && x.verdict == SHORT &&
			    !is_of_later_time(row))
				row->fate = ROW_SHORT;
		}
	}
	return o;
}
