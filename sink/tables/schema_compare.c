/*
 * schema_compare: compares a database with the schema; see schema.h.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/xalloc.h"
#include "sink/tables/schema_impl.h"

static const char COLUMNS[] =
    "SELECT table_name, column_name, column_type, is_nullable, extra, "
    "column_default IS NULL, collation_name, generation_expression, "
    "column_default FROM information_schema.columns "
    "WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position";
/* Of a column that is there in part "chat(20)": two chats may be one row. */
static const char KEYS[] =
    "SELECT table_name, index_name, "
    "GROUP_CONCAT(CONCAT(column_name, COALESCE(CONCAT('(', sub_part, ')'), "
    "'')) "
    "ORDER BY seq_in_index), MIN(non_unique) "
    "FROM information_schema.statistics WHERE table_schema = DATABASE() "
    "GROUP BY table_name, index_name";
static const char PARTITIONS[] =
    "SELECT table_name, MAX(REPLACE(partition_expression, '`', '')), "
    "MAX(partition_description = 'MAXVALUE') "
    "FROM information_schema.partitions WHERE table_schema = DATABASE() "
    "AND partition_method = 'RANGE COLUMNS' GROUP BY table_name";

static const char KINDS[] =
    "SELECT table_name, table_type = 'VIEW' FROM information_schema.tables "
    "WHERE table_schema = DATABASE()";

/* As the server keeps them: with the database before each table. */
static const char VIEWS[] =
    "SELECT table_name, view_definition, DATABASE() "
    "FROM information_schema.views WHERE table_schema = DATABASE()";

/* Behind the name of a column that has no values yet. */
#define UNFINISHED "_unfinished"

/* Of every text: names are compared byte by byte. */
static const char COLLATION[] = "utf8mb4_bin";

enum { FIELDS = 9 };

/* The rows of a query: field 0 is the table, field 1 mostly a name in it. */
struct answer {
	char *(*row)[FIELDS];
	size_t n, cap;
};

struct comparison {
	struct db *db;
	const struct schema *schema;
	struct answer columns, keys, partitions, kinds, views;
	void (*report)(void *ctx, const struct schema_difference *d);
	void *ctx;
	struct buf what, sql;
};

static enum outcome
query_catalog(struct db *db, const char *sql, size_t fields, struct answer *a)
{
	struct db_rows *rows;
	enum outcome o = db_query(db, sql, NULL, 0, &rows);
	const char *text;
	size_t i;

	while (o == OUTCOME_DONE && db_next(rows)) {
		XGROW(a->row, a->n, a->cap);
		for (i = 0; i < FIELDS; i++) {
			text = i < fields ? db_get(rows, i) : NULL;
			a->row[a->n][i] = xstrdup(text != NULL ? text : "");
		}
		a->n++;
	}
	db_rows_free(rows);
	return o;
}

static void
answer_release(struct answer *a)
{
	size_t i, k;

	for (i = 0; i < a->n; i++)
		for (k = 0; k < FIELDS; k++)
			free(a->row[i][k]);
	free(a->row);
}

/* The row of that table, and of that name unless it is NULL; columns and keys
 * are the same for the server in capitals. */
static char *const *
find_answer(const struct answer *a, const char *table, const char *name)
{
	size_t i;

	for (i = 0; i < a->n; i++)
		if (strcmp(a->row[i][0], table) == 0 &&
		    (name == NULL || strcasecmp(a->row[i][1], name) == 0))
			return a->row[i];
	return NULL;
}

/* Reports c->what and c->sql, which makes that table if it is not NULL. */
static void
report_repair(struct comparison *c, const char *made, bool harmless)
{
	const struct schema_difference d = { buf_str(&c->what),
		c->sql.len > 0 ? buf_str(&c->sql) : NULL, made, harmless };

	c->report(c->ctx, &d);
	buf_clear(&c->sql);
}

static void
report_difference(struct comparison *c, bool harmless)
{
	report_repair(c, NULL, harmless);
}

static bool
is_key_column(const struct schema_table *t, const char *name)
{
	size_t i, len = strlen(name);
	const char *p;

	for (i = 0; i < t->keys; i++) {
		if (strcmp(t->key[i].name, "PRIMARY") != 0)
			continue;
		for (p = t->key[i].columns; p != NULL; p = strchr(p, ',')) {
			p += *p == ',';
			if (strncmp(p, name, len) == 0 &&
			    (p[len] == ',' || p[len] == '\0'))
				return true;
		}
	}
	return false;
}

