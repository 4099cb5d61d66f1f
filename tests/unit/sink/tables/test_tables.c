/*
 * Tests of sink/tables: the tables that the code knows, their statements, the
 * files of migrations, and a look at partitions without a server.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/conf/conf.h"
#include "common/db/schema_number.h"
#include "sink/rows/batch.h"
#include "sink/tables/day_partitions.h"
#include "sink/tables/migrations.h"
#include "sink/tables/schema_impl.h"
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
sql_files_are_taken_apart(void **state)
{
	const char *text = "-- a comment; with a semicolon;\n"
			   "\n"
			   "CREATE TABLE a (\n"
			   "  -- inside\n"
			   "  b INT, c CHAR(1) DEFAULT ';'\n"
			   ");\n"
			   "INSERT INTO a VALUES (1, 'x;y');  \n"
			   "\t-- between\n"
			   "DROP TABLE b";
	struct buf sql = BUF_INIT;

	(void)state;
	assert_true(migrations_statement(&text, &sql));
	assert_string_equal(buf_str(&sql),
	    "CREATE TABLE a (\n  b INT, c CHAR(1) DEFAULT ';'\n)");
	assert_true(migrations_statement(&text, &sql));
	assert_string_equal(buf_str(&sql), "INSERT INTO a VALUES (1, 'x;y')");
	assert_true(migrations_statement(&text, &sql));
	assert_string_equal(buf_str(&sql), "DROP TABLE b");
	assert_false(migrations_statement(&text, &sql));
	buf_release(&sql);
}

static void
is_for_mysql(const char *text, bool changed, const char *want)
{
	struct buf sql = BUF_INIT;

	buf_adds(&sql, text);
	assert_int_equal(migrations_for_mysql(&sql), changed);
	assert_string_equal(buf_str(&sql), want);
	assert_int_equal(sql.len, strlen(want));
	buf_release(&sql);
}

/* MySQL knows IF EXISTS of tables only. */
static void
columns_are_renamed_as_mysql_can(void **state)
{
	(void)state;
	is_for_mysql("ALTER TABLE t RENAME COLUMN IF EXISTS a TO b", true,
	    "ALTER TABLE t RENAME COLUMN a TO b");
	is_for_mysql("ALTER TABLE t RENAME COLUMN a TO b", false,
	    "ALTER TABLE t RENAME COLUMN a TO b");
	is_for_mysql("DROP TABLE IF EXISTS t", false, "DROP TABLE IF EXISTS t");
}

static void
every_file_is_for_mysql(void **state)
{
	struct migrations f = { 0 };
	struct buf sql = BUF_INIT, why = BUF_INIT;
	enum exit_code code;
	size_t i, renamed = 0;
	const char *text;

	(void)state;
	assert_int_equal(
	    migrations_read(&f, "sink/migrations", &why, &code), 0);
	for (i = 0; i < f.n; i++) {
		text = buf_str(&f.file[i].text);
		while (migrations_statement(&text, &sql)) {
			renamed += migrations_for_mysql(&sql);
			assert_null(strstr(buf_str(&sql), "COLUMN IF "));
			assert_null(strstr(buf_str(&sql), "KEY IF "));
		}
	}
	assert_int_equal(renamed, 1);
	migrations_release(&f);
	buf_release(&sql);
	buf_release(&why);
}

static void
only_its_own_schema_will_do(void **state)
{
	(void)state;
	assert_null(schema_objection(schema_last));
	assert_non_null(schema_objection(0));
	assert_non_null(
	    strstr(schema_objection(schema_last + 1), "newer version"));
}

