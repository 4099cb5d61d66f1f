/*
 * check_rights: see check_rights.h. SHOW GRANTS alone does not tell which
 * rights are missing (roles and wildcards), so each statement the sink needs is
 * tried on no row at all.
 */
#include "sink/check/check_rights.h"

#include <stdio.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/tables/tables.h"

/* Tries a statement that affects no row, and appends the right if it is
 * missing. A missing table is no error here: the schema check reports it. */
static enum outcome
try_right(struct db *db, const char *right, const char *table, struct buf *sql,
    struct buf *missing)
{
	enum outcome o;
	struct db_rows *rows;

	if (strcmp(right, "SELECT") == 0) {
		o = db_query(db, buf_str(sql), NULL, 0, &rows);
		db_rows_free(rows);
	} else {
		o = db_exec(db, buf_str(sql), NULL, 0, NULL);
	}
	buf_clear(sql);
	if (o != OUTCOME_NEVER)
		return o;
	if (db_cause(db) == DB_DENIED)
		buf_addf(missing, "%s%s on %s", missing->len > 0 ? ", " : "",
		    right, table);
	else if (db_cause(db) != DB_SCHEMA)
		return o;
	return OUTCOME_DONE;
}

/* Tries to read, and if `written` to write, one of our tables. */
static enum outcome
try_table(struct db *db, enum table_id id, bool written, struct buf *sql,
    struct buf *missing)
{
	const char *t = tables[id].name;
	enum outcome o;

	buf_addf(sql, "SELECT 1 FROM %s WHERE 1 = 0", t);
	o = try_right(db, "SELECT", t, sql, missing);
	if (o != OUTCOME_DONE || !written)
		return o;
	buf_addf(sql,
	    "INSERT INTO %s (tenant) SELECT tenant FROM %s WHERE 1 = 0", t, t);
	o = try_right(db, "INSERT", t, sql, missing);
	if (o != OUTCOME_DONE)
		return o;
	buf_addf(sql, "UPDATE %s SET tenant = tenant WHERE 1 = 0", t);
	return try_right(db, "UPDATE", t, sql, missing);
}

/* Tries the tables of rows, and those that the sink needs besides. */
static enum outcome
try_tables(struct db *db, struct buf *sql, struct buf *missing)
{
	static const struct {
		enum table_id id;
		bool written;
	} own[] = {
		{ TABLE_schema_migrations, false },
		{ TABLE_closed_chats, false },
		{ TABLE_forgotten, false },
		{ TABLE_tenants, true },
		{ TABLE_refused_rows, true },
		{ TABLE_response_rollups, true },
		{ TABLE_message_analytics_hours, true },
		{ TABLE_rollups_due, true },
	};
	enum outcome o = OUTCOME_DONE;
	size_t i;

	for (i = 0; i < ARRAY_LEN(own) && o == OUTCOME_DONE; i++)
		o = try_table(db, own[i].id, own[i].written, sql, missing);
	for (i = 0; i < TABLES && o == OUTCOME_DONE; i++)
		o = try_table(db, (enum table_id)i, true, sql, missing);
	return o;
}

/* The end of a snapshot deletes operators, an edit the message before it. */
static enum outcome
try_removal(struct db *db, struct buf *sql, struct buf *missing)
{
	static const enum table_id from[] = { TABLE_operator_metrics,
		TABLE_messages };
	enum outcome o = OUTCOME_DONE;
	const char *t;
	size_t i;

	for (i = 0; i < ARRAY_LEN(from) && o == OUTCOME_DONE; i++) {
		t = tables[from[i]].name;
		buf_addf(sql, "DELETE FROM %s WHERE 1 = 0", t);
		o = try_right(db, "DELETE", t, sql, missing);
	}
	return o;
}

/* Partitions need ALTER: tried on a partition that cannot exist. */
static enum outcome
try_partitions(
    struct db *db, const char *t, struct buf *sql, struct buf *missing)
{
	enum outcome o;