/* Appends a statement, as one line, to those before it. */
static void
add_statement(struct buf *sql, const char *text)
{
	if (sql->len > 0)
		buf_addc(sql, '\n');
	for (; *text != '\0'; text++)
		if (*text == '\n')
			buf_addc(sql, ' ');
		else
			buf_addc(sql, *text);
}

/* What the files give that column when they add it, with the rest of their
 * statement behind it: "as_of DIV 2 WHERE version = 0"; NULL: nothing. */
static const char *
added_values(const struct schema_table *t, const char *name)
{
	static const char set[] = " SET ", is[] = " =";
	const char *p = t->update != NULL ? strstr(t->update, set) : NULL;
	size_t len = strlen(name);

	if (p == NULL || strncmp(p + strlen(set), name, len) != 0)
		return NULL;
	p += strlen(set) + len;
	return strncmp(p, is, strlen(is)) == 0 ? p + strlen(is) : NULL;
}

/* Adds a column. One that gets values has its name only once it has them: else
 * a repair that was interrupted would not be seen. */
static void
write_add_column(struct comparison *c, const struct schema_table *t, size_t i)
{
	const struct schema_column *col = &t->column[i];
	const char *values = added_values(t, col->name);
	const char *end = values != NULL ? strstr(values, " WHERE ") : NULL;
	struct buf sql = BUF_INIT;

	buf_setf(&c->sql, "ALTER TABLE `%s` ADD COLUMN `%s%s` %s", t->name,
	    col->name, end != NULL ? UNFINISHED : "", col->definition);
	if (i > 0)
		buf_addf(&c->sql, " AFTER `%s`", t->column[i - 1].name);
	if (end == NULL)
		return;
	buf_addf(&sql, "UPDATE `%s` SET `%s" UNFINISHED "` = %.*s", t->name,
	    col->name, (int)(end - values), values);
	add_statement(&c->sql, buf_str(&sql));
	buf_setf(&sql,
	    "ALTER TABLE `%s` RENAME COLUMN `%s" UNFINISHED "` TO `%s`",
	    t->name, col->name, col->name);
	add_statement(&c->sql, buf_str(&sql));
	buf_release(&sql);
}

/* A missing column may be added if NULL or a default fits its rows. */
static void
report_missing_column(
    struct comparison *c, const struct schema_table *t, size_t i)
{
	const struct schema_column *col = &t->column[i];
	const char *d = col->definition;
	bool key = is_key_column(t, col->name);

	buf_setf(&c->what, "column %s.%s is missing", t->name, col->name);
	if (key) {
		buf_adds(&c->what, ", which its key needs: put a copy back, or "
				   "give its rows up");
		buf_setf(&c->sql, "DROP TABLE `%s`", t->name);
		report_difference(c, false);
		return;
	}
	write_add_column(c, t, i);
	report_difference(
	    c, strstr(d, "NOT NULL") == NULL || strstr(d, "DEFAULT") != NULL);
}

/* Reports c->what; its definition corrects the column. */
static void
report_column(struct comparison *c, const struct schema_table *t,
    const struct schema_column *col, bool harmless)
{
	buf_setf(&c->sql, "ALTER TABLE `%s` MODIFY COLUMN `%s` %s", t->name,
	    col->name, col->definition);
	report_difference(c, harmless);
}

static void
compare_column(struct comparison *c, const struct schema_table *t, size_t i)
{
	const struct schema_column *col = &t->column[i];
	char *const *is = find_answer(&c->columns, t->name, col->name);
	bool generated = strstr(col->definition, " GENERATED ") != NULL;
	bool needed = strstr(col->definition, "NOT NULL") != NULL, bare;

	if (is == NULL) {
		report_missing_column(c, t, i);
		return;
	}
	bare = strcmp(is[5], "1") == 0;
	if (!schema_same_type(col->definition, is[2]) ||
	    needed != (strcmp(is[3], "NO") == 0) ||
	    generated != (strstr(is[4], " GENERATED") != NULL)) {
		buf_setf(&c->what, "column %s.%s is %s%s%s, not %s", t->name,
		    col->name, is[2], strcmp(is[3], "NO") == 0 ? " NOT" : "",
		    " NULL", col->definition);
		report_column(c, t, col, false);
	} else if (!schema_same_expression(col->definition, is[7])) {
		buf_setf(&c->what, "column %s.%s is computed as %s, not as %s",
		    t->name, col->name, is[7], col->definition);
		report_column(c, t, col, true);
	} else if (!schema_same_default(col->definition, bare, is[8])) {
		buf_setf(&c->what, "column %s.%s has the default %s, not %s",
		    t->name, col->name, bare ? "(none)" : is[8],
		    col->definition);
		report_column(c, t, col, true);
	}
}

