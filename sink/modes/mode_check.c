/*
 * mode_check: sink --check: whether the database is suitable: the server's
 * settings, the tables and views, and our user's privileges. Each item has
 * advice.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/db/db.h"
#include "common/db/schema_number.h"
#include "common/hours/terms_words.h"
#include "common/json/jsonw.h"
#include "common/output/output_table.h"
#include "common/records/record.h"
#include "common/tables/tables.h"
#include "sink/modes/modes.h"
#include "sink/serve/serve.h"
#include "sink/store/rejudge.h"
#include "sink/tables/schema.h"

/* Advice alone does not change the exit code. */
enum check_result { CHECK_FINE, CHECK_ADVICE, CHECK_WRONG };

struct check_report {
	struct db *db;
	const struct conf *conf;
	const struct terms_book *terms;
	struct buf items; /* a record for each */
	bool wrong;
	struct schema schema;
	bool differs; /* the database differs from the schema */
};

/* A tenant whose hours are listed. */
struct check_terms {
	struct check_report *report;
	const char *tenant;
};

/* Adds an item: its name, its state, and advice unless it is fine or says
 * everything itself (NULL). */
static void
add_item(struct check_report *r, enum check_result result, const char *name,
    const char *is, const char *what)
{
	/* The same words as in poller --check, which has no advice. */
	static const char *const results[] = {
		[CHECK_FINE] = "ok",
		[CHECK_ADVICE] = "advice",
		[CHECK_WRONG] = "failed",
	};
	struct buf detail = BUF_INIT;

	r->wrong |= result == CHECK_WRONG;
	buf_adds(&detail, is);
	if (result != CHECK_FINE && what != NULL)
		buf_addf(&detail, "; %s", what);
	jsonw_open(&r->items);
	jsonw_str(&r->items, "type", "check");
	jsonw_str(&r->items, "check", name);
	jsonw_str(&r->items, "result", results[result]);
	jsonw_str(&r->items, "detail", buf_str(&detail));
	jsonw_line(&r->items);
	buf_release(&detail);
}

/* The server. */

/* Maximum size of a row besides the texts of its record: numbers and, as text,
 * the surrounding statement. */
#define ROW_FRAME ((size_t)64 * 1024)

/* A record of maximum length must fit; as text, each byte may take two. */
static void
check_packet(struct check_report *r)
{
	const struct db_server *s = db_server(r->db);
	size_t need = (size_t)(s->bulk ? 1 : 2) * RECORD_MAX_LINE + ROW_FRAME;
	char is[32], what[96];

	(void)snprintf(is, sizeof is, "%zu", s->max_packet);
	(void)snprintf(what, sizeof what,
	    "set it to %zu or more, as the longest records need", need);
	add_item(r, s->max_packet >= need ? CHECK_FINE : CHECK_WRONG,
	    "max_allowed_packet", is, what);
}

/* Our views need MariaDB 10.6 or MySQL 8.0. */
static bool
version_fits(const struct db_server *s)
{
	char *end;
	long major = strtol(s->version, &end, 10);
	long minor = *end == '.' ? strtol(end + 1, NULL, 10) : 0;

	return s->mariadb ? major > 10 || (major == 10 && minor >= 6)
			  : major >= 8;
}

/* Server variables: good values, separated by |, an acceptable value, and the
 * advice. */
static const struct setting {
	const char *name, *wanted, *other, *what;
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
	{ "read_only", "OFF|0", "", "make the server writable" },
};

static bool
is_one_of(const char *value, const char *list)
{
	size_t len = strlen(value), n;
	const char *p;

	for (p = list; *p != '\0'; p += n + (p[n] == '|')) {
		n = strcspn(p, "|");
		if (n == len && strncmp(p, value, n) == 0)
			return true;
	}
	return false;
}

