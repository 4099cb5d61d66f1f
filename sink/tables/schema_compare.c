/*
 * schema_compare: compares information_schema with the declared tables; see
 * schema.h.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "sink/tables/schema.h"

static const char COLUMNS[] =
    "SELECT table_name, column_name, column_type, is_nullable, extra, "
    "column_default, collation_name FROM information_schema.columns "
    "WHERE table_schema = DATABASE()";
/* Reports a key that contains only part of a column, "chat(20)", because two
 * chats could then share a row. */
static const char KEYS[] =
    "SELECT table_name, index_name, "
    "GROUP_CONCAT(CONCAT(column_name, COALESCE(CONCAT('(', sub_part, ')'), "
    "'')) ORDER BY seq_in_index SEPARATOR ', '), MIN(non_unique) "
    "FROM information_schema.statistics WHERE table_schema = DATABASE() "
    "GROUP BY table_name, index_name";
static const char PARTITIONS[] =
    "SELECT table_name, MAX(REPLACE(partition_expression, '`', '')), "
    "MAX(partition_description = 'MAXVALUE') "
    "FROM information_schema.partitions WHERE table_schema = DATABASE() "
    "AND partition_method = 'RANGE COLUMNS' GROUP BY table_name";

/* The columns of these queries: first the table and a name in it. */
enum {
	TABLE_NAME,
	NAME,
	TYPE,
	NULLABLE,
	EXTRA,
	DEFAULT,
	COLLATION_OF,
	/* of KEYS */
	KEY_COLUMNS = 2,
	DUPLICATES,
	/* of PARTITIONS */
	PARTITIONS_BY = 1,
	HAS_LATER,
};

/* Required for every text: names are compared byte by byte. */
static const char COLLATION[] = "utf8mb4_bin";

struct comparison {
	struct db *db;
	struct db_rows *columns, *keys, *partitions;
	void (*report)(void *ctx, const struct schema_difference *d);
	void *ctx;
	struct buf what, sql;
};

/* Moves to the row with that table, and with that name unless it is NULL; NULL:
 * there is none. Case does not matter: names of columns and keys are
 * case-insensitive. */
static const struct db_rows *
find_row(struct db_rows *rows, const char *table, const char *name)
{
	db_rewind(rows);
	while (db_next(rows))
		if (strcmp(db_get(rows, TABLE_NAME), table) == 0 &&
		    (name == NULL || strcasecmp(db_get(rows, NAME), name) == 0))
			return rows;
	return NULL;
}

/* Returns "" for NULL. */
static const char *
cell(const struct db_rows *row, size_t i)
{
	const char *text = db_get(row, i);

	return text != NULL ? text : "";
}

/* Reports c->what; the remedy is the statement c->sql. */
static void
report_statement(struct comparison *c)
{
	struct buf way_out = BUF_INIT;
	struct schema_difference d = { .what = buf_str(&c->what) };

	buf_addf(&way_out, "type: %s", buf_str(&c->sql));
	d.way_out = buf_str(&way_out);
	c->report(c->ctx, &d);
	buf_release(&way_out);
}

/* True if column_type is that type: in small letters, and for an integer
 * possibly with a width. */
static bool
is_type(const char *type, const char *is)
{
	for (; *type != '\0' && tolower((unsigned char)*type) == *is; type++)
		is++;
	if (*is == '(' && strstr(is, ")") != NULL &&
	    (*type == '\0' || *type == ' ')) {
		is = strchr(is, ')') + 1;
		return strcasecmp(type, is) == 0;
	}
	return *type == '\0' && *is == '\0';
}

/* MariaDB quotes texts, and reports NULL for a nullable column. */
static bool
is_default(const char *wanted, const char *is)
{
	if (wanted == NULL || strcmp(wanted, "''") == 0)
		return is[0] == '\0' || strcmp(is, "NULL") == 0 ||
		       (wanted != NULL && strcmp(is, wanted) == 0);
	return strcmp(is, wanted) == 0;
}