/* Reports the first column of ours in which other bytes may be the same name,
 * so that two keys are one row; one statement corrects all of the table. */
static void
compare_collations(struct comparison *c, const struct schema_table *t)
{
	char *const *is;
	size_t i;

	for (i = 0; i < t->columns; i++) {
		is = find_answer(&c->columns, t->name, t->column[i].name);
		if (is == NULL || is[6][0] == '\0' ||
		    strcmp(is[6], COLLATION) == 0)
			continue;
		buf_setf(&c->what, "column %s.%s is compared by %s, not by %s",
		    t->name, t->column[i].name, is[6], COLLATION);
		buf_setf(&c->sql,
		    "ALTER TABLE `%s` CONVERT TO CHARACTER SET utf8mb4 "
		    "COLLATE %s",
		    t->name, COLLATION);
		report_difference(c, false);
		return;
	}
}

/* Reports columns and keys of others that would refuse our rows. */
static void
find_foreign(struct comparison *c, const struct schema_table *t)
{
	char *const *row;
	size_t i, k;

	for (i = 0; i < c->columns.n; i++) {
		row = c->columns.row[i];
		if (strcmp(row[0], t->name) != 0 || strcmp(row[3], "NO") != 0 ||
		    strcmp(row[5], "1") != 0 || row[4][0] != '\0')
			continue;
		for (k = 0; k < t->columns; k++)
			if (strcasecmp(t->column[k].name, row[1]) == 0)
				break;
		if (k < t->columns)
			continue;
		buf_setf(&c->what,
		    "column %s.%s is not ours and wants a value of every row",
		    t->name, row[1]);
		buf_setf(&c->sql, "ALTER TABLE `%s` MODIFY COLUMN `%s` %s NULL",
		    t->name, row[1], row[2]);
		report_difference(c, false);
	}
	for (i = 0; i < c->keys.n; i++) {
		row = c->keys.row[i];
		if (strcmp(row[0], t->name) != 0 || strcmp(row[3], "0") != 0 ||
		    strcmp(row[1], "PRIMARY") == 0)
			continue;
		buf_setf(&c->what,
		    "key %s of %s is not ours and lets rows be one only once",
		    row[1], t->name);
		buf_setf(
		    &c->sql, "ALTER TABLE `%s` DROP KEY `%s`", t->name, row[1]);
		report_difference(c, false);
	}
}

static void
compare_key(struct comparison *c, const struct schema_table *t,
    const struct schema_key *k)
{
	char *const *is = find_answer(&c->keys, t->name, k->name);
	bool primary = strcmp(k->name, "PRIMARY") == 0;

	if (is != NULL && strcasecmp(is[2], k->columns) == 0)
		return;
	buf_setf(&c->what, "key %s of %s is %s%s, not (%s)", k->name, t->name,
	    is != NULL ? "" : "missing", is != NULL ? is[2] : "", k->columns);
	if (is == NULL)
		buf_setf(&c->what, "key %s of %s is missing", k->name, t->name);
	buf_setf(&c->sql, "ALTER TABLE `%s` ", t->name);
	if (is != NULL && primary)
		buf_adds(&c->sql, "DROP PRIMARY KEY, ");
	else if (is != NULL)
		buf_addf(&c->sql, "DROP KEY `%s`, ", k->name);
	if (primary)
		buf_addf(&c->sql, "ADD PRIMARY KEY (%s)", k->columns);
	else
		buf_addf(&c->sql, "ADD KEY `%s` (%s)", k->name, k->columns);
	/* A primary key may fail: rows may exist twice. */
	report_difference(c, !primary);
}

