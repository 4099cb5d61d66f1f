/*
 * retention: deletes history by age, whichever chat it belongs to.
 *
 * Kept is everything since the beginning of the day that lies keep_ms back: so
 * never less than keep_ms, and always today. Age is measured by our clock or
 * the database's, whichever is behind, and not by the newest row: one message
 * with a wrong time in the future would make all others old. If no row of
 * history is young enough to stay, a clock far ahead is the likely reason:
 * nothing is deleted then unless forced.
 *
 * Of tables with daily partitions old ones are dropped.
 * Other old rows, there and in other tables, are deleted in small transactions.
 * None of them are archived.
 */
#include "reaper/modes.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/fault.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/db/db.h"
#include "common/os/stop.h"
#include "common/tables/tables.h"
#include "common/text/jsonw.h"
#include "reaper/rows/rules.h"

/* Daily partitions of a table (pYYYYMMDD, see sink/store/partitions.h) that
 * hold only old rows. Dropping one costs the same however many rows it has. */

/* What goes of a table. */
struct old_partitions {
	uint64_t partitions;
	uint64_t rows;
};

/* The server's errors. */
#define NO_PARTITION_TO_DROP 1507
#define UNKNOWN_PARTITION 1735

enum {
	/* How long to wait for a table that another session uses, and how
	 * often. */
	WAIT_S = 2,
	TRIES = 5,
};

/* Another run, or the server with the statement of a killed one, dropped them
 * since they were found. */
static bool
were_dropped_meanwhile(const struct db *db)
{
	return db_errno(db) == NO_PARTITION_TO_DROP ||
	       db_errno(db) == UNKNOWN_PARTITION;
}

/* Lists their names. */
static enum outcome
find_partitions(struct db *db, const struct table *table, int64_t before,
    struct buf *names, uint64_t *n)
{
	static const char form[] = "2026-11-20 00:00:00";
	char text[CLOCK_TEXT];
	struct db_value args[2] = { db_str(table->name) };
	struct db_rows *found;
	enum outcome o = db_connect(db);

	/* The server writes bounds in this form, in quotes. */
	clock_format_sql(before, text);
	args[1] = db_text(text, strlen(form));
	if (o == OUTCOME_DONE)
		o = db_query(db,
		    "SELECT partition_name FROM information_schema.partitions "
		    "WHERE table_schema = DATABASE() AND table_name = ? AND "
		    "partition_description <> 'MAXVALUE' AND "
		    "TRIM(BOTH '''' FROM partition_description) <= ? "
		    "ORDER BY partition_ordinal_position",
		    args, 2, &found);
	if (o != OUTCOME_DONE)
		return o;
	*n = db_rows_count(found);
	while (db_next(found))
		buf_addf(names, "%s`%s`", names->len > 0 ? ", " : "",
		    db_get(found, 0));
	db_rows_free(found);
	return o;
}

/* Counts those with rows before that time only, in ms. */
static enum outcome
old_partitions_count(
    struct db *db, const struct table *table, int64_t before, uint64_t *n)
{
	struct buf names = BUF_INIT;
	enum outcome o = find_partitions(db, table, before, &names, n);

	buf_release(&names);
	return o;
}

/* Adds the number of rows of a partition. A server that counted on, when this
 * client has gone, would keep the table from being altered. */
static enum outcome
count_partition_rows(struct db *db, const struct table *table, const char *name,
    size_t len, uint64_t *rows)
{
	struct buf sql = BUF_INIT;
	struct db_rows *found;
	enum outcome o;

	db_select_within(db, &sql, db_timeout_ms(db) / 2);
	buf_addf(&sql, "COUNT(*) FROM %s PARTITION (%.*s)", table->name,
	    (int)len, name);
	o = db_query(db, buf_str(&sql), NULL, 0, &found);
	buf_release(&sql);
	if (o != OUTCOME_DONE)
		return o;
	if (db_next(found))
		*rows += (uint64_t)db_get_int(found, 0);
	db_rows_free(found);
	return o;
}

/* For the summary only: when an answer does not come in time, the partitions
 * are dropped without the number. Together they may have more rows than are
 * counted while this client waits. */