static void
compare_column(struct comparison *c, const struct table *t,
    const struct column *col, const char *expression)
{
	const struct db_rows *is = find_row(c->columns, t->name, col->name);
	bool is_null = expression != NULL || column_is_null(col);
	struct buf definition = BUF_INIT;
	const char *by_default = column_default(col);
	bool collated = is != NULL && cell(is, COLLATION_OF)[0] != '\0' &&
			strcmp(cell(is, COLLATION_OF), COLLATION) != 0;
	char type[COLUMN_TYPE];

	column_type(col, type);
	schema_add_column(&definition, col, expression);
	buf_setf(&c->what, "column %s.%s ", t->name, col->name);
	/* To become a computed column, a column must be dropped and created
	 * again. */
	buf_setf(&c->sql, "ALTER TABLE `%s` ", t->name);
	if (is != NULL && expression != NULL)
		buf_addf(&c->sql, "DROP COLUMN `%s`, ", col->name);
	buf_addf(&c->sql, "%s COLUMN `%s` %s",
	    is != NULL && expression == NULL ? "MODIFY" : "ADD", col->name,
	    buf_str(&definition));
	if (is == NULL)
		buf_adds(&c->what, "is missing");
	else if (!is_type(type, cell(is, TYPE)) ||
		 is_null != (strcmp(cell(is, NULLABLE), "YES") == 0) ||
		 (expression != NULL) !=
		     (strstr(cell(is, EXTRA), "GENERATED") != NULL))
		buf_addf(&c->what, "is %s %s%s, not %s", cell(is, TYPE),
		    strcmp(cell(is, NULLABLE), "YES") == 0 ? "NULL"
							   : "NOT NULL",
		    cell(is, EXTRA)[0] != '\0' ? " GENERATED" : "",
		    buf_str(&definition));
	else if (collated)
		buf_addf(&c->what, "has the collation %s, not %s",
		    cell(is, COLLATION_OF), COLLATION);
	else if (expression == NULL &&
		 !is_default(by_default, cell(is, DEFAULT)))
		buf_addf(&c->what, "has the default %s, not %s",
		    cell(is, DEFAULT)[0] != '\0' ? cell(is, DEFAULT) : "(none)",
		    by_default != NULL ? by_default : "(none)");
	else
		buf_clear(&c->what);
	/* Otherwise the statement would use the collation of the table. */
	if (collated)
		buf_setf(&c->sql,
		    "ALTER TABLE `%s` CONVERT TO CHARACTER SET utf8mb4 "
		    "COLLATE %s",
		    t->name, COLLATION);
	if (c->what.len > 0)
		report_statement(c);
	buf_release(&definition);
}

static bool
is_ours(const struct table *t, const char *column)
{
	const struct table_extra *e;
	size_t i;

	for (i = 0; i < t->columns_n + t->derived; i++)
		if (strcasecmp(t->columns[i].name, column) == 0)
			return true;
	for (e = t->extras; e->column.name != NULL; e++)
		if (strcasecmp(e->column.name, column) == 0)
			return true;
	return false;
}

/* Reports columns and keys of others that would refuse our rows. */
static void
find_foreign(struct comparison *c, const struct table *t)
{
	struct db_rows *r = c->columns;

	for (db_rewind(r); db_next(r);) {
		if (strcmp(cell(r, TABLE_NAME), t->name) != 0 ||
		    strcmp(cell(r, NULLABLE), "NO") != 0 ||
		    cell(r, DEFAULT)[0] != '\0' || cell(r, EXTRA)[0] != '\0' ||
		    is_ours(t, cell(r, NAME)))
			continue;
		buf_setf(&c->what,
		    "column %s.%s was not created by this program and needs a "
		    "value in every row",
		    t->name, cell(r, NAME));
		buf_setf(&c->sql, "ALTER TABLE `%s` MODIFY COLUMN `%s` %s NULL",
		    t->name, cell(r, NAME), cell(r, TYPE));
		report_statement(c);
	}
	r = c->keys;
	for (db_rewind(r); db_next(r);) {
		if (strcmp(cell(r, TABLE_NAME), t->name) != 0 ||
		    strcmp(cell(r, DUPLICATES), "0") != 0 ||
		    strcmp(cell(r, NAME), "PRIMARY") == 0)
			continue;
		buf_setf(&c->what,
		    "key %s of %s was not created by this program and refuses "
		    "duplicate values",
		    cell(r, NAME), t->name);
		buf_setf(&c->sql, "ALTER TABLE `%s` DROP KEY `%s`", t->name,
		    cell(r, NAME));
		report_statement(c);
	}
}

static void
compare_key(struct comparison *c, const struct table *t, const char *name,
    const char *columns)
{
	const struct db_rows *is = find_row(c->keys, t->name, name);
	bool primary = strcmp(name, "PRIMARY") == 0;

	if (is != NULL && strcasecmp(cell(is, KEY_COLUMNS), columns) == 0)
		return;
	buf_setf(&c->what, "key %s of %s is missing", name, t->name);
	if (is != NULL)
		buf_setf(&c->what, "key %s of %s is (%s), not (%s)", name,
		    t->name, cell(is, KEY_COLUMNS), columns);
	buf_setf(&c->sql, "ALTER TABLE `%s` ", t->name);
	if (is != NULL && primary)
		buf_adds(&c->sql, "DROP PRIMARY KEY, ");
	else if (is != NULL)
		buf_addf(&c->sql, "DROP KEY `%s`, ", name);
	if (primary)
		buf_addf(&c->sql, "ADD PRIMARY KEY (%s)", columns);
	else
		buf_addf(&c->sql, "ADD KEY `%s` (%s)", name, columns);
	report_statement(c);
}