/* Reads a variable's value (the session's, otherwise the global one), or "". */
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
check_server(struct check_report *r)
{
	const struct db_server *server = db_server(r->db);
	const struct setting *s = settings;
	struct buf value = BUF_INIT;
	enum outcome o = OUTCOME_DONE;
	bool binlog = true;
	const char *is;

	add_item(r, version_fits(server) ? CHECK_FINE : CHECK_WRONG, "version",
	    server->version, "MariaDB 10.6 or MySQL 8.0 or later is needed");
	add_item(r, CHECK_FINE, "bulk", server->bulk ? "arrays" : "text", "");
	add_item(r, CHECK_FINE, "tls",
	    server->cipher != NULL ? server->cipher
	    : server->socket       ? "not needed: a local socket"
				   : "off",
	    "");
	check_packet(r);
	for (; s < settings + ARRAY_LEN(settings); s++) {
		o = variable(r->db, s->name, &value);
		is = buf_str(&value);
		if (o != OUTCOME_DONE)
			break;
		/* Without a binary log, its settings do not matter. */
		if (strcmp(s->name, "log_bin") == 0)
			binlog = is_one_of(is, "ON|1");
		else if (strstr(s->name, "binlog") != NULL && !binlog)
			continue;
		if (is[0] != '\0')
			add_item(r,
			    is_one_of(is, s->wanted)  ? CHECK_FINE
			    : is_one_of(is, s->other) ? CHECK_ADVICE
						      : CHECK_WRONG,
			    s->name, is, s->what);
	}
	buf_release(&value);
	return o;
}

/* Tables and views. */

static void
add_difference(void *ctx, const struct schema_difference *d)
{
	struct check_report *r = ctx;

	r->differs = true;
	add_item(r, CHECK_WRONG, "tables and views", d->what, d->way_out);
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
	(void)snprintf(text, sizeof text, "%lld", (long long)number);
	objection = schema_objection(number);
	add_item(r, objection != NULL ? CHECK_WRONG : CHECK_FINE, "schema",
	    text, objection != NULL ? objection : "");
	if (objection != NULL)
		return o;
	r->differs = false;
	o = schema_compare_tables(r->db, add_difference, r);
	if (o == OUTCOME_DONE)
		o = schema_compare_views(r->db, &r->schema, add_difference, r);
	if (o == OUTCOME_DONE && !r->differs)
		add_item(r, CHECK_FINE, "tables and views", "as declared", "");
	return o;
}

/* Privileges: each is tested with a statement that affects no row. More
 * privileges than these do no harm; with fewer, the program fails. */

struct rights {
	struct db *db;
	struct buf grants; /* missing privileges */
	struct buf sql;
};

/* Runs r->sql; if the privilege is missing, adds it to r->grants. Ignores a
 * missing table, which the check of the schema reports. */
static enum outcome
try_right(struct rights *r, const char *right, const char *table)
{
	struct db_rows *rows = NULL;
	enum outcome o = db_query(r->db, buf_str(&r->sql), NULL, 0, &rows);

	db_rows_free(rows);
	if (o != OUTCOME_NEVER || db_cause(r->db) == DB_SCHEMA)
		return o == OUTCOME_NEVER ? OUTCOME_DONE : o;
	if (db_cause(r->db) != DB_DENIED)
		return o;
	buf_addf(&r->grants, "%s%s on %s", r->grants.len > 0 ? "; " : "", right,
	    table);
	return OUTCOME_DONE;
}

/* Reading and writing are granted on all tables at once, as in
 * scripts/examples/grants.sql.example, so the first missing privilege ends the
 * search. */
static enum outcome
try_table(struct rights *r, const char *table)
{
	static const char on_all[] = "SELECT, INSERT, UPDATE";
	enum outcome o = OUTCOME_DONE;

	if (r->grants.len == 0) {
		buf_setf(&r->sql, "SELECT 1 FROM %s WHERE 1 = 0", table);
		o = try_right(r, on_all, "all tables");
	}
	if (o == OUTCOME_DONE && r->grants.len == 0) {
		buf_setf(&r->sql,
		    "INSERT INTO %s (tenant) SELECT tenant FROM %s WHERE 1 = 0",
		    table, table);
		o = try_right(r, on_all, "all tables");
	}
	if (o == OUTCOME_DONE && r->grants.len == 0) {
		buf_setf(&r->sql, "UPDATE %s SET tenant = tenant WHERE 1 = 0",
		    table);
		o = try_right(r, on_all, "all tables");
	}
	return o;
}