	buf_addf(sql,
	    "ALTER TABLE %s REORGANIZE PARTITION `none of ours` INTO "
	    "(PARTITION x VALUES LESS THAN (MAXVALUE))",
	    t);
	o = try_right(db, "ALTER", t, sql, missing);
	return o == OUTCOME_NEVER && db_cause(db) == DB_BUG ? OUTCOME_DONE : o;
}

enum outcome
check_needed_rights(struct check_report *r)
{
	struct buf sql = BUF_INIT, missing = BUF_INIT;
	enum outcome o = try_tables(r->db, &sql, &missing);
	size_t i;

	if (o == OUTCOME_DONE)
		o = try_removal(r->db, &sql, &missing);
	for (i = 0; i < TABLES && o == OUTCOME_DONE; i++)
		if (tables[i].day >= 0)
			o = try_partitions(
			    r->db, tables[i].name, &sql, &missing);
	if (o == OUTCOME_LATER && db_connected(r->db) &&
	    db_cause(r->db) != DB_CONFLICT) {
		/* The server is read-only, or its disk is full. */
		check_report_item(r, CHECK_WRONG, "rights that are missing",
		    "cannot be tried", db_why(r->db));
		o = OUTCOME_DONE;
	} else if (o == OUTCOME_DONE) {
		check_report_item(r, missing.len > 0 ? CHECK_WRONG : CHECK_FINE,
		    "rights that are missing",
		    missing.len > 0 ? buf_str(&missing) : "none",
		    "grant them; scripts/examples/grants.sql.example shows "
		    "how");
	}
	buf_release(&sql);
	buf_release(&missing);
	return o;
}

/* Rights no daemon should have: wrong for the whole server, advised against for
 * our database. */
static const char *const dangers[] = { "ALL PRIVILEGES", "SUPER", "FILE",
	"PROCESS", "SHUTDOWN", "RELOAD", "CREATE USER", "GRANT OPTION", "DROP",
	"ALTER", "CREATE", "TRIGGER", "EVENT" };

/* Whether the grant is for a table whose partitions the sink creates. */
static bool
has_partitioned_table(const char *grant)
{
	char name[80];
	size_t i;

	for (i = 0; i < TABLES; i++) {
		snprintf(name, sizeof name, ".`%s` TO ", tables[i].name);
		if (tables[i].day >= 0 && strstr(grant, name) != NULL)
			return true;
	}
	return false;
}

static void
add_dangers(const char *grant, struct buf *found)
{
	const char *to = strstr(grant, " TO "), *p;
	size_t i;

	for (i = 0; i < ARRAY_LEN(dangers); i++) {
		p = strstr(grant, dangers[i]);
		if (p == NULL || (strcmp(dangers[i], "ALTER") == 0 &&
				     has_partitioned_table(grant)))
			continue;
		/* Behind TO only WITH GRANT OPTION says anything. */
		if (to != NULL && p > to &&
		    strcmp(dangers[i], "GRANT OPTION") != 0)
			continue;
		if (strstr(buf_str(found), dangers[i]) == NULL)
			buf_addf(found, "%s%s", found->len > 0 ? ", " : "",
			    dangers[i]);
	}
}

enum outcome
check_wide_rights(struct check_report *r)
{
	struct buf everywhere = BUF_INIT, here = BUF_INIT;
	struct db_rows *rows;
	enum outcome o = db_query(r->db, "SHOW GRANTS", NULL, 0, &rows);

	if (o != OUTCOME_DONE)
		return o;
	while (db_next(rows)) {
		const char *grant = db_get(rows, 0);

		add_dangers(grant,
		    strstr(grant, " ON *.* ") != NULL ? &everywhere : &here);
	}
	db_rows_free(rows);
	check_report_item(r, everywhere.len > 0 ? CHECK_WRONG : CHECK_FINE,
	    "rights for the whole server",
	    everywhere.len > 0 ? buf_str(&everywhere) : "none",
	    "use a user of its own; see scripts/examples/grants.sql.example");
	check_report_item(r, here.len > 0 ? CHECK_ADVICE : CHECK_FINE,
	    "rights beyond storing rows",
	    here.len > 0 ? buf_str(&here) : "none",
	    "leave them to the user that migrates");
	buf_release(&everywhere);
	buf_release(&here);
	return o;
}