static uint64_t
count_rows(struct db *db, const struct table *table, const char *names)
{
	enum outcome o = OUTCOME_DONE;
	uint64_t rows = 0;
	size_t len;

	while (*names != '\0' && o == OUTCOME_DONE && !stop_asked()) {
		len = strcspn(names, ",");
		o = count_partition_rows(db, table, names, len, &rows);
		names += len;
		names += strspn(names, ", ");
	}
	if (o != OUTCOME_DONE && !were_dropped_meanwhile(db))
		log_warn("rows of old partitions of %s were not counted: %s",
		    table->name, db_why(db));
	return rows;
}

/* Waits for the table's lock, but not so long that sinks have to wait. */
static enum outcome
drop_named_partitions(
    struct db *db, const struct table *table, const char *names)
{
	struct buf sql = BUF_INIT;
	enum outcome o = OUTCOME_LATER;
	int i;

	buf_addf(&sql, "ALTER TABLE %s DROP PARTITION %s", table->name, names);
	for (i = 0; i < TRIES && o == OUTCOME_LATER && !stop_asked(); i++) {
		o = db_connect(db);
		if (o == OUTCOME_DONE)
			o = db_wait_for_tables(db, WAIT_S);
		if (o == OUTCOME_DONE)
			o = db_exec(db, buf_str(&sql), NULL, 0, NULL);
		if (db_connected(db) && o != OUTCOME_LATER &&
		    db_wait_for_tables(db, 0) != OUTCOME_DONE)
			log_debug("session", "%s", db_why(db));
	}
	buf_release(&sql);
	return o;
}

/* Without the right to drop, rows are deleted one by one; rows of a table that
 * another session locks are left for another run. */
static enum outcome
handle_drop_failure(const struct table *table, const struct db *db,
    enum outcome o, bool *locked)
{
	struct buf grant = BUF_INIT;

	if (db_cause(db) == DB_DENIED) {
		db_grant(db, "ALTER, DROP", table->name, &grant);
		log_warn("no right to drop partitions of %s; %s, see "
			 "grants.sql.example; rows are deleted one by one",
		    table->name, buf_str(&grant));
		buf_release(&grant);
		return OUTCOME_DONE;
	}
	if (db_cause(db) != DB_CONFLICT)
		return o;
	log_error("the table %s is locked by another connection; its old "
		  "partitions are left for the next run",
	    table->name);
	*locked = true;
	return OUTCOME_DONE;
}

static enum outcome
find_and_drop(struct db *db, const struct table *table, int64_t before,
    struct old_partitions *gone, bool *locked)
{
	struct buf names = BUF_INIT;
	uint64_t n = 0, rows = 0;
	enum outcome o = find_partitions(db, table, before, &names, &n);

	if (o == OUTCOME_DONE && n > 0) {
		rows = count_rows(db, table, buf_str(&names));
		o = drop_named_partitions(db, table, buf_str(&names));
		if (o == OUTCOME_DONE) {
			gone->partitions = n;
			gone->rows += rows;
		} else {
			o = handle_drop_failure(table, db, o, locked);
		}
	}
	buf_release(&names);
	return o;
}

/* Drops them, sets gone->partitions, and adds to gone->rows. Without the right
 * to, none is dropped and that is logged; *locked: another session used the
 * table for too long, and they are left for another run. */
static enum outcome
old_partitions_drop(struct db *db, const struct table *table, int64_t before,
    struct old_partitions *gone, bool *locked)
{
	enum outcome o;
	int i = 0;

	do
		o = find_and_drop(db, table, before, gone, locked);
	while (o != OUTCOME_DONE && were_dropped_meanwhile(db) && ++i < TRIES);
	return o;
}

#define BATCH 2000
#define BATCH_TEXT "2000"

struct retention {
	const struct reaper *reap;
	struct db *db;
	int64_t keep_ms;
	bool force;
	int64_t before; /* older rows are deleted */
	char **tenants;
	size_t tenants_n, tenants_cap;
	struct old_partitions *gone; /* table by table as in tables[] */
	size_t table, tenant;        /* the current ones */
	uint64_t affected;
	bool young;  /* a row was found that stays */
	bool locked; /* a table was locked for too long */
};

