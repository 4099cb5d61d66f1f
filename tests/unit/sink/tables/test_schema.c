/*
 * Tests of sink/tables/schema and upsert_sql: the tables that the code knows,
 * their statements and views.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "common/base/xalloc.h"
#include "common/db/db.h"
#include "common/db/schema_number.h"
#include "sink/rows/batch.h"
#include "sink/tables/schema.h"
#include "sink/tables/upsert_sql.h"

static void
the_version_is_assigned_last(void **state)
{
	static const char last[] =
	    "version = GREATEST(version, VALUES(version))";
	struct upsert_sql sql;
	size_t i, len;

	(void)state;
	for (i = 0; i < TABLES; i++) {
		upsert_sql_init(&sql, &tables[i]);
		assert_null(strstr(sql.tail, "`tenant` ="));
		len = strlen(sql.tail);
		if (tables[i].versions) {
			assert_true(len > sizeof last);
			/* Once, and at the end. */
			assert_string_equal(
			    strstr(sql.tail, "version = "), last);
		} else {
			assert_string_equal(sql.tail,
			    " ON DUPLICATE KEY UPDATE tenant = tenant");
		}
		upsert_sql_release(&sql);
	}
}

static void
only_its_own_schema_will_do(void **state)
{
	(void)state;
	assert_null(schema_objection(schema_last));
	assert_non_null(schema_objection(0));
	assert_non_null(
	    strstr(schema_objection(schema_last + 2), "newer version"));
	/* The other machine may have been upgraded first. */
	assert_null(schema_objection(schema_last + 1));
}

/* All columns of a table have their order and their limits. */
static void
tables_fit_the_code(void **state)
{
	const struct table *t;
	size_t i, k;

	(void)state;
	for (i = 0; i < TABLES; i++) {
		t = &tables[i];
		assert_ptr_equal(table_find(t->name, strlen(t->name)), t);
		assert_in_range(t->keys, 1, t->columns_n - 1);
		assert_string_equal(t->columns[0].name, "tenant");
		assert_int_equal(t->versions,
		    t->columns[t->columns_n - 1].kind == COLUMN_VERSION);
		assert_int_equal(t->columns[t->at].kind, COLUMN_TIME);
		assert_true(t->columns[t->at].needed);
		if (t->day != 0) {
			assert_in_range(t->day, 1, t->keys - 1);
			assert_int_equal(t->columns[t->day].kind, COLUMN_TIME);
		}
		assert_in_range(t->columns_n, 1, 32); /* bits of row.cut */
		for (k = 0; k < t->columns_n; k++) {
			assert_int_equal(
			    t->columns[k].name_len, strlen(t->columns[k].name));
			if (k < t->keys)
				assert_true(t->columns[k].needed);
		}
	}
	assert_null(table_find("tenants", 7));
	assert_null(table_find("", 0));
}

static void
a_table_is_made_as_it_is_declared(void **state)
{
	struct buf sql = BUF_INIT;

	(void)state;
	schema_add_table(&sql, &tables[TABLE_messages]);
	assert_string_equal(buf_str(&sql),
	    "CREATE TABLE IF NOT EXISTS `messages` ("
	    "`tenant` VARCHAR(64) NOT NULL, "
	    "`created_at` DATETIME(3) NOT NULL, "
	    "`conversation_id` VARCHAR(191) NOT NULL, "
	    "`message_id` VARCHAR(191) NOT NULL, "
	    "`sender` VARCHAR(16) NOT NULL, `sender_id` VARCHAR(191) NULL, "
	    "`receiver_id` VARCHAR(191) NULL, `operator` VARCHAR(191) NULL, "
	    "`channel` VARCHAR(191) NULL, `message_type` VARCHAR(64) NULL, "
	    "`private` TINYINT NOT NULL DEFAULT 0, "
	    "`automated` TINYINT NOT NULL DEFAULT 0, "
	    "`content` MEDIUMTEXT NULL, `data` MEDIUMTEXT NULL, "
	    "`version` BIGINT NOT NULL DEFAULT 0, "
	    "`user_id` VARCHAR(191) GENERATED ALWAYS AS (sender_id) VIRTUAL, "
	    "`event_type` VARCHAR(32) GENERATED ALWAYS AS ('message_sent') "
	    "VIRTUAL, "
	    "PRIMARY KEY (`tenant`, `created_at`, `conversation_id`, "
	    "`message_id`), "
	    "KEY `by_chat` (tenant, conversation_id, created_at)) "
	    "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin "
	    "PARTITION BY RANGE COLUMNS (`created_at`) "
	    "(PARTITION bmax VALUES LESS THAN (MAXVALUE))");
	buf_release(&sql);
}

static void
each_view_has_its_own_name(void **state)
{
	struct schema s;
	size_t i, k;

	(void)state;
	schema_init(&s);
	for (i = 0; i < s.views; i++)
		for (k = 0; k < i; k++)
			assert_string_not_equal(s.view[i].name, s.view[k].name);
	schema_release(&s);
}

int
test_schema(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_version_is_assigned_last),
		cmocka_unit_test(only_its_own_schema_will_do),
		cmocka_unit_test(tables_fit_the_code),
		cmocka_unit_test(a_table_is_made_as_it_is_declared),
		cmocka_unit_test(each_view_has_its_own_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
