/*
 * check: see check.h. What others put on our tables, which metrics are
 * computed, what our user may do; server, schema, tables, thresholds, and what
 * is configured to be deleted.
 */
#include "sink/check/check.h"

#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/db/schema_number.h"
#include "common/output/output_table.h"
#include "common/records/record.h"
#include "common/tables/tables.h"
#include "common/text/jsonw.h"
#include "sink/tables/schema.h"
#include "sink/tables/thresholds.h"

/* The items of a self-check and how they are printed: a table for people, CSV
 * or NDJSON. A report starts as a zeroed struct with db, conf, format and each
 * set, followed by check_report_restart(). */

/* Advice does not change the exit code. */
enum check_result { CHECK_FINE, CHECK_ADVICE, CHECK_WRONG };

struct check_report {
	struct db *db;
	const struct conf *conf;
	enum output_format format;
	bool each; /* a table for people shows items that are fine, too */
	struct output_table table;
	struct buf text;
	bool wrong;
	unsigned fine; /* items that the table leaves out */
	struct schema schema;
	bool differs; /* the database from the schema */
};

/* The words of poller --check, which gives no advice. */
static const char *const results[] = {
	[CHECK_FINE] = "ok",
	[CHECK_ADVICE] = "advice",
	[CHECK_WRONG] = "failed",
};

static const struct output_column columns[] = {
	{ "check", OUTPUT_TEXT },
	{ "result", OUTPUT_TEXT },
	{ "detail", OUTPUT_TEXT },
};

/* Adds an item: its name, what it is, and what to do unless it is fine. */
static void
check_report_item(struct check_report *r, enum check_result result,
    const char *name, const char *is, const char *what)
{
	struct buf detail = BUF_INIT;

	r->wrong |= result == CHECK_WRONG;
	if (result == CHECK_FINE && r->format == OUTPUT_TABLE && !r->each) {
		r->fine++;
		return;
	}
	buf_adds(&detail, is);
	if (result != CHECK_FINE)
		buf_addf(&detail, "; %s", what);
	if (r->format != OUTPUT_NDJSON) {
		output_table_cell(&r->table, name);
		output_table_cell(&r->table, results[result]);
		output_table_cell(&r->table, buf_str(&detail));
	} else {
		jsonw_open(&r->text);
		jsonw_str(&r->text, "type", "check");
		jsonw_str(&r->text, "check", name);
		jsonw_str(&r->text, "result", results[result]);
		jsonw_str(&r->text, "detail", buf_str(&detail));
		jsonw_line(&r->text);
	}
	buf_release(&detail);
}

/* Drops all items: a transaction may run several times. */
static void
check_report_restart(struct check_report *r)
{
	output_table_release(&r->table);
	output_table_init(&r->table, columns, ARRAY_LEN(columns));
	buf_clear(&r->text);
	r->wrong = false;
	r->fine = 0;
}

/* One row in place of those that are fine: they would hide the others. */
static void
add_summary(struct check_report *r)
{
	struct buf detail = BUF_INIT;

	if (r->fine == 0)
		return;
	buf_addf(&detail, "%u checks; -v shows each", r->fine);
	output_table_cell(&r->table, "all else");
	output_table_cell(&r->table, results[CHECK_FINE]);
	output_table_cell(&r->table, buf_str(&detail));
	buf_release(&detail);
}

static enum exit_code
check_report_print(struct check_report *r)
{
	add_summary(r);
	if (r->format != OUTPUT_NDJSON)
		output_table_show(&r->table, r->format, &r->text);
	fwrite(r->text.data, 1, r->text.len, stdout);
	return prog_flush();
}

/* Releases the items, not the schema. */
static void
check_report_release(struct check_report *r)
{
	output_table_release(&r->table);
	buf_release(&r->text);
}

/* Triggers and constraints that others put on our tables. They may be
 * intended, so this is advice; but they can change a row, or refuse that it is
 * stored or deleted. */

