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

static void
judge(
    struct short_counts *s, const struct sink_row *row, struct state_of_rows *x)
{
	int64_t stored = row->tenant->stored.stream_at;
	struct buf key = BUF_INIT;
	void **known;

	*x = (struct state_of_rows){ row->tenant, row->since, WHOLE };
	buf_addf(&key, "%.*s %lld", TEXT_ARG(row->tenant->name),
	    (long long)x->since);
	known = strmap_put(&s->known, key.data, key.len);
	if ((enum verdict)(uintptr_t)*known != WHOLE) {
		if (stored != CLOCK_NONE && row->since > stored)
			x->verdict = SHORT;
		if (x->verdict == SHORT && *known == NULL)
			tell(row, stored);
		*known = (void *)(uintptr_t)x->verdict;
	}
	buf_release(&key);
}

/* It counts in an hour, a minute or a window that begins after `since`. */
static bool
is_of_later_time(const struct sink_row *row)
{
	size_t age = row->table->age;

	return age != 0 && age < row->table->keys &&
	       row->values[age].num >= row->since;
}

void
short_counts_decide(struct short_counts *s, struct row_batch *b)
{
	struct state_of_rows x = { .tenant = NULL };
	struct sink_row *row;
	size_t i, k;

	for (k = 0; k < TABLES; k++) {
		for (i = 0; i < b->rows[k].n; i++) {
			row = b->rows[k].row[i];
			if (row->since == CLOCK_NONE || row->fate != ROW_STORED)
				continue;
			if (!is_same_state(&x, row))
				judge(s, row, &x);
			if (x.verdict == SHORT && !is_of_later_time(row))
				row->fate = ROW_SHORT;
		}
	}
}
