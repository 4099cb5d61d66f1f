/*
 * Test of day_slices.h: every day with rows is gone through once, in order,
 * whatever is repeated. The database is this file: a transaction whose COMMIT
 * may be lost, and the times of the rows of one table.
 */
#include "tests/unit/unit.h"

#include "common/base/clock.h"
#include "reaper/rights/day_slices.h"

#define ROWS 4

struct db_rows {
	int64_t at;
	bool read;
};

/* Two in one day, one on the next, one later. */
static const int64_t rows[ROWS] = { 5 * DAY_MS, 5 * DAY_MS + 9, 6 * DAY_MS + 1,
	60 * DAY_MS - 1 };

static int64_t behind; /* in the question; CLOCK_NONE: all are asked for */
static struct db_rows found;
static unsigned transactions;
static unsigned lost; /* the number of the transaction whose COMMIT is */
static int64_t seen[ROWS];
static size_t seen_n;

struct db_value
db_str(const char *s)
{
	return (struct db_value){ .type = DB_TEXT, .text = s };
}

struct db_value
db_time(int64_t ms)
{
	return (struct db_value){ .type = DB_TIME, .num = ms };
}

void
db_quote(struct db *db, struct buf *sql, struct db_value v)
{
	(void)db;
	buf_addc(sql, '?');
	if (v.type == DB_TIME)
		behind = v.num;
}

enum outcome
db_query(struct db *db, const char *sql, const struct db_value *args, size_t n,
    struct db_rows **r)
{
	size_t i = 0;

	(void)db, (void)sql, (void)args, (void)n;
	while (i < ROWS && rows[i] <= behind)
		i++;
	found = (struct db_rows){ .at = i < ROWS ? rows[i] : CLOCK_NONE };
	behind = CLOCK_NONE;
	*r = &found;
	return OUTCOME_DONE;
}

bool
db_next(struct db_rows *r)
{
	bool first = !r->read;

	r->read = true;
	return first;
}

int64_t
db_get_time(const struct db_rows *r, size_t i)
{
	(void)i;
	return r->at;
}

void
db_rows_free(struct db_rows *r)
{
	(void)r;
}

enum outcome
db_transaction(struct db *db, enum outcome (*work)(struct db *db, void *ctx),
    void *ctx, bool wait_forever)
{
	(void)wait_forever;
	if (++transactions == lost)
		assert_int_equal(work(db, ctx), OUTCOME_DONE);
	return work(db, ctx);
}

static enum outcome
look(struct db *db, void *ctx)
{
	(void)db, (void)ctx;
	return OUTCOME_DONE;
}

static void
note(void *ctx)
{
	const struct day_slice *slice = ctx;

	assert_true(seen_n < ROWS);
	assert_int_equal(slice->to, slice->from + DAY_MS - 1);
	seen[seen_n++] = slice->from;
}

static void
each_day_with_rows_is_seen_once(void **state)
{
	struct day_slice slice = { .table = &tables[TABLE_messages],
		.tenant = "acme" };

	(void)state;
	/* A search and the work a day, and a search that finds no more. */
	for (lost = 0; lost <= 7; lost++) {
		transactions = 0;
		seen_n = 0;
		behind = CLOCK_NONE;
		assert_int_equal(
		    day_slices_each(NULL, &slice, look, note, &slice),
		    OUTCOME_DONE);
		assert_int_equal(transactions, 7);
		assert_int_equal(seen_n, 3);
		assert_int_equal(seen[0], 5 * DAY_MS);
		assert_int_equal(seen[1], 6 * DAY_MS);
		assert_int_equal(seen[2], 59 * DAY_MS);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_day_with_rows_is_seen_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