/* Our table and its guard; our schema has none. */
static const char GUARDS[] =
    "SELECT t, guard FROM ("
    "SELECT event_object_table t, CONCAT('trigger ', trigger_name) guard "
    "FROM information_schema.triggers WHERE event_object_schema = DATABASE() "
    "UNION ALL SELECT table_name, CONCAT(IF(constraint_type = 'CHECK', "
    "'constraint ', 'foreign key '), constraint_name) "
    "FROM information_schema.table_constraints "
    "WHERE table_schema = DATABASE() "
    "AND constraint_type IN ('CHECK', 'FOREIGN KEY') "
    "UNION ALL SELECT referenced_table_name, CONCAT('foreign key ', "
    "constraint_name, ' of ', table_name) "
    "FROM information_schema.referential_constraints "
    "WHERE unique_constraint_schema = DATABASE() "
    "UNION ALL SELECT table_name, 'the history (SYSTEM VERSIONING)' "
    "FROM information_schema.tables WHERE table_schema = DATABASE() "
    "AND table_type = 'SYSTEM VERSIONED') guards WHERE t IN (";

static enum outcome
check_guards(struct check_report *r)
{
	static const char name[] = "triggers and constraints";
	struct buf sql = BUF_INIT;
	struct db_rows *rows;
	enum outcome o;
	size_t i, n = 0;

	buf_adds(&sql, GUARDS);
	for (i = 0; i < TABLES_STORED; i++)
		buf_addf(&sql, "%s'%s'", i > 0 ? ", " : "", tables[i].name);
	buf_adds(&sql, ") ORDER BY t, guard");
	o = db_query(r->db, buf_str(&sql), NULL, 0, &rows);
	for (; o == OUTCOME_DONE && db_next(rows); n++) {
		buf_setf(&sql, "%s of %s", db_get(rows, 1), db_get(rows, 0));
		check_report_item(r, CHECK_ADVICE, name, buf_str(&sql),
		    "not created by this program; it may change or refuse "
		    "rows");
	}
	if (o == OUTCOME_DONE && n == 0)
		check_report_item(
		    r, CHECK_FINE, name, "none visible to this user", "");
	db_rows_free(rows);
	buf_release(&sql);
	return o;
}

/* What [aggregator] metrics lacks of what is read. This is advice: an
 * aggregator elsewhere may have another configuration, or options. */

static bool
is_selected(const struct check_report *r, const char *name)
{
	char *const *list = conf_list(r->conf, "aggregator", "metrics");

	return *list == NULL || text_is_listed(name, list) ||
	       text_is_listed("all", list);
}

/* What response times over a range are made of. */
static void
check_responses(struct check_report *r)
{
	static const char *const needed[] = { "intervals", "histograms" };
	struct buf lacking = BUF_INIT;
	size_t i;

	for (i = 0; i < ARRAY_LEN(needed); i++)
		if (!is_selected(r, needed[i]))
			buf_addf(&lacking, "%s%s",
			    lacking.len > 0 ? ", " : "without ", needed[i]);
	check_report_item(r, lacking.len > 0 ? CHECK_ADVICE : CHECK_FINE,
	    "[aggregator] metrics",
	    lacking.len > 0 ? buf_str(&lacking) : "intervals, histograms",
	    "response times over a range, on the board and in the report are "
	    "unknown; see messaging-responses(7), WHAT IT NEEDS");
	buf_release(&lacking);
}

static enum outcome
check_metrics(struct check_report *r)
{
	check_responses(r);
	return OUTCOME_DONE;
}

/* Whether our user of the database has too few rights or too many. */

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
	    "missing rights", grants.len > 0 ? buf_str(&grants) : "none",
	    "run this as an administrator of the server; "
	    "scripts/examples/grants.sql.example has all grants");
	buf_release(&grants);
}

