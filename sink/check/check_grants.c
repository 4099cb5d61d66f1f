/*
 * check_grants: see check_grants.h. SHOW GRANTS alone does not tell which
 * rights are missing (roles and wildcards), so each statement the sink needs is
 * tried on no row at all.
 */
#include "sink/check/check_grants.h"

#include <stdio.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/tables/tables.h"

/* The first three may be given on all tables at once. */
enum right {
	SELECT,
	INSERT,
	UPDATE,
	ON_ONE_TABLE,
	DELETE = ON_ONE_TABLE,
	ALTER,
	RIGHTS
};

static const char *const right_names[RIGHTS] = { "SELECT", "INSERT", "UPDATE",
	"DELETE", "ALTER" };

struct rights {
	bool lacks[TABLES_STORED][RIGHTS];
	unsigned tried[RIGHTS], missing[RIGHTS];
};

/* Tries a statement that affects no row, and notes if the right is missing. A
 * missing table is not an error here: the schema check reports it. */
static enum outcome
try_right(struct db *db, enum right right, enum table_id id, struct buf *sql,
    struct rights *r)
{
	enum outcome o;
	struct db_rows *rows;

	if (right == SELECT) {
		o = db_query(db, buf_str(sql), NULL, 0, &rows);
		db_rows_free(rows);
	} else {
		o = db_exec(db, buf_str(sql), NULL, 0, NULL);
	}
	buf_clear(sql);
	r->tried[right]++;
	if (o != OUTCOME_NEVER || db_cause(db) == DB_SCHEMA)
		return o == OUTCOME_NEVER ? OUTCOME_DONE : o;
	if (db_cause(db) != DB_DENIED)
		return o;
	r->missing[right] += !r->lacks[id][right];
	r->lacks[id][right] = true;
	return OUTCOME_DONE;
}

/* Tries to read, and if `written` to write, one of our tables. */
static enum outcome
try_table(struct db *db, enum table_id id, bool written, struct buf *sql,
    struct rights *r)
{
	const char *t = tables[id].name;
	enum outcome o;

	buf_addf(sql, "SELECT 1 FROM %s WHERE 1 = 0", t);
	o = try_right(db, SELECT, id, sql, r);
	if (o != OUTCOME_DONE || !written)
		return o;
	buf_addf(sql,
	    "INSERT INTO %s (tenant) SELECT tenant FROM %s WHERE 1 = 0", t, t);
	o = try_right(db, INSERT, id, sql, r);
	if (o != OUTCOME_DONE)
		return o;
	buf_addf(sql, "UPDATE %s SET tenant = tenant WHERE 1 = 0", t);
	return try_right(db, UPDATE, id, sql, r);
}

/* Tries the tables of rows, and those that the sink needs besides. */
static enum outcome
try_tables(struct db *db, struct buf *sql, struct rights *r)
{
	static const struct {
		enum table_id id;
		bool written;
	} own[] = {
		{ TABLE_schema_migrations, false },
		{ TABLE_closed_chats, false },
		{ TABLE_forgotten, false },
		{ TABLE_tenant_locks, true },
		{ TABLE_tenants, true },
		{ TABLE_refused_rows, true },
		{ TABLE_response_rollups, true },
		{ TABLE_message_analytics_hours, true },
		{ TABLE_sums_due, true },
	};
	enum outcome o = OUTCOME_DONE;
	size_t i;

	for (i = 0; i < ARRAY_LEN(own) && o == OUTCOME_DONE; i++)
		o = try_table(db, own[i].id, own[i].written, sql, r);
	for (i = 0; i < TABLES && o == OUTCOME_DONE; i++)
		o = try_table(db, (enum table_id)i, true, sql, r);
	return o;
}

/* The end of a snapshot deletes operators, an edit the message before it, and
 * sums that are made are due no more. */
static enum outcome
try_removal(struct db *db, struct buf *sql, struct rights *r)
{
	static const enum table_id from[] = { TABLE_operator_metrics,
		TABLE_messages, TABLE_sums_due };
	enum outcome o = OUTCOME_DONE;
	size_t i;

	for (i = 0; i < ARRAY_LEN(from) && o == OUTCOME_DONE; i++) {
		buf_addf(
		    sql, "DELETE FROM %s WHERE 1 = 0", tables[from[i]].name);
		o = try_right(db, DELETE, from[i], sql, r);
	}
	return o;
}

