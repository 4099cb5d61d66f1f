/*
 * check: see check.h. Rights are not read from SHOW GRANTS alone (roles and
 * wildcards make that a guess): each statement the sink needs is tried on no
 * row at all.
 */
#include "sink/check.h"

#include <stdio.h>
#include <string.h>

#include "common/jsonw.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "sink/migrate.h"
#include "sink/tables.h"
#include "sink/thresholds.h"

enum result { FINE, ADVICE, WRONG };

/* As poller --check has them; it gives no advice. */
static const char *const results[] = {
	[FINE] = "ok",
	[ADVICE] = "advice",
	[WRONG] = "failed",
};

struct report {
	struct db *db;
	const struct conf *conf;
	enum out_format format;
	struct out_table table;
	struct buf text;
	bool wrong;
};

static const struct out_column columns[] = {
	{ "check", false },
	{ "result", false },
	{ "detail", false },
};

/* What was looked at, what it is, and what to do unless it is fine. */
static void
item(struct report *r, enum result result, const char *name, const char *is,
    const char *what)
{
	struct buf detail = BUF_INIT;

	r->wrong |= result == WRONG;
	buf_adds(&detail, is);
	if (result != FINE)
		buf_addf(&detail, "; %s", what);
	if (r->format != OUT_NDJSON) {
		out_table_cell(&r->table, name);
		out_table_cell(&r->table, results[result]);
		out_table_cell(&r->table, buf_str(&detail));
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

/* A server variable against what it should be. */
static const struct setting {
	const char *name;
	const char *wanted; /* values that are fine, separated by | */
	const char *other;  /* ... and those that are only advised against */
	const char *what;
} settings[] = {
	{ "innodb_flush_log_at_trx_commit", "1", "2",
	    "set it to 1: else what was acknowledged can be lost in a crash" },
	{ "innodb_doublewrite", "ON|1|DETECT_AND_RECOVER", "DETECT_ONLY",
	    "switch it on: a page torn in a crash cannot be repaired" },
	{ "log_bin", "OFF|0|ON|1", "", "" },
	{ "sync_binlog", "1", "",
	    "set it to 1 while log_bin is on: else log and tables differ after "
	    "a crash" },
	{ "binlog_format", "MIXED|ROW", "",
	    "set it to MIXED or ROW: STATEMENT does not go with READ "
	    "COMMITTED" },
	{ "sql_mode", "*STRICT_ALL_TABLES*", "",
	    "the session cannot be made strict" },
	{ "character_set_connection", "utf8mb4", "",
	    "the connection must speak utf8mb4" },
	{ "time_zone", "+00:00", "", "the session must be in UTC" },
	{ "read_only", "OFF|0", "", "make the server writable" },
};

static bool
one_of(const char *value, const char *list)
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

/* The value of a variable (session's, else global), or "" . */
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
check_settings(struct report *r)
{
	struct buf value = BUF_INIT;
	enum outcome o = OUTCOME_DONE;
	bool binlog = true;
	size_t i;

	for (i = 0; i < ARRAY_LEN(settings) && o == OUTCOME_DONE; i++) {
		const struct setting *s = &settings[i];
		const char *is;
		enum result result = WRONG;

		o = variable(r->db, s->name, &value);
		is = buf_str(&value);
		if (o != OUTCOME_DONE || is[0] == '\0')
			continue;
		if (one_of(is, s->wanted))
			result = FINE;
		else if (one_of(is, s->other))
			result = ADVICE;
		/* Without a binary log its settings do not matter. */
		if (strcmp(s->name, "log_bin") == 0)
			binlog = one_of(is, "ON|1");
		else if (strstr(s->name, "binlog") != NULL && !binlog)
			continue;
		item(r, result, s->name, is, s->what);
	}
	buf_release(&value);
	return o;
}

/* "10.11.19-MariaDB" -> 10.11 as 1011; "8.0.36" -> 800. */
static int
version_number(const char *version)
{
	int major = 0, minor = 0;

	for (; *version >= '0' && *version <= '9'; version++)
		major = major * 10 + (*version - '0');
	if (*version == '.')
		version++;
	for (; *version >= '0' && *version <= '9'; version++)
		minor = minor * 10 + (*version - '0');
	return major * 100 + minor;
}

static void
check_server(struct report *r)
{
	const struct db_server *s = db_server(r->db);
	int version = version_number(s->version), least;
	char text[64];

	least = s->mariadb ? 1005 : 507;
	item(r, version >= least ? FINE : ADVICE, "version", s->version,
	    "MariaDB 10.5 or MySQL 5.7 is the oldest one that is tested for");
	item(r, FINE, "bulk", s->bulk ? "arrays" : "text", "");
	item(r, FINE, "tls",
	    s->cipher != NULL ? s->cipher
	    : s->socket       ? "not needed: a socket of this machine"
			      : "off",
	    "");
	snprintf(text, sizeof text, "%zu", s->max_packet);
	item(r, s->max_packet >= 1024 * 1024 ? FINE : ADVICE,
	    "max_allowed_packet", text,
	    "set it to 1M or more: larger statements are faster");
}

static enum outcome
check_schema(struct report *r)
{
	int64_t number;
	const char *objection;
	char text[32];
	enum outcome o = migrate_number(r->db, &number);

	if (o != OUTCOME_DONE)
		return o;
	snprintf(text, sizeof text, "%lld", (long long)number);
	objection = migrate_objection(number);
	item(r, objection != NULL ? WRONG : FINE, "schema", text,
	    objection != NULL ? objection : "");
	return o;
}

/* Storing rows needs none of this, so the right to read it may be missing; and
 * an older schema was complained of before. */
static enum outcome
check_thresholds(struct report *r)
{
	static const char name[] = "thresholds of alerts and trends";
	struct buf differ = BUF_INIT;
	enum outcome o = thresholds_compare(r->db, r->conf, &differ);

	if (o == OUTCOME_NEVER && db_cause(r->db) == DB_DENIED) {
		item(r, ADVICE, name, "cannot be read",
		    "grant SELECT on figure_settings");
		o = OUTCOME_DONE;
	} else if (o == OUTCOME_NEVER && db_cause(r->db) == DB_SCHEMA) {
		o = OUTCOME_DONE;
	} else if (o == OUTCOME_DONE) {
		item(r, differ.len > 0 ? WRONG : FINE, name,
		    differ.len > 0 ? buf_str(&differ) : "as in [aggregator]",
		    "alerts_all and trends_all go by the table: run `sink "
		    "--migrate` with this configuration");
	}
	buf_release(&differ);
	return o;
}

/* Our tables beside those that rows go to. */
static const struct {
	const char *name;
	bool written; /* else the sink only reads it */
} others[] = {
	{ "schema_migrations", false },
	{ "closed_chats", false },
	{ "tenants", true },
	{ "refused_rows", true },
};

enum { OURS = ARRAY_LEN(others) + TABLES };

static const char *
our_name(size_t i)
{
	return i < ARRAY_LEN(others) ? others[i].name
				     : tables[i - ARRAY_LEN(others)].name;
}

static bool
our_written(size_t i)
{
	return i >= ARRAY_LEN(others) || others[i].written;
}

/* Engine and collation of our tables. */
static enum outcome
check_tables(struct report *r)
{
	struct buf sql = BUF_INIT;
	struct db_rows *rows;
	enum outcome o;
	char name[80];
	size_t i;

	buf_adds(&sql,
	    "SELECT table_name, engine, table_collation "
	    "FROM information_schema.tables WHERE table_schema = DATABASE() "
	    "AND table_type = 'BASE TABLE' AND table_name IN (");
	for (i = 0; i < OURS; i++)
		buf_addf(&sql, "%s'%s'", i > 0 ? ", " : "", our_name(i));
	buf_adds(&sql, ") ORDER BY table_name");
	o = db_query(r->db, buf_str(&sql), NULL, 0, &rows);
	buf_release(&sql);
	if (o != OUTCOME_DONE)
		return o;
	while (db_next(rows)) {
		const char *engine = db_get(rows, 1);
		const char *collation = db_get(rows, 2);

		snprintf(name, sizeof name, "engine of %s", db_get(rows, 0));
		item(r, strcmp(engine, "InnoDB") == 0 ? FINE : WRONG, name,
		    engine, "ALTER TABLE ... ENGINE=InnoDB: others forget");
		snprintf(name, sizeof name, "collation of %s", db_get(rows, 0));
		item(r, strcmp(collation, "utf8mb4_bin") == 0 ? FINE : WRONG,
		    name, collation,
		    "convert it to utf8mb4_bin: else different keys are one");
	}
	db_rows_free(rows);
	return o;
}

/* Tries a statement that is about no row; a right that is missing is noted, a
 * table that is (the schema was looked at before) is not. */
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

/* What the sink does to one of our tables. */
static enum outcome
try_table(struct db *db, size_t i, struct buf *sql, struct buf *missing)
{
	const char *t = our_name(i);
	enum outcome o;

	buf_addf(sql, "SELECT 1 FROM %s WHERE 1 = 0", t);
	o = try_right(db, "SELECT", t, sql, missing);
	if (o != OUTCOME_DONE || !our_written(i))
		return o;
	buf_addf(sql,
	    "INSERT INTO %s (tenant) SELECT tenant FROM %s WHERE 1 = 0", t, t);
	o = try_right(db, "INSERT", t, sql, missing);
	if (o != OUTCOME_DONE)
		return o;
	buf_addf(sql, "UPDATE %s SET tenant = tenant WHERE 1 = 0", t);
	return try_right(db, "UPDATE", t, sql, missing);
}

/* Operators that a snapshot no longer has are removed. */
static enum outcome
try_removal(struct db *db, struct buf *sql, struct buf *missing)
{
	const char *t = tables[TABLE_OPERATOR_METRICS].name;

	buf_addf(sql, "DELETE FROM %s WHERE 1 = 0", t);
	return try_right(db, "DELETE", t, sql, missing);
}

/* Partitions are made as days are met: tried on one that cannot be there. */
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

static enum outcome
check_needed_rights(struct report *r)
{
	struct buf sql = BUF_INIT, missing = BUF_INIT;
	enum outcome o = OUTCOME_DONE;
	size_t i;

	for (i = 0; i < OURS && o == OUTCOME_DONE; i++)
		o = try_table(r->db, i, &sql, &missing);
	if (o == OUTCOME_DONE)
		o = try_removal(r->db, &sql, &missing);
	for (i = 0; i < TABLES && o == OUTCOME_DONE; i++)
		if (tables[i].day >= 0)
			o = try_partitions(
			    r->db, tables[i].name, &sql, &missing);
	if (o == OUTCOME_LATER && db_connected(r->db)) {
		/* A server that is read-only, or full. */
		item(r, WRONG, "rights that are missing", "cannot be tried",
		    db_why(r->db));
		o = OUTCOME_DONE;
	} else if (o == OUTCOME_DONE) {
		item(r, missing.len > 0 ? WRONG : FINE,
		    "rights that are missing",
		    missing.len > 0 ? buf_str(&missing) : "none",
		    "grant them; scripts/grants.sql.example shows how");
	}
	buf_release(&sql);
	buf_release(&missing);
	return o;
}

/* Rights no daemon should have. Those for the whole server are wrong, those
 * for our database only advised against. */
static const char *const dangers[] = { "ALL PRIVILEGES", "SUPER", "FILE",
	"PROCESS", "SHUTDOWN", "RELOAD", "CREATE USER", "GRANT OPTION", "DROP",
	"ALTER", "CREATE", "TRIGGER", "EVENT" };

/* Whether it is about a table whose partitions the sink has to make. */
static bool
is_of_days(const char *grant)
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
		if (p == NULL ||
		    (strcmp(dangers[i], "ALTER") == 0 && is_of_days(grant)))
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

static enum outcome
check_wide_rights(struct report *r)
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
	item(r, everywhere.len > 0 ? WRONG : FINE,
	    "rights for the whole server",
	    everywhere.len > 0 ? buf_str(&everywhere) : "none",
	    "use a user of its own; see scripts/grants.sql.example");
	item(r, here.len > 0 ? ADVICE : FINE, "rights beyond storing rows",
	    here.len > 0 ? buf_str(&here) : "none",
	    "leave them to the user that migrates");
	buf_release(&everywhere);
	buf_release(&here);
	return o;
}

static enum outcome
work(struct db *db, void *ctx)
{
	static enum outcome (*const checks[])(struct report *) = {
		check_schema,
		check_settings,
		check_tables,
		check_thresholds,
		check_needed_rights,
		check_wide_rights,
	};
	struct report *r = ctx;
	enum outcome o = OUTCOME_DONE;
	size_t i;

	(void)db;
	out_table_release(&r->table);
	out_table_init(&r->table, columns, ARRAY_LEN(columns));
	buf_clear(&r->text);
	r->wrong = false;
	check_server(r);
	for (i = 0; i < ARRAY_LEN(checks) && o == OUTCOME_DONE; i++)
		o = checks[i](r);
	return o;
}

enum exit_code
check_run(struct db *db, const struct conf *conf, enum out_format format)
{
	struct report r = { .db = db,
		.conf = conf,
		.format = out_format_resolve(format),
		.text = BUF_INIT };
	enum exit_code code;

	out_table_init(&r.table, columns, ARRAY_LEN(columns));
	if (db_transaction(db, work, &r, false) == OUTCOME_DONE) {
		if (r.format != OUT_NDJSON)
			out_table_show(&r.table, r.format, &r.text);
		fwrite(r.text.data, 1, r.text.len, stdout);
		code = prog_flush();
		if (code == PROG_OK && r.wrong)
			code = PROG_CONFIG;
	} else {
		log_error("%s", db_why(db));
		code = db_code(db);
	}
	out_table_release(&r.table);
	buf_release(&r.text);
	return code;
}

enum outcome
check_start(struct db *db, bool accept_loss, struct buf *why)
{
	const char *objection;
	int64_t number;
	enum outcome o = migrate_number(db, &number);

	if (o != OUTCOME_DONE)
		return o;
	objection = migrate_objection(number);
	if (objection != NULL) {
		buf_setf(why, "database %s: %s", db_name(db), objection);
		return OUTCOME_NEVER;
	}
	if (db_server(db)->flush_at_commit == 0 && !accept_loss) {
		buf_setf(why,
		    "database %s runs with innodb_flush_log_at_trx_commit = 0: "
		    "a crash loses what was acknowledged; set it to 1, or give "
		    "--accept-loss",
		    db_name(db));
		return OUTCOME_NEVER;
	}
	return OUTCOME_DONE;
}