/* Those of before, as of a table that an old dump put back; others may have
 * divided a table of ours in their own way. */
static void
find_old_partitions(struct comparison *c, const struct schema_table *t)
{
	char *const *is = find_answer(&c->partitions, t->name, NULL);

	if (t->former_day == NULL || is == NULL ||
	    strcasecmp(is[1], t->former_day) != 0)
		return;
	buf_setf(&c->what, "table %s still has partitions by %s", t->name,
	    t->former_day);
	buf_setf(&c->sql, "ALTER TABLE `%s` REMOVE PARTITIONING", t->name);
	report_difference(c, true);
}

static void
compare_partitions(struct comparison *c, const struct schema_table *t)
{
	char *const *is = find_answer(&c->partitions, t->name, NULL);

	if (t->day == NULL)
		return;
	if (is == NULL || strcasecmp(is[1], t->day) != 0) {
		buf_setf(&c->what, "table %s has no partitions by %s", t->name,
		    t->day);
		buf_setf(&c->sql,
		    "ALTER TABLE `%s` PARTITION BY RANGE COLUMNS (%s) "
		    "(PARTITION bmax VALUES LESS THAN (MAXVALUE))",
		    t->name, t->day);
		report_difference(c, false);
	} else if (strcmp(is[2], "1") != 0) {
		buf_setf(&c->what, "table %s has no partition for later days",
		    t->name);
		buf_setf(&c->sql,
		    "ALTER TABLE `%s` ADD PARTITION "
		    "(PARTITION bmax VALUES LESS THAN (MAXVALUE))",
		    t->name);
		report_difference(c, true);
	}
}

/* Whether a table or view exists. One that may not be read counts as existing,
 * and so does one that the server cannot open: the checks of rights and of
 * tables report it. */
static enum outcome
can_be_read(struct comparison *c, const char *name, bool *there)
{
	struct db_rows *rows;
	struct buf sql = BUF_INIT;
	enum outcome o;

	buf_addf(&sql, "SELECT 1 FROM `%s` WHERE 1 = 0", name);
	o = db_query(c->db, buf_str(&sql), NULL, 0, &rows);
	db_rows_free(rows);
	buf_release(&sql);
	*there = o == OUTCOME_DONE || db_cause(c->db) == DB_DENIED ||
		 db_cause(c->db) == DB_AWAY;
	return o == OUTCOME_NEVER || (*there && db_connected(c->db))
		   ? OUTCOME_DONE
		   : o;
}

/* Whether the name of a table belongs to a view, or the reverse. */
static bool
find_impostor(struct comparison *c, const char *name, bool view)
{
	char *const *is = find_answer(&c->kinds, name, NULL);

	if (is == NULL || (strcmp(is[1], "1") == 0) == view)
		return false;
	buf_setf(&c->what, "%s %s is a %s", view ? "view" : "table", name,
	    view ? "table" : "view");
	/* Rows of the table may be wanted, so it is renamed. */
	if (view)
		buf_setf(
		    &c->sql, "RENAME TABLE `%s` TO `%s_before`", name, name);
	else
		buf_setf(&c->sql, "DROP VIEW `%s`", name);
	report_difference(c, false);
	return true;
}

static void
report_missing_table(struct comparison *c, const struct schema_table *t)
{
	struct buf sql = BUF_INIT;

	schema_write_table(&sql, t, t->name);
	add_statement(&c->sql, buf_str(&sql));
	buf_release(&sql);
	buf_setf(&c->what, "table %s is missing", t->name);
	report_repair(c, t->name, true);
}

static enum outcome
compare_table(struct comparison *c, const struct schema_table *t)
{
	bool there;
	enum outcome o;
	size_t i;

	if (find_impostor(c, t->name, false))
		return OUTCOME_DONE;
	if (find_answer(&c->columns, t->name, NULL) == NULL) {
		o = can_be_read(c, t->name, &there);
		if (o != OUTCOME_DONE || there)
			return o;
		report_missing_table(c, t);
		return OUTCOME_DONE;
	}
	for (i = 0; i < t->columns; i++)
		compare_column(c, t, i);
	compare_collations(c, t);
	for (i = 0; i < t->keys; i++)
		compare_key(c, t, &t->key[i]);
	find_foreign(c, t);
	compare_partitions(c, t);
	find_old_partitions(c, t);
	return OUTCOME_DONE;
}

