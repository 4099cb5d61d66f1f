/*
 * schema_write: writes tables, their first rows, and views; see schema.h.
 *
 * Servers keep a view as a text of their own, so it is compared with that of a
 * view that is made for it, under a name that nobody reads: one that is as it
 * should be is not touched, and whoever reads it holds nothing up. Nor is it
 * seen that a view is of another version, or only in a view's place, as those
 * of a dump are that was restored in part. So all of them are compared each
 * time, and what was interrupted leaves nothing behind.
 */
#include "sink/tables/schema_impl.h"

#include <string.h>

#include "common/base/log.h"

/* The name of the view that is compared. */
static const char PATTERN[] = "schema_view_pattern";

void
schema_write_table(
    struct buf *sql, const struct schema_table *t, const char *name)
{
	size_t i;

	buf_addf(sql, "CREATE TABLE IF NOT EXISTS `%s` (", name);
	for (i = 0; i < t->columns; i++)
		buf_addf(sql, "%s`%s` %s", i > 0 ? ", " : "", t->column[i].name,
		    t->column[i].definition);
	for (i = 0; i < t->keys; i++)
		if (strcmp(t->key[i].name, "PRIMARY") == 0)
			buf_addf(sql, ", PRIMARY KEY (%s)", t->key[i].columns);
		else
			buf_addf(sql, ", KEY `%s` (%s)", t->key[i].name,
			    t->key[i].columns);
	buf_adds(sql, t->options);
}

enum outcome
schema_make_table(
    struct db *db, const struct schema *s, const char *table, const char *name)
{
	struct buf sql = BUF_INIT;
	enum outcome o = OUTCOME_DONE;
	size_t i;

	for (i = 0; i < s->tables; i++)
		if (strcmp(s->table[i].name, table) == 0)
			schema_write_table(&sql, &s->table[i], name);
	if (sql.len > 0)
		o = db_exec(db, buf_str(&sql), NULL, 0, NULL);
	buf_release(&sql);
	return o;
}

static enum outcome
put_view(struct db *db, const char *name, const char *query)
{
	struct buf sql = BUF_INIT;
	enum outcome o;

	buf_addf(&sql, "CREATE OR REPLACE SQL SECURITY INVOKER VIEW `%s` %s",
	    name, query);
	o = db_exec(db, buf_str(&sql), NULL, 0, NULL);
	buf_release(&sql);
	return o;
}

/* Whether a view is what the pattern is. The text of one that our user may not
 * see is empty: it is not known to be. */
static enum outcome
is_like_pattern(struct db *db, const char *name, bool *same)
{
	const struct db_value names[] = { db_str(name), db_str(PATTERN) };
	struct db_rows *rows;
	enum outcome o;

	o = db_query(db,
	    "SELECT COUNT(NULLIF(view_definition, '')) = 2 AND "
	    "COUNT(DISTINCT MD5(CONCAT(security_type, view_definition))) = 1 "
	    "FROM information_schema.views WHERE table_schema = DATABASE() "
	    "AND table_name IN (?, ?)",
	    names, 2, &rows);
	*same = o == OUTCOME_DONE && db_next(rows) && db_get_int(rows, 0) == 1;
	db_rows_free(rows);
	return o;
}

static enum outcome
write_view(struct db *db, const struct schema_view *v)
{
	bool same = false;
	enum outcome o = put_view(db, PATTERN, v->query);

	if (o == OUTCOME_DONE)
		o = is_like_pattern(db, v->name, &same);
	if (o != OUTCOME_DONE || same)
		return o;
	o = put_view(db, v->name, v->query);
	if (o == OUTCOME_DONE)
		log_info("view", "name=%s", v->name);
	return o;
}

enum outcome
schema_write_views(struct db *db, const struct schema *s)
{
	enum outcome o = OUTCOME_DONE;
	struct buf sql = BUF_INIT;
	size_t i;

	for (i = 0; i < s->ordered && o == OUTCOME_DONE; i++)
		o = write_view(db, &s->view[s->order[i]]);
	buf_addf(&sql, "DROP VIEW IF EXISTS `%s`", PATTERN);
	if (o == OUTCOME_DONE)
		o = db_exec(db, buf_str(&sql), NULL, 0, NULL);
	buf_release(&sql);
	return o;
}

enum outcome
schema_write_rows(struct db *db, const struct schema *s)
{
	enum outcome o = OUTCOME_DONE;
	size_t i;

	for (i = 0; i < s->tables && o == OUTCOME_DONE; i++)
		if (s->table[i].rows != NULL)
			o = db_exec(db, s->table[i].rows, NULL, 0, NULL);
	return o;
}