static void
free_tenant_names(struct retention *t)
{
	while (t->tenants_n > 0)
		free(t->tenants[--t->tenants_n]);
}

/* Sets t->before by the slower clock, and reads the tenants. */
static enum outcome
read_clock_and_tenants(struct db *db, void *ctx)
{
	struct retention *t = ctx;
	struct db_rows *found;
	int64_t now;
	enum outcome o;

	free_tenant_names(t);
	o = db_query(db, "SELECT UTC_TIMESTAMP(3)", NULL, 0, &found);
	if (o != OUTCOME_DONE)
		return o;
	now = db_next(found) ? db_get_time(found, 0) : CLOCK_NONE;
	db_rows_free(found);
	if (clock_now_ms() < now)
		now = clock_now_ms();
	t->before = clock_floor(now - t->keep_ms, DAY_MS);
	o = db_query(
	    db, "SELECT tenant FROM tenants ORDER BY tenant", NULL, 0, &found);
	if (o != OUTCOME_DONE)
		return o;
	while (db_next(found)) {
		XGROW(t->tenants, t->tenants_n, t->tenants_cap);
		t->tenants[t->tenants_n++] = xstrdup(db_get(found, 0));
	}
	db_rows_free(found);
	return OUTCOME_DONE;
}

/* A row of a tenant whose time compares as `compare` says with t->before. One
 * without that time, of a user whose messages were all withdrawn, is as old as
 * what is known of it. Returns the number of values, which it sets. */
static size_t
add_condition(const struct retention *t, const char *compare, struct buf *sql,
    struct db_value args[3])
{
	const struct table *table = &tables[t->table];
	const char *age = rule_column(table, table->age);

	args[0] = db_str(t->tenants[t->tenant]);
	args[1] = args[2] = db_time(t->before);
	if (table->columns[table->age].needed) {
		buf_addf(sql, "tenant = ? AND `%s` %s ?", age, compare);
		return 2;
	}
	buf_addf(sql,
	    "tenant = ? AND (`%s` %s ? OR `%s` IS NULL AND `%s` %s ?)", age,
	    compare, age, rule_column(table, table->at), compare);
	return 3;
}

/* Selects `what` of the current tenant's rows in the current table whose time
 * compares as `compare` says with t->before; `limit` ends the query. */
static enum outcome
select_rows(struct db *db, const struct retention *t, const char *what,
    const char *compare, const char *limit, struct db_rows **found)
{
	struct db_value args[3];
	struct buf sql = BUF_INIT;
	enum outcome o;
	size_t n;

	buf_addf(&sql, "SELECT %s FROM %s WHERE ", what, tables[t->table].name);
	n = add_condition(t, compare, &sql, args);
	buf_adds(&sql, limit);
	o = db_query(db, buf_str(&sql), args, n, found);
	buf_release(&sql);
	return o;
}

/* Whether one row stays. */
static enum outcome
find_young(struct db *db, void *ctx)
{
	struct retention *t = ctx;
	struct db_rows *found;
	enum outcome o = select_rows(db, t, "1", ">=", " LIMIT 1", &found);

	t->young = o == OUTCOME_DONE && db_rows_count(found) > 0;
	db_rows_free(found);
	return o;
}

/* Counts old rows, in a transaction of its own. */
static enum outcome
count_old(struct db *db, void *ctx)
{
	struct retention *t = ctx;
	struct db_rows *found;
	enum outcome o = select_rows(db, t, "COUNT(*)", "<", "", &found);

	if (o == OUTCOME_DONE && db_next(found))
		t->affected = (uint64_t)db_get_int(found, 0);
	db_rows_free(found);
	return o;
}

