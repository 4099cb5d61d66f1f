/*
 * Tests of sink/batch: that sorting by heads of keys comes to what comparing
 * whole keys does, for keys of each kind and many tenants; and which end of a
 * snapshot counts.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "sink/rows/batch.h"

/* Texts within texts, and bytes above 127. */
static const char *const texts[] = { "a", "aaaaaa", "aaaaaaa", "aaaaaaaab",
	"aaaaaa\xc3\xa9", "aaaaaaz", "ab", "b", "\xc3\xa9", "17", "170", "" };

/* The ends of what a DATETIME holds, 1970 and its neighbours. */
static const int64_t times[] = { INT64_C(-30610224000000),
	INT64_C(253402300799999), -86400000, -1, 0, 1, INT64_C(1795168802000),
	INT64_C(1795168802001), INT64_MIN, INT64_MAX };

static unsigned
any(unsigned *seed, size_t n)
{
	*seed = *seed * 1103515245 + 12345;
	return (*seed >> 16) % (unsigned)n;
}

static struct db_value
any_value(const struct column *c, unsigned *seed)
{
	if (c->kind == COLUMN_TIME || c->kind == COLUMN_HOUR)
		return db_time(times[any(seed, ARRAY_LEN(times))]);
	if (c->kind == COLUMN_COUNT)
		return db_int(any(seed, 4));
	return db_str(texts[any(seed, ARRAY_LEN(texts))]);
}

static struct sink_row *
add_row(struct row_batch *b, enum table_id id, unsigned *seed, uint64_t number)
{
	const struct table *t = &tables[id];
	struct record r = { .type = RECORD_ROW };
	struct sink_row *row = row_new(t, &r, "", 0, &b->arena);
	size_t k;

	for (k = 0; k < t->keys; k++)
		row->values[k] = any_value(&t->columns[k], seed);
	row->version = any(seed, 3);
	row->number = number;
	batch_add(b, row);
	return row;
}

static void
is_sorted(const struct row_list *rows)
{
	size_t i;

	for (i = 1; i < rows->n; i++)
		assert_true(
		    row_compare_key(rows->row[i - 1], rows->row[i]) < 0);
}

/* Of each key one row is left, and none goes before it. */
static void
is_first(const struct row_list *rows, const struct sink_row *row)
{
	size_t k;

	for (k = 0; row_compare_key(rows->row[k], row) != 0; k++)
		assert_true(k + 1 < rows->n);
	assert_true(row_compare(rows->row[k], row) <= 0);
}

static void
heads_change_no_order(void **state)
{
	struct row_batch b = { .exclusive = false };
	struct sink_row *all[900];
	unsigned seed = 7;
	size_t i, id;

	(void)state;
	for (id = 0; id < TABLES; id++) {
		for (i = 0; i < ARRAY_LEN(all); i++)
			all[i] = add_row(&b, (enum table_id)id, &seed, i);
		batch_sort(&b);
		is_sorted(&b.rows[id]);
		for (i = 0; i < ARRAY_LEN(all); i++)
			is_first(&b.rows[id], all[i]);
		batch_clear(&b);
	}
	batch_release(&b);
}

/* More than heads have numbers for. */
static void
tenants_may_be_many(void **state)
{
	enum { TENANTS = 70000 };
	struct row_batch b = { .exclusive = false };
	struct record r = { .type = RECORD_ROW };
	struct sink_row *row;
	char name[16];
	size_t i;

	(void)state;
	for (i = 0; i < 2 * TENANTS; i++) {
		row =
		    row_new(&tables[TABLE_tenant_metrics], &r, "", 0, &b.arena);
		/* Each twice; 7919 has no factor of them. */
		snprintf(name, sizeof name, "t%zu", i * 7919 % TENANTS);
		row->values[0] = db_text(
		    arena_copy(&b.arena, name, strlen(name)), strlen(name));
		row->number = i;
		batch_add(&b, row);
	}
	batch_sort(&b);
	assert_int_equal(b.rows[TABLE_tenant_metrics].n, TENANTS);
	is_sorted(&b.rows[TABLE_tenant_metrics]);
	batch_release(&b);
}

static void
the_newest_end_of_a_batch_counts(void **state)
{
	struct row_batch b = { .exclusive = false };
	struct text tenant = { "t", 1 }, one = { "s1", 2 }, two = { "s2", 2 };
	const struct end_marker first = { one, 1000, 5 },
				second = { two, 2000, 6 };

	(void)state;
	batch_end(&b, tenant, &second);
	batch_end(&b, tenant, &first);
	assert_true(b.exclusive);
	assert_int_equal(batch_tenant(&b, tenant)->end.records, 6);
	batch_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads_change_no_order),
		cmocka_unit_test(tenants_may_be_many),
		cmocka_unit_test(the_newest_end_of_a_batch_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