static enum outcome
try_rights(struct rights *r)
{
	/* Tables that the sink needs besides those for rows. */
	static const enum table_id own[] = { TABLE_tenant_locks, TABLE_tenants,
		TABLE_refused_rows, TABLE_response_rollups,
		TABLE_message_analytics_hours, TABLE_sums_due,
		TABLE_hours_versions };
	/* The end of a snapshot deletes operators, and hours whose sums are
	 * computed are removed from the list. */
	static const enum table_id removed[] = { TABLE_operator_metrics,
		TABLE_sums_due };
	enum outcome o = OUTCOME_DONE;
	size_t i;

	for (i = 0; i < TABLES && o == OUTCOME_DONE; i++)
		o = try_table(r, tables[i].name);
	for (i = 0; i < ARRAY_LEN(own) && o == OUTCOME_DONE; i++)
		o = try_table(r, tables[own[i]].name);
	for (i = 0; i < ARRAY_LEN(removed) && o == OUTCOME_DONE; i++) {
		buf_setf(&r->sql, "DELETE FROM %s WHERE 1 = 0",
		    tables[removed[i]].name);
		o = try_right(r, "DELETE", tables[removed[i]].name);
	}
	/* New partitions need ALTER; it is tested on one that cannot exist. */
	for (i = 0; i < TABLES && o == OUTCOME_DONE; i++) {
		if (tables[i].day == 0)
			continue;
		buf_setf(&r->sql,
		    "ALTER TABLE %s REORGANIZE PARTITION `none of ours` INTO "
		    "(PARTITION x VALUES LESS THAN (MAXVALUE))",
		    tables[i].name);
		o = try_right(r, "ALTER", tables[i].name);
		if (o == OUTCOME_NEVER && db_cause(r->db) == DB_BUG)
			o = OUTCOME_DONE;
	}
	return o;
}

static enum outcome
check_rights(struct check_report *report)
{
	struct rights r = { .db = report->db };
	enum outcome o = try_rights(&r);

	if (o == OUTCOME_LATER && db_connected(r.db) &&
	    db_cause(r.db) != DB_CONFLICT) {
		/* The server is read-only, or its disk is full. */
		add_item(report, CHECK_WRONG, "missing privileges",
		    "cannot be tried", db_why(r.db));
		o = OUTCOME_DONE;
	} else if (o == OUTCOME_DONE) {
		add_item(report, r.grants.len > 0 ? CHECK_WRONG : CHECK_FINE,
		    "missing privileges",
		    r.grants.len > 0 ? buf_str(&r.grants) : "none",
		    "grant them as scripts/examples/grants.sql.example does");
	}
	buf_release(&r.grants);
	buf_release(&r.sql);
	return o;
}

/* Hours and targets of the configured tenants. */

static void
add_terms(
    void *ctx, enum terms_finding finding, const char *about, const char *text)
{
	static const enum check_result results[] = {
		[TERMS_GOOD] = CHECK_FINE,
		[TERMS_ADVICE] = CHECK_ADVICE,
		[TERMS_WRONG] = CHECK_WRONG,
	};
	struct check_terms *c = ctx;
	char *name = xasprintf("%s: %s", c->tenant, about);

	add_item(c->report, results[finding], name, text, NULL);
	free(name);
}

/* The time for counting: there may be many intervals. */
#define COUNT_MS 5000

/* Counts intervals that were judged by other hours or targets. */
static enum outcome
check_judged(struct check_report *r)
{
	struct rejudge judged = { .terms = r->terms,
		.from_day = INT64_MIN,
		.only_count = true,
		.until_ms = clock_mono_ms() + COUNT_MS };
	struct buf is = BUF_INIT;
	enum outcome o = rejudge_run(r->db, &judged);

	/* Older schemas, and missing privileges, are already reported. */
	if (o == OUTCOME_NEVER)
		return OUTCOME_DONE;
	if (o == OUTCOME_DONE && judged.rows > 0) {
		buf_addf(&is, "%s%zu intervals were judged by others",
		    judged.gave_up ? "at least " : "", judged.rows);
		add_item(r, CHECK_ADVICE, "hours and targets", buf_str(&is),
		    "if those of now are to count for the past, run `sink "
		    "--recompute --since DAY`");
	}
	buf_release(&is);
	return o;
}

/* Compares the hours and targets with the version in the newest rows: perhaps
 * the aggregator was not restarted after a change. */
static enum outcome
check_version(struct check_terms *c)
{
	const char *ours = terms_version_text(
	    terms_of_tenant(c->report->terms, text_from(c->tenant)));
	const struct db_value tenant = db_str(c->tenant);
	struct db_rows *rows = NULL;
	enum outcome o = db_query(c->report->db,
	    "SELECT COALESCE(hours_version, ''), as_of FROM tenant_metrics "
	    "WHERE tenant = ?",
	    &tenant, 1, &rows);
	struct buf is = BUF_INIT;
	char as_of[CLOCK_TEXT], *name;

	/* Older schemas, and missing privileges, are already reported. */
	if (o == OUTCOME_NEVER)
		o = OUTCOME_DONE;
	else if (o == OUTCOME_DONE && db_next(rows) &&
		 strcmp(db_get(rows, 0), ours != NULL ? ours : "") != 0) {
		clock_format_local(db_get_time(rows, 1), true, as_of);
		buf_addf(&is,
		    "the aggregator had others when it last wrote, as of %s",
		    as_of);
		name = xasprintf("%s: hours and targets", c->tenant);
		add_item(c->report, CHECK_ADVICE, name, buf_str(&is),
		    "restart it after a change of messaging.conf or of a file "
		    "of holidays");
		free(name);
	}
	db_rows_free(rows);
	buf_release(&is);
	return o;
}