/* Partitions need ALTER: tried on a partition that cannot exist. */
static enum outcome
try_partitions(
    struct db *db, enum table_id id, struct buf *sql, struct rights *r)
{
	enum outcome o;

	buf_addf(sql,
	    "ALTER TABLE %s REORGANIZE PARTITION `none of ours` INTO "
	    "(PARTITION x VALUES LESS THAN (MAXVALUE))",
	    tables[id].name);
	o = try_right(db, ALTER, id, sql, r);
	return o == OUTCOME_NEVER && db_cause(db) == DB_BUG ? OUTCOME_DONE : o;
}

static enum outcome
try_grants(struct db *db, struct rights *r)
{
	struct buf sql = BUF_INIT;
	enum outcome o = try_tables(db, &sql, r);
	size_t i;

	if (o == OUTCOME_DONE)
		o = try_removal(db, &sql, r);
	for (i = 0; i < TABLES && o == OUTCOME_DONE; i++)
		if (tables[i].day >= 0)
			o = try_partitions(db, (enum table_id)i, &sql, r);
	buf_release(&sql);
	return o;
}

/* Whether no table has the right, so that it is given on all. */
static bool
is_given_on_all(const struct rights *r, enum right right)
{
	return right < ON_ONE_TABLE && r->missing[right] > 0 &&
	       r->missing[right] == r->tried[right];
}

/* Appends the statement that gives what a table lacks, or, of id
 * TABLES_STORED, all do. */
static void
add_grant(const struct db *db, const struct rights *r, enum table_id id,
    struct buf *to)
{
	struct buf names = BUF_INIT;
	size_t i;

	for (i = 0; i < RIGHTS; i++) {
		if (is_given_on_all(r, (enum right)i)
			? id == TABLES_STORED
			: id < TABLES_STORED && r->lacks[id][i])
			buf_addf(&names, "%s%s", names.len > 0 ? ", " : "",
			    right_names[i]);
	}
	if (names.len > 0) {
		buf_adds(to, to->len > 0 ? "; " : "");
		db_grant(db, buf_str(&names),
		    id < TABLES_STORED ? tables[id].name : "*", to);
	}
	buf_release(&names);
}

static void
report_grants(struct check_report *report, const struct rights *r)
{
	struct buf grants = BUF_INIT;
	size_t id;

	add_grant(report->db, r, TABLES_STORED, &grants);
	for (id = 0; id < TABLES_STORED; id++)
		add_grant(report->db, r, (enum table_id)id, &grants);
	check_report_item(report, grants.len > 0 ? CHECK_WRONG : CHECK_FINE,
	    "rights that are missing",
	    grants.len > 0 ? buf_str(&grants) : "none",
	    "type that as an administrator of the server; "
	    "scripts/examples/grants.sql.example has all");
	buf_release(&grants);
}

enum outcome
check_needed_grants(struct check_report *r)
{
	struct rights rights = { .tried = { 0 } };
	enum outcome o = try_grants(r->db, &rights);

	if (o == OUTCOME_LATER && db_connected(r->db) &&
	    db_cause(r->db) != DB_CONFLICT) {
		/* The server is read-only, or its disk is full. */
		check_report_item(r, CHECK_WRONG, "rights that are missing",
		    "cannot be tried", db_why(r->db));
		o = OUTCOME_DONE;
	} else if (o == OUTCOME_DONE) {
		report_grants(r, &rights);
	}
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

/* Adds what a line of SHOW GRANTS gives: "GRANT SELECT, FILE ON ... TO ... WITH
 * GRANT OPTION". The names of databases and users say nothing. */
static void
add_dangers(const char *grant, struct buf *found)
{
	const char *on = strstr(grant, " ON "), *option = NULL, *p;
	size_t i;

	if (on == NULL)
		return;
	for (p = on; (p = strstr(p, " WITH ")) != NULL; p++)
		option = strstr(p, "GRANT OPTION");
	for (i = 0; i < ARRAY_LEN(dangers); i++) {
		p = strstr(grant, dangers[i]);
		if (strcmp(dangers[i], "GRANT OPTION") == 0)
			p = option;
		else if (p > on)
			p = NULL;
		if (p == NULL || (strcmp(dangers[i], "ALTER") == 0 &&
				     has_partitioned_table(grant)))
			continue;
		if (strstr(buf_str(found), dangers[i]) == NULL)
			buf_addf(found, "%s%s", found->len > 0 ? ", " : "",
			    dangers[i]);
	}
}

enum outcome
check_wide_grants(struct check_report *r)
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