/* A table whose columns all have their order and limits. */
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
		if (t->day >= 0) {
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

static const struct {
	const char *definition, *is; /* is NULL: it has no default */
	bool same;
} defaults[] = {
	{ "BIGINT NOT NULL", NULL, true },
	{ "BIGINT NOT NULL", "0", false },
	{ "BIGINT NOT NULL DEFAULT 0", NULL, false },
	/* MariaDB names the NULL, MySQL does not. */
	{ "VARCHAR(64) NULL", "NULL", true },
	{ "VARCHAR(64) NULL", NULL, true },
	{ "VARCHAR(64) NULL DEFAULT NULL", "NULL", true },
	{ "VARCHAR(64) NULL DEFAULT NULL", NULL, true },
	{ "VARCHAR(64) NULL DEFAULT NULL", "''", false },
	{ "VARCHAR(64) NULL DEFAULT 'x'", "NULL", false },
	/* MariaDB quotes a text. */
	{ "VARCHAR(64) NOT NULL DEFAULT ''", "''", true },
	{ "VARCHAR(64) NOT NULL DEFAULT ''", "", true },
	{ "VARCHAR(64) NOT NULL DEFAULT 'a b'", "'a b'", true },
	{ "VARCHAR(64) NOT NULL DEFAULT 'a b'", "a b", true },
	{ "VARCHAR(64) NOT NULL DEFAULT 'a b'", "a c", false },
	{ "VARCHAR(64) NOT NULL DEFAULT 'a'", "'A'", false },
	{ "VARCHAR(64) NOT NULL DEFAULT '1'", "'1.0'", false },
	{ "VARCHAR(64) NOT NULL DEFAULT 1", "'1'", true },
	{ "BIGINT NOT NULL DEFAULT '1'", "1", true },
	{ "DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)",
	    "current_timestamp(3)", true },
	{ "DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE NOW(3)",
	    "CURRENT_TIMESTAMP(3)", true },
	{ "DATETIME(3) NOT NULL DEFAULT NOW(3)", "current_timestamp(3)", true },
	{ "DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)",
	    "current_timestamp()", false },
	{ "DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP", "current_timestamp()",
	    true },
	{ "VARCHAR(64) NOT NULL DEFAULT (CONCAT('a b', uuid()))",
	    "concat('a b',uuid())", true },
	{ "DECIMAL(15,3) NOT NULL DEFAULT 0", "0.000", true },
	{ "DECIMAL(15,3) NOT NULL DEFAULT .5", "0.500", true },
	{ "DECIMAL(15,3) NOT NULL DEFAULT -1.50", "-1.500", true },
	{ "DECIMAL(15,3) NOT NULL DEFAULT 10", "1.000", false },
	{ "DECIMAL(15,3) NOT NULL DEFAULT 1", "-1.000", false },
	{ "BIGINT NOT NULL DEFAULT 10", "1", false },
	{ "BIGINT NOT NULL DEFAULT 007", "7", true },
	{ "TINYINT NOT NULL DEFAULT FALSE", "0", true },
	{ "TINYINT NOT NULL DEFAULT TRUE", "0", false },
};

static void
defaults_are_compared_in_the_words_of_either_server(void **state)
{
	const char *is;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(defaults); i++) {
		is = defaults[i].is;
		if (schema_same_default(defaults[i].definition, is == NULL,
			is != NULL ? is : "") != defaults[i].same)
			fail_msg("%s: %s", defaults[i].definition,
			    is != NULL ? is : "(none)");
	}
}

static void
a_look_that_failed_is_no_look(void **state)
{
	struct buf why = BUF_INIT;
	enum exit_code code;
	struct conf *conf;
	struct db *db;

	(void)state;
	setenv("MYSQL_URL", "mysql://u:p@127.0.0.1:1/nobody_is_there", 1);
	conf = conf_load("/dev/null", &why);
	assert_non_null(conf);
	db = db_open(conf, &why, &code);
	assert_non_null(db);
	assert_int_equal(day_partitions_cut_large(db), OUTCOME_LATER);
	db_close(db);
	conf_free(conf);
	buf_release(&why);
}

int
test_tables(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_version_is_assigned_last),
		cmocka_unit_test(sql_files_are_taken_apart),
		cmocka_unit_test(columns_are_renamed_as_mysql_can),
		cmocka_unit_test(every_file_is_for_mysql),
		cmocka_unit_test(only_its_own_schema_will_do),
		cmocka_unit_test(tables_fit_the_code),
		cmocka_unit_test(
		    defaults_are_compared_in_the_words_of_either_server),
		cmocka_unit_test(a_look_that_failed_is_no_look),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