static enum outcome
check_terms(struct check_report *r)
{
	struct check_terms c = { .report = r };
	size_t i, n = conf_tenants(r->conf);
	enum outcome o = OUTCOME_DONE;

	for (i = 0; o == OUTCOME_DONE && i < n; i++) {
		c.tenant = conf_tenant(r->conf, i);
		terms_tell(terms_of_tenant(r->terms, text_from(c.tenant)),
		    clock_now_ms(), add_terms, &c);
		o = check_version(&c);
	}
	return o == OUTCOME_DONE ? check_judged(r) : o;
}

/* Streams whose aggregator keeps its state in the database. */
static enum outcome
check_streams(struct check_report *r)
{
	struct db_rows *rows = NULL;
	uint64_t bytes;
	enum outcome o = db_query(r->db, STREAMS_SQL, NULL, 0, &rows);
	char *name, *is, at[CLOCK_TEXT], since[CLOCK_TEXT];

	if (o == OUTCOME_DONE)
		o = db_query_count(r->db, STREAM_STATE_SQL, NULL, 0, &bytes);
	while (o == OUTCOME_DONE && db_next(rows)) {
		clock_format_local(db_get_time(rows, 2), true, at);
		clock_format_local(db_get_time(rows, 3), true, since);
		name = xasprintf("stream %s", db_get(rows, 0));
		is = xasprintf("last flush stored %s, from %s, in charge since "
			       "%s; states take %llu bytes",
		    at, db_get(rows, 1), since, (unsigned long long)bytes);
		add_item(r, CHECK_FINE, name, is, NULL);
		free(name);
		free(is);
	}
	db_rows_free(rows);
	/* Older schemas, and missing privileges, are already reported. */
	return o == OUTCOME_NEVER ? OUTCOME_DONE : o;
}

static enum outcome
run_checks(struct db *db, void *ctx)
{
	static enum outcome (*const checks[])(struct check_report *) = {
		check_server,
		check_schema,
		check_rights,
		check_terms,
		check_streams,
	};
	struct check_report *r = ctx;
	enum outcome o = OUTCOME_DONE;
	size_t i;

	/* Some checks try ALTER TABLE. A transaction may run several times. */
	db_no_trans(db);
	buf_clear(&r->items);
	r->wrong = false;
	for (i = 0; i < ARRAY_LEN(checks) && o == OUTCOME_DONE; i++)
		o = checks[i](r);
	return o;
}

/* If the server is unreachable, the check reports it within five seconds. */
#define WAIT_MS 3000

static enum exit_code
check_database(struct sink *s, struct db **db)
{
	static const struct output_column columns[] = {
		{ "check", OUTPUT_TEXT },
		{ "result", OUTPUT_TEXT },
		{ "detail", OUTPUT_TEXT },
	};
	struct check_report r = {
		.db = *db, .conf = s->common.conf, .terms = s->terms
	};
	struct buf out = BUF_INIT;
	enum exit_code code;

	schema_init(&r.schema);
	db_hurry(*db, WAIT_MS);
	if (db_transaction(*db, run_checks, &r, false) == OUTCOME_DONE) {
		output_records(columns, ARRAY_LEN(columns),
		    output_format_resolve(s->format), &r.items, &out);
		(void)fwrite(out.data, 1, out.len, stdout);
		code = prog_flush();
		if (code == PROG_OK && r.wrong)
			code = PROG_CONFIG;
	} else {
		log_error("%s", db_why(*db));
		code = db_code(*db);
	}
	schema_release(&r.schema);
	buf_release(&r.items);
	buf_release(&out);
	return code;
}

static const struct option_row rows[] = {
	OPTION_FORMAT(struct sink, format),
};

static enum exit_code
run_check(void *options)
{
	return sink_with_terms(options, check_database);
}

const struct option_mode sink_mode_check = {
	.choice = OPTION_MODE("check", "check server, tables and privileges"),
	.about = "Checks the server, the tables and the user's privileges.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.run = run_check,
};