/* The first of the tables that a view reads behind that word and that is not of
 * our database: moves *text to the name of the other one. */
static bool
find_other_database(
    const char **text, const char *word, const char *ours, size_t *len)
{
	const char *p = *text;

	while ((p = strstr(p, word)) != NULL) {
		p += strlen(word);
		p += strspn(p, " (");
		if (*p++ != '`')
			continue;
		*len = strcspn(p, "`");
		if (strncmp(p + *len, "`.`", 3) == 0 &&
		    (strlen(ours) != *len || strncmp(p, ours, *len) != 0)) {
			*text = p;
			return true;
		}
	}
	return false;
}

/* A dump of MariaDB names the database in views with subqueries: restored into
 * another one, they show the rows of the first, if that can still be read. */
static void
compare_view_text(struct comparison *c, const char *name)
{
	char *const *is = find_answer(&c->views, name, NULL);
	const char *other = is != NULL ? is[1] : "";
	size_t len;

	if (is == NULL ||
	    (!find_other_database(&other, " from ", is[2], &len) &&
		!find_other_database(&other, " join ", is[2], &len)))
		return;
	buf_setf(&c->what, "view %s reads the database '%.*s', not this one",
	    name, (int)len, other);
	report_difference(c, true);
}

/* What its query computes is not compared: the server keeps it in words of its
 * own, see schema_write.c. */
static void
compare_view_columns(struct comparison *c, const struct schema_view *v)
{
	struct buf want = BUF_INIT, got = BUF_INIT;
	size_t i;

	for (i = 0; i < c->columns.n; i++)
		if (strcmp(c->columns.row[i][0], v->name) == 0)
			buf_addf(&got, "%s%s", got.len > 0 ? "," : "",
			    c->columns.row[i][1]);
	schema_view_columns(v->query, &want);
	if (got.len > 0 && strcasecmp(buf_str(&want), buf_str(&got)) != 0) {
		buf_setf(&c->what, "view %s has the columns %s, not (%s)",
		    v->name, buf_str(&got), buf_str(&want));
		report_difference(c, true);
	}
	buf_release(&want);
	buf_release(&got);
}

static enum outcome
compare_view(struct comparison *c, const struct schema_view *v)
{
	bool there;
	enum outcome o;

	if (find_impostor(c, v->name, true))
		return OUTCOME_DONE;
	o = can_be_read(c, v->name, &there);
	if (o == OUTCOME_DONE && there) {
		compare_view_text(c, v->name);
		compare_view_columns(c, v);
	}
	if (o != OUTCOME_DONE || there)
		return o;
	buf_setf(
	    &c->what, "view %s is missing, or lacks what it reads", v->name);
	report_difference(c, true);
	return OUTCOME_DONE;
}

static enum outcome
compare_all(struct comparison *c)
{
	enum outcome o = query_catalog(c->db, COLUMNS, FIELDS, &c->columns);
	size_t i;

	if (o == OUTCOME_DONE)
		o = query_catalog(c->db, KEYS, 4, &c->keys);
	if (o == OUTCOME_DONE)
		o = query_catalog(c->db, PARTITIONS, 3, &c->partitions);
	if (o == OUTCOME_DONE)
		o = query_catalog(c->db, KINDS, 2, &c->kinds);
	if (o == OUTCOME_DONE)
		o = query_catalog(c->db, VIEWS, 3, &c->views);
	for (i = 0; i < c->schema->tables && o == OUTCOME_DONE; i++)
		o = compare_table(c, &c->schema->table[i]);
	for (i = 0; i < c->schema->views && o == OUTCOME_DONE; i++)
		o = compare_view(c, &c->schema->view[i]);
	return o;
}

enum outcome
schema_compare(struct db *db, const struct schema *s,
    void (*report)(void *ctx, const struct schema_difference *d), void *ctx)
{
	struct comparison c = {
		.db = db, .schema = s, .report = report, .ctx = ctx
	};
	enum outcome o = compare_all(&c);

	answer_release(&c.columns);
	answer_release(&c.keys);
	answer_release(&c.partitions);
	answer_release(&c.kinds);
	answer_release(&c.views);
	buf_release(&c.what);
	buf_release(&c.sql);
	return o;
}