static enum outcome
delete_old_rows(struct db *db, void *ctx)
{
	struct retention *t = ctx;
	struct db_value args[3];
	struct buf sql = BUF_INIT;
	enum outcome o;
	size_t n;

	buf_addf(&sql, "DELETE FROM %s WHERE ", tables[t->table].name);
	n = add_condition(t, "<", &sql, args);
	buf_adds(&sql, " LIMIT " BATCH_TEXT);
	o = db_exec(db, buf_str(&sql), args, n, &t->affected);
	buf_release(&sql);
	return o;
}

/* Runs work for each table of history and each tenant, and repeats it while
 * `again` returns true; ends early at a young row. */
static enum outcome
for_each_tenant_table(struct retention *t,
    enum outcome (*delete_history)(struct db *db, void *ctx),
    bool (*again)(struct retention *t))
{
	enum outcome o = OUTCOME_DONE;

	for (t->table = 0; t->table < TABLES_STORED; t->table++)
		for (t->tenant = 0;
		     tables[t->table].age >= 0 && t->tenant < t->tenants_n;
		     t->tenant++)
			do {
				o = db_transaction(
				    t->db, delete_history, t, false);
				if (o != OUTCOME_DONE || stop_asked() ||
				    t->young)
					return o;
			} while (again != NULL && again(t));
	return o;
}

static bool
add_counted_rows(struct retention *t)
{
	t->gone[t->table].rows += t->affected;
	return false;
}

static bool
add_deleted_rows(struct retention *t)
{
	FAULT_POINT("reaper.history_deleted");
	t->gone[t->table].rows += t->affected;
	return t->affected == BATCH;
}

static enum outcome
drop_partitions(struct retention *t)
{
	enum outcome o = OUTCOME_DONE;

	for (t->table = 0; t->table < TABLES_STORED && o == OUTCOME_DONE;
	     t->table++) {
		if (tables[t->table].day >= 0 && !stop_asked())
			o = old_partitions_drop(t->db, &tables[t->table],
			    t->before, &t->gone[t->table], &t->locked);
	}
	return o;
}

/* Dry run: counts the partitions to drop; their rows count as old rows. */
static enum outcome
count_partitions(struct retention *t)
{
	enum outcome o = OUTCOME_DONE;

	for (t->table = 0; t->table < TABLES_STORED && o == OUTCOME_DONE;
	     t->table++) {
		if (tables[t->table].day >= 0)
			o = old_partitions_count(t->db, &tables[t->table],
			    t->before, &t->gone[t->table].partitions);
	}
	return o;
}

static enum exit_code
log_retention_failure(const struct retention *t)
{
	if (stop_asked())
		return PROG_OK;
	log_error("%s", db_why(t->db));
	return db_code(t->db);
}

/* Checks that some row stays: else the clock may be wrong. *nothing: there is
 * no old row either. */
static enum exit_code
check_clock(struct retention *t, bool *nothing)
{
	char before[CLOCK_TEXT];
	uint64_t old = 0;
	size_t i;

	*nothing = false;
	if (for_each_tenant_table(t, find_young, NULL) != OUTCOME_DONE)
		return log_retention_failure(t);
	if (t->young) {
		t->young = false;
		return PROG_OK;
	}
	if (for_each_tenant_table(t, count_old, add_counted_rows) !=
	    OUTCOME_DONE)
		return log_retention_failure(t);
	for (i = 0; i < TABLES_STORED; i++) {
		old += t->gone[i].rows;
		t->gone[i].rows = 0;
	}
	*nothing = old == 0;
	if (old == 0 || t->force)
		return PROG_OK;
	clock_format(t->before, before);
	log_error("all %" PRIu64 " rows of history are older than %s; is the "
		  "clock right? if so, delete them with --force",
	    old, before);
	return PROG_DATA;
}

static enum exit_code
delete_history(struct retention *t)
{
	bool dry = t->reap->dry_run, nothing;
	enum exit_code code;
	enum outcome o;

	if (db_transaction(t->db, read_clock_and_tenants, t, false) !=
	    OUTCOME_DONE)
		return log_retention_failure(t);
	code = check_clock(t, &nothing);
	if (code != PROG_OK || stop_asked())
		return code;
	o = dry ? count_partitions(t) : drop_partitions(t);
	if (o == OUTCOME_DONE && !nothing && !stop_asked())
		o = dry ? for_each_tenant_table(t, count_old, add_counted_rows)
			: for_each_tenant_table(
			      t, delete_old_rows, add_deleted_rows);
	if (o != OUTCOME_DONE)
		return log_retention_failure(t);
	return t->locked ? PROG_TEMPFAIL : PROG_OK;
}