static void
compare_keys(struct comparison *c, const struct table *t)
{
	const struct table_extra *e;
	struct buf columns = BUF_INIT;
	size_t i;

	for (i = 0; i < t->keys; i++)
		buf_addf(
		    &columns, "%s%s", i > 0 ? ", " : "", t->columns[i].name);
	compare_key(c, t, "PRIMARY", buf_str(&columns));
	for (e = t->extras; e->column.name != NULL; e++)
		if (e->index != NULL)
			compare_key(c, t, e->column.name, e->index);
	buf_release(&columns);
}

static void
compare_partitions(struct comparison *c, const struct table *t)
{
	static const char later[] =
	    "(PARTITION bmax VALUES LESS THAN (MAXVALUE))";
	const struct db_rows *is = find_row(c->partitions, t->name, NULL);
	const char *day = t->day != 0 ? t->columns[t->day].name : NULL;

	if (day == NULL)
		return;
	if (is == NULL || strcasecmp(cell(is, PARTITIONS_BY), day) != 0) {
		buf_setf(
		    &c->what, "table %s has no partitions by %s", t->name, day);
		buf_setf(&c->sql,
		    "ALTER TABLE `%s` PARTITION BY RANGE COLUMNS (%s) %s",
		    t->name, day, later);
		report_statement(c);
	} else if (strcmp(cell(is, HAS_LATER), "1") != 0) {
		buf_setf(&c->what, "table %s has no partition for later days",
		    t->name);
		buf_setf(&c->sql, "ALTER TABLE `%s` ADD PARTITION %s", t->name,
		    later);
		report_statement(c);
	}
}

/* Finds whether a table or view exists. A table that may not be read, or that
 * the server cannot open, counts as existing: the checks of privileges and of
 * tables report it. */
static enum outcome
can_be_read(struct db *db, const char *name, bool *there)
{
	struct db_rows *rows;
	struct buf sql = BUF_INIT;
	enum outcome o;

	buf_addf(&sql, "SELECT 1 FROM `%s` WHERE 1 = 0", name);
	o = db_query(db, buf_str(&sql), NULL, 0, &rows);
	db_rows_free(rows);
	buf_release(&sql);
	*there = o == OUTCOME_DONE || db_cause(db) == DB_DENIED ||
		 db_cause(db) == DB_AWAY;
	return o == OUTCOME_NEVER || (*there && db_connected(db)) ? OUTCOME_DONE
								  : o;
}

static enum outcome
compare_table(struct comparison *c, const struct table *t)
{
	const struct table_extra *e;
	bool there;
	enum outcome o;
	size_t i;

	if (find_row(c->columns, t->name, NULL) == NULL) {
		o = can_be_read(c->db, t->name, &there);
		if (o != OUTCOME_DONE || there)
			return o;
		buf_setf(&c->what, "table %s is missing", t->name);
		buf_clear(&c->sql);
		schema_add_table(&c->sql, t);
		report_statement(c);
		return OUTCOME_DONE;
	}
	for (i = 0; i < t->columns_n + t->derived; i++)
		compare_column(c, t, &t->columns[i], NULL);
	for (e = t->extras; e->column.name != NULL; e++)
		if (e->expression != NULL)
			compare_column(c, t, &e->column, e->expression);
	compare_keys(c, t);
	find_foreign(c, t);
	compare_partitions(c, t);
	return OUTCOME_DONE;
}

enum outcome
schema_compare_tables(struct db *db,
    void (*report)(void *ctx, const struct schema_difference *d), void *ctx)
{
	struct comparison c = { .db = db, .report = report, .ctx = ctx };
	enum outcome o = db_query(db, COLUMNS, NULL, 0, &c.columns);
	size_t i;

	if (o == OUTCOME_DONE)
		o = db_query(db, KEYS, NULL, 0, &c.keys);
	if (o == OUTCOME_DONE)
		o = db_query(db, PARTITIONS, NULL, 0, &c.partitions);
	for (i = 0; i < TABLES_STORED && o == OUTCOME_DONE; i++)
		o = compare_table(&c, &tables[i]);
	db_rows_free(c.columns);
	db_rows_free(c.keys);
	db_rows_free(c.partitions);
	buf_release(&c.what);
	buf_release(&c.sql);
	return o;
}

enum outcome
schema_compare_views(struct db *db, const struct schema *s,
    void (*report)(void *ctx, const struct schema_difference *d), void *ctx)
{
	struct schema_difference d = { .way_out = "run `sink --migrate`" };
	struct buf what = BUF_INIT;
	enum outcome o = OUTCOME_DONE;
	bool there;
	size_t i;

	for (i = 0; i < s->views && o == OUTCOME_DONE; i++) {
		o = can_be_read(db, s->view[i].name, &there);
		if (o != OUTCOME_DONE || there)
			continue;
		buf_setf(&what, "view %s is missing, or cannot be read",
		    s->view[i].name);
		d.what = buf_str(&what);
		report(ctx, &d);
	}
	buf_release(&what);
	return o;
}