/* Reports rights that storing rows needs and our user lacks. */
static enum outcome
check_needed_grants(struct check_report *r)
{
	struct rights rights = { .tried = { 0 } };
	enum outcome o = try_grants(r->db, &rights);

	if (o == OUTCOME_LATER && db_connected(r->db) &&
	    db_cause(r->db) != DB_CONFLICT) {
		/* The server is read-only, or its disk is full. */
		check_report_item(r, CHECK_WRONG, "missing rights",
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

/* Reports rights that no daemon should have. */
static enum outcome
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
	    "create a separate user; see scripts/examples/grants.sql.example");
	check_report_item(r, here.len > 0 ? CHECK_ADVICE : CHECK_FINE,
	    "rights not needed to store rows",
	    here.len > 0 ? buf_str(&here) : "none",
	    "only the user that runs --migrate needs them");
	buf_release(&everywhere);
	buf_release(&here);
	return o;
}

enum {
	/* What a row has besides the texts of its record, at most: numbers,
	 * and as text the statement around it. */
	ROW_FRAME = 64 * 1024,
};

/* Server variables and their wanted values. */
static const struct setting {
	const char *name;
	const char *wanted; /* good values, separated by | */
	const char *other;  /* values that are advised against */
	const char *what;   /* advice */
} settings[] = {
	{ "innodb_flush_log_at_trx_commit", "1", "2",
	    "set it to 1: otherwise a crash can lose acknowledged rows" },
	{ "innodb_doublewrite", "ON|1|DETECT_AND_RECOVER", "DETECT_ONLY",
	    "enable it: otherwise pages torn by a crash cannot be repaired" },
	{ "log_bin", "OFF|0|ON|1", "", "" },
	{ "sync_binlog", "1", "",
	    "set it to 1 while log_bin is on: otherwise log and tables differ "
	    "after a crash" },
	{ "binlog_format", "MIXED|ROW", "",
	    "set it to MIXED or ROW: STATEMENT does not work with READ "
	    "COMMITTED" },
	{ "sql_mode", "*STRICT_ALL_TABLES*", "",
	    "the session cannot be made strict" },
	{ "character_set_connection", "utf8mb4", "",
	    "the connection must speak utf8mb4" },
	{ "time_zone", "+00:00", "", "the session must be in UTC" },
	{ "read_only", "OFF|0", "", "make the server writable" },
};

static bool
is_one_of(const char *value, const char *list)
{
	size_t len = strlen(value), n;
	const char *p;
	char inner[64];

	if (list[0] == '*') {
		snprintf(inner, sizeof inner, "%.*s", (int)strlen(list) - 2,
		    list + 1);
		return strstr(value, inner) != NULL;
	}
	for (p = list; *p != '\0'; p += n + (p[n] == '|')) {
		n = strcspn(p, "|");
		if (n == len && strncmp(p, value, n) == 0)
			return true;
	}
	return false;
}

/* Reads a variable's value (the session's, else the global one), or "". */
static enum outcome
variable(struct db *db, const char *name, struct buf *value)
{
	struct db_value arg = db_str(name);
	struct db_rows *rows;
	enum outcome o;

	buf_clear(value);
	o = db_query(
	    db, "SHOW VARIABLES WHERE Variable_name = ?", &arg, 1, &rows);
	if (o == OUTCOME_DONE && db_next(rows) && db_get(rows, 1) != NULL)
		buf_adds(value, db_get(rows, 1));
	db_rows_free(rows);
	return o;
}

static enum outcome
check_variables(struct check_report *r)
{
	struct buf value = BUF_INIT;
	enum outcome o = OUTCOME_DONE;
	bool binlog = true;
	size_t i;

	for (i = 0; i < ARRAY_LEN(settings) && o == OUTCOME_DONE; i++) {
		const struct setting *s = &settings[i];
		const char *is;
		enum check_result result = CHECK_WRONG;

		o = variable(r->db, s->name, &value);
		is = buf_str(&value);
		if (o != OUTCOME_DONE || is[0] == '\0')
			continue;
		if (is_one_of(is, s->wanted))
			result = CHECK_FINE;
		else if (is_one_of(is, s->other))
			result = CHECK_ADVICE;
		/* Without a binary log its settings do not matter. */
		if (strcmp(s->name, "log_bin") == 0)
			binlog = is_one_of(is, "ON|1");
		else if (strstr(s->name, "binlog") != NULL && !binlog)
			continue;
		check_report_item(r, result, s->name, is, s->what);
	}
	buf_release(&value);
	return o;
}

/* "10.11.19-MariaDB" -> 10.11 as 1011; "8.0.36" -> 800. */
static int
version_number(const char *version)
{
	int major = 0, minor = 0;

	for (; text_is_digit(*version); version++)
		major = major * 10 + (*version - '0');
	if (*version == '.')
		version++;
	for (; text_is_digit(*version); version++)
		minor = minor * 10 + (*version - '0');
	return major * 100 + minor;
}

/* Whether a server of that version can have our views. */
static bool
version_fits(const char *version, bool mariadb)
{
	return version_number(version) >= (mariadb ? 1006 : 800);
}

/* A record as long as may be must fit; as text each byte may be two. */
static void
check_packet(struct check_report *r)
{
	const struct db_server *s = db_server(r->db);
	size_t need = (s->bulk ? 1 : 2) * RECORD_MAX_LINE + ROW_FRAME;
	char is[32], what[96];

	snprintf(is, sizeof is, "%zu", s->max_packet);
	snprintf(what, sizeof what,
	    "set it to %zu or more, as the longest records need", need);
	check_report_item(r, s->max_packet >= need ? CHECK_FINE : CHECK_WRONG,
	    "max_allowed_packet", is, what);
}

static void
check_server(struct check_report *r)
{
	const struct db_server *s = db_server(r->db);

	check_report_item(r,
	    version_fits(s->version, s->mariadb) ? CHECK_FINE : CHECK_WRONG,
	    "version", s->version,
	    "MariaDB 10.6 or MySQL 8.0 or later is needed");
	check_report_item(
	    r, CHECK_FINE, "bulk", s->bulk ? "arrays" : "text", "");
	check_report_item(r, CHECK_FINE, "tls",
	    s->cipher != NULL ? s->cipher
	    : s->socket       ? "not needed: a local socket"
			      : "off",
	    "");
	check_packet(r);
}

static void
add_difference(void *ctx, const struct schema_difference *d)
{
	struct check_report *r = ctx;

	r->differs = true;
	check_report_item(
	    r, CHECK_WRONG, "tables and views", d->what, d->way_out);
}

static enum outcome
check_differences(struct check_report *r)
{
	enum outcome o;

	r->differs = false;
	o = schema_compare_tables(r->db, add_difference, r);
	if (o == OUTCOME_DONE)
		o = schema_compare_views(r->db, &r->schema, add_difference, r);
	if (o == OUTCOME_DONE && !r->differs)
		check_report_item(
		    r, CHECK_FINE, "tables and views", "as declared", "");
	return o;
}

static enum outcome
check_schema(struct check_report *r)
{
	int64_t number;
	const char *objection;
	char text[32];
	enum outcome o = schema_number(r->db, &number);

	if (o != OUTCOME_DONE)
		return o;
	snprintf(text, sizeof text, "%lld", (long long)number);
	objection = schema_objection(number);
	check_report_item(r, objection != NULL ? CHECK_WRONG : CHECK_FINE,
	    "schema", text, objection != NULL ? objection : "");
	return objection != NULL ? o : check_differences(r);
}

/* The sink works without reading thresholds, so that right may be missing. The
 * table is missing in an older schema, which is reported already. */
static enum outcome
check_thresholds(struct check_report *r)
{
	static const char name[] = "thresholds of alerts and trends";
	struct buf differ = BUF_INIT;
	enum outcome o = thresholds_compare(r->db, r->conf, &differ);

	if (o == OUTCOME_NEVER && db_cause(r->db) == DB_DENIED) {
		check_report_item(r, CHECK_ADVICE, name, "cannot be read",
		    "grant SELECT on metric_settings");
		o = OUTCOME_DONE;
	} else if (o == OUTCOME_NEVER && db_cause(r->db) == DB_SCHEMA) {
		o = OUTCOME_DONE;
	} else if (o == OUTCOME_DONE) {
		check_report_item(r, differ.len > 0 ? CHECK_WRONG : CHECK_FINE,
		    name,
		    differ.len > 0 ? buf_str(&differ) : "as in [aggregator]",
		    "alerts_all, trends_all and open=1 use the stored values: "
		    "run `sink --migrate` with this configuration");
	}
	buf_release(&differ);
	return o;
}

/* Who reads responses below an hour has only those of chats that are left. */
static enum outcome
check_on_close(struct check_report *r)
{
	const char *on_close = conf_text(r->conf, "reaper", "on_close");

	check_report_item(r,
	    strcmp(on_close, "all") == 0 ? CHECK_ADVICE : CHECK_FINE,
	    "[reaper] on_close", on_close,
	    "the intervals of closed chats are deleted, so ranges that cut an "
	    "hour, as in zones at :30, lack them; see messaging-responses(7)");
	return OUTCOME_DONE;
}

/* Adds the engine and the collation of a table; NULL where the server cannot
 * open it. */
static void
check_table(struct check_report *r, const char *table, const char *engine,
    const char *collation)
{
	char name[80];

	snprintf(name, sizeof name, "engine of %s", table);
	if (engine == NULL || collation == NULL) {
		check_report_item(r, CHECK_WRONG, name, "cannot be opened",
		    "see the server's error log");
		return;
	}
	check_report_item(r,
	    strcmp(engine, "InnoDB") == 0 ? CHECK_FINE : CHECK_WRONG, name,
	    engine,
	    "ALTER TABLE ... ENGINE=InnoDB: other engines lose rows in a "
	    "crash");
	snprintf(name, sizeof name, "collation of %s", table);
	check_report_item(r,
	    strcmp(collation, "utf8mb4_bin") == 0 ? CHECK_FINE : CHECK_WRONG,
	    name, collation,
	    "convert it to utf8mb4_bin: otherwise different keys can be equal");
}

/* Checks our tables. */
static enum outcome
check_tables(struct check_report *r)
{
	struct buf sql = BUF_INIT;
	struct db_rows *rows;
	enum outcome o;
	size_t i;

	buf_adds(&sql,
	    "SELECT table_name, engine, table_collation "
	    "FROM information_schema.tables WHERE table_schema = DATABASE() "
	    "AND table_type = 'BASE TABLE' AND table_name IN (");
	for (i = 0; i < TABLES_STORED; i++)
		buf_addf(&sql, "%s'%s'", i > 0 ? ", " : "", tables[i].name);
	buf_adds(&sql, ") ORDER BY table_name");
	o = db_query(r->db, buf_str(&sql), NULL, 0, &rows);
	buf_release(&sql);
	if (o != OUTCOME_DONE)
		return o;
	while (db_next(rows))
		check_table(
		    r, db_get(rows, 0), db_get(rows, 1), db_get(rows, 2));
	db_rows_free(rows);
	return o;
}

static enum outcome
run_checks(struct db *db, void *ctx)
{
	static enum outcome (*const checks[])(struct check_report *) = {
		check_schema,
		check_variables,
		check_tables,
		check_guards,
		check_thresholds,
		check_on_close,
		check_metrics,
		check_needed_grants,
		check_wide_grants,
	};
	struct check_report *r = ctx;
	enum outcome o = OUTCOME_DONE;
	size_t i;

	/* Some checks try ALTER TABLE. */
	db_no_trans(db);
	check_report_restart(r);
	check_server(r);
	for (i = 0; i < ARRAY_LEN(checks) && o == OUTCOME_DONE; i++)
		o = checks[i](r);
	return o;
}

enum exit_code
check_run(struct db *db, const struct conf *conf, const char *dir,
    enum output_format format, bool each)
{
	struct check_report r = { .db = db,
		.conf = conf,
		.format = output_format_resolve(format),
		.each = each,
		.text = BUF_INIT };
	struct buf why = BUF_INIT;
	enum exit_code code = PROG_CONFIG;

	check_report_restart(&r);
	if (schema_read(&r.schema, dir, &why, &code) != 0) {
		log_error("%s", buf_str(&why));
	} else if (db_transaction(db, run_checks, &r, false) == OUTCOME_DONE) {
		code = check_report_print(&r);
		if (code == PROG_OK && r.wrong)
			code = PROG_CONFIG;
	} else {
		log_error("%s", db_why(db));
		code = db_code(db);
	}
	schema_release(&r.schema);
	buf_release(&why);
	check_report_release(&r);
	return code;
}

enum outcome
check_start(struct db *db, bool accept_loss, struct buf *why)
{
	if (db_server(db)->flush_at_commit == 0 && !accept_loss) {
		buf_setf(why,
		    "database %s runs with innodb_flush_log_at_trx_commit = 0, "
		    "so a crash loses acknowledged rows; set it to 1, or use "
		    "--accept-loss",
		    db_name(db));
		return OUTCOME_NEVER;
	}
	return OUTCOME_DONE;
}
