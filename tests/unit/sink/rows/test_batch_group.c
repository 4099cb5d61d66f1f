/*
 * Tests of sink/rows/batch_group and sink/tables/day_partitions: how a group
 * is divided among connections, and the statements that make partitions.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "sink/rows/batch_group.h"
#include "sink/tables/day_partitions.h"

enum { ROWS = 1000 };

/* Events of users u0 to u499, each twice: the second has the newer version. */
static void
fill(struct batch_group *l)
{
	const struct table *t = &tables[TABLE_event_counts];
	struct record none = { .type = RECORD_ROW };
	struct row_batch *b = &l->part[0];
	struct sink_row *row;
	char name[16];
	size_t i, len;

	for (i = 0; i < ROWS; i++) {
		snprintf(name, sizeof name, "u%zu", i * 7919 % (ROWS / 2));
		len = strlen(name);
		row = row_new(t, &none, "", 0, &b->arena);
		row->values[0] = db_text("t", 1);
		row->values[1] = db_text(arena_copy(&b->arena, name, len), len);
		row->values[2] = db_text("e", 1);
		row->version = (int64_t)i;
		batch_add(b, row);
		l->rows++;
	}
	batch_group_sort(l);
}

static void
add_table_row(struct batch_group *g, size_t table)
{
	struct record none = { .type = RECORD_ROW };
	struct sink_row *row =
	    row_new(&tables[table], &none, "", 0, &g->part[0].arena);
	size_t i;

	for (i = 0; i < tables[table].keys; i++)
		row->values[i] = db_text("t", 1);
	batch_add(&g->part[0], row);
}

static void
only_messages_are_nothing_else(void **state)
{
	struct end_marker end = { .snapshot = { "s", 1 } };
	struct batch_group g;

	(void)state;
	memset(&g, 0, sizeof g);
	add_table_row(&g, TABLE_messages);
	assert_true(batch_group_only_messages(&g));
	add_table_row(&g, TABLE_event_counts);
	assert_false(batch_group_only_messages(&g));
	batch_group_clear(&g);
	assert_true(batch_group_only_messages(&g));
	add_table_row(&g, TABLE_messages);
	batch_end(&g.part[0], (struct text){ "t", 1 }, &end);
	assert_false(batch_group_only_messages(&g));
	batch_group_clear(&g);
	add_table_row(&g, TABLE_messages);
	g.part[0].exclusive = true;
	assert_false(batch_group_only_messages(&g));
	batch_group_release(&g);
}

/* All keys once, each part in order and behind the one before. */
static void
no_key_is_in_two_parts(void **state)
{
	static const size_t parts[] = { 1, 2, 3, BATCH_GROUP_PARTS };
	const struct sink_row *last, *row;
	const struct row_list *rows;
	struct batch_group l;
	size_t i, k, n, p;

	(void)state;
	memset(&l, 0, sizeof l);
	for (i = 0; i < ARRAY_LEN(parts); i++) {
		fill(&l);
		batch_group_divide(&l, parts[i], 10);
		assert_int_equal(l.parts, parts[i]);
		last = NULL;
		for (p = n = 0; p < l.parts; p++) {
			rows = &l.part[p].rows[TABLE_event_counts];
			assert_true(rows->n >= ROWS / 2 / parts[i]);
			for (k = 0; k < rows->n; k++, n++) {
				row = rows->row[k];
				if (last != NULL)
					assert_true(
					    row_compare_key(last, row) < 0);
				assert_true(row->version >= ROWS / 2);
				/* The part's own tenant. */
				assert_ptr_equal(
				    row->tenant, batch_tenant(&l.part[p],
						     (struct text){ "t", 1 }));
				last = row;
			}
		}
		assert_int_equal(n, ROWS / 2);
		batch_group_clear(&l);
	}
	batch_group_release(&l);
}