static void
show_table_counts(const struct retention *t, size_t i, enum output_format f,
    struct output_table *table, struct buf *text)
{
	char number[24];

	if (f == OUTPUT_NDJSON) {
		jsonw_open(text);
		jsonw_str(text, "type", "expired");
		jsonw_str(text, "table", tables[i].name);
		jsonw_int(text, "partitions", (int64_t)t->gone[i].partitions);
		jsonw_int(text, "rows", (int64_t)t->gone[i].rows);
		jsonw_line(text);
		return;
	}
	output_table_cell(table, tables[i].name);
	snprintf(number, sizeof number, "%" PRIu64, t->gone[i].partitions);
	output_table_cell(table, number);
	snprintf(number, sizeof number, "%" PRIu64, t->gone[i].rows);
	output_table_cell(table, number);
}

static enum exit_code
show_gone(const struct retention *t)
{
	static const struct output_column columns[] = { { "table",
							    OUTPUT_TEXT },
		{ "partitions", OUTPUT_NUMBER }, { "rows", OUTPUT_NUMBER } };
	const struct reaper *r = t->reap;
	enum output_format f = output_format_resolve(r->format);
	struct output_table table;
	struct buf text = BUF_INIT;
	enum exit_code code = PROG_OK;
	size_t i;

	output_table_init(&table, columns, ARRAY_LEN(columns));
	for (i = 0; i < TABLES_STORED; i++)
		if (tables[i].age >= 0)
			show_table_counts(t, i, f, &table, &text);
	if (f != OUTPUT_NDJSON)
		output_table_show(&table, f, &text);
	if (reaper_prints(r, f))
		code = reaper_print(&text);
	output_table_release(&table);
	buf_release(&text);
	return code;
}

static void
log_gone(const struct retention *t)
{
	size_t i;

	for (i = 0; i < TABLES_STORED; i++)
		if (t->gone[i].partitions + t->gone[i].rows > 0)
			log_info("history_expired",
			    "table=%s partitions=%" PRIu64 " rows=%" PRIu64,
			    tables[i].name, t->gone[i].partitions,
			    t->gone[i].rows);
}

enum exit_code
retention_run(const struct reaper *r, int64_t keep_ms, bool force, bool show)
{
	struct retention t = {
		.reap = r, .db = r->db, .keep_ms = keep_ms, .force = force
	};
	enum exit_code code, shown = PROG_OK;

	t.gone = xcalloc(TABLES_STORED, sizeof *t.gone);
	code = delete_history(&t);
	if (!r->dry_run)
		log_gone(&t);
	if (show && (code == PROG_OK || code == PROG_TEMPFAIL))
		shown = show_gone(&t);
	free_tenant_names(&t);
	free(t.tenants);
	free(t.gone);
	return code != PROG_OK ? code : shown;
}

static enum exit_code
delete_and_show(const struct reaper *r)
{
	return retention_run(
	    r, conf_int(r->common.conf, "reaper", "retention"), r->force, true);
}

static enum exit_code
run_retention(void *options)
{
	return reaper_with_db(options, delete_and_show);
}

static const struct option_row options_rows[] = {
	OPTION_FORMAT(struct reaper, format),
	REAPER_DRY_RUN,
	OPTION_FLAG("force", struct reaper, force,
	    "delete although no row of history is young enough to stay"),
};

const struct option_mode reaper_mode_retention = {
	.choice = OPTION_TEXT(0, "retention", "AGE", struct reaper, retention,
	    "delete history that is older, such as 30d"),
	.about =
	    "Deletes history that is older than AGE, such as 30d, by day.\n",
	.rows = options_rows,
	.rows_n = ARRAY_LEN(options_rows),
	.run = run_retention,
};