static void
small_loads_and_ends_are_whole(void **state)
{
	struct end_marker end = { { "s", 1 }, 1000, ROWS };
	struct batch_group l;

	(void)state;
	memset(&l, 0, sizeof l);
	fill(&l);
	batch_group_divide(&l, 2, ROWS);
	assert_int_equal(l.parts, 1);
	assert_int_equal(l.part[0].rows[TABLE_event_counts].n, ROWS / 2);
	assert_true(batch_is_empty(&l.part[1]));
	batch_end(&l.part[0], (struct text){ "t", 1 }, &end);
	batch_group_divide(&l, 2, 10);
	assert_int_equal(l.parts, 1);
	batch_group_release(&l);
}

/* "2026-11-20" as days since 1970. */
static int64_t
day(const char *text)
{
	char at[CLOCK_TEXT];
	int64_t ms;

	snprintf(at, sizeof at, "%sT00:00:00Z", text);
	assert_int_equal(clock_parse(at, strlen(at), &ms), 0);
	return ms / 86400000;
}

static void
is_cut(const struct day_partition *p, const int64_t *days, size_t n,
    const char *want)
{
	struct buf sql = BUF_INIT;

	day_partition_write_split(&sql, "t", p, days, n);
	assert_string_equal(buf_str(&sql), want);
	buf_release(&sql);
}

static void
partitions_are_cut_out(void **state)
{
	struct day_partition all = { "bmax", INT64_MIN, PARTITION_MAX };
	struct day_partition some = { "b20261201", 0, 0 };
	int64_t days[2];

	(void)state;
	days[0] = day("2026-11-20");
	is_cut(&all, days, 1,
	    "ALTER TABLE `t` REORGANIZE PARTITION `bmax` INTO ("
	    "PARTITION b20261120 VALUES LESS THAN ('2026-11-20 00:00:00'), "
	    "PARTITION p20261120 VALUES LESS THAN ('2026-11-21 00:00:00'), "
	    "PARTITION bmax VALUES LESS THAN (MAXVALUE))");
	/* Next to each other, and with one day left between and none before:
	 * what is one day is called so. */
	days[1] = day("2026-11-22");
	all.from = day("2026-11-20");
	is_cut(&all, days, 2,
	    "ALTER TABLE `t` REORGANIZE PARTITION `bmax` INTO ("
	    "PARTITION p20261120 VALUES LESS THAN ('2026-11-21 00:00:00'), "
	    "PARTITION p20261121 VALUES LESS THAN ('2026-11-22 00:00:00'), "
	    "PARTITION p20261122 VALUES LESS THAN ('2026-11-23 00:00:00'), "
	    "PARTITION bmax VALUES LESS THAN (MAXVALUE))");
	/* The last day of a partition, over the end of a month. */
	some.below = day("2026-12-01");
	some.from = day("2026-11-01");
	days[0] = day("2026-11-30");
	is_cut(&some, days, 1,
	    "ALTER TABLE `t` REORGANIZE PARTITION `b20261201` INTO ("
	    "PARTITION b20261130 VALUES LESS THAN ('2026-11-30 00:00:00'), "
	    "PARTITION p20261130 VALUES LESS THAN ('2026-12-01 00:00:00'))");
	/* Before 1970. */
	some.below = day("1970-01-02");
	some.from = INT64_MIN;
	days[0] = day("1969-12-31");
	is_cut(&some, days, 1,
	    "ALTER TABLE `t` REORGANIZE PARTITION `b20261201` INTO ("
	    "PARTITION b19691231 VALUES LESS THAN ('1969-12-31 00:00:00'), "
	    "PARTITION p19691231 VALUES LESS THAN ('1970-01-01 00:00:00'), "
	    "PARTITION p19700101 VALUES LESS THAN ('1970-01-02 00:00:00'))");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_key_is_in_two_parts),
		cmocka_unit_test(only_messages_are_nothing_else),
		cmocka_unit_test(small_loads_and_ends_are_whole),
		cmocka_unit_test(partitions_are_cut_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
