/*
 * age: deletes rows by age: history, even of open chats (--retention), and
 * tombstones and entries of refused_rows that are older than [reaper]
 * tombstones.
 *
 * History is kept since the beginning of the day that contains the time keep_ms
 * ago, so at least keep_ms, and always today. Age is measured by our clock or
 * the database's, whichever is behind, and not by the newest row: a single
 * message with a wrong time in the future would make all others old. If no row
 * of history is young enough to stay, the clock is probably far ahead: nothing
 * is then deleted unless forced.
 *
 * The age of a tombstone is measured in the CRM's time, from the tenant's
 * newest snapshot, or from tenants.newest_at, because a stream has no
 * snapshots; the sink determines in the same way which rows are older than
 * tombstones are kept.
 *
 * The rows of operators who have left are deleted by age with the history,
 * which they give names to. The end of a snapshot deletes them sooner, but the
 * rows of an aggregator with a state are in no snapshot.
 *
 * Old daily partitions are dropped; other old rows are deleted in small
 * transactions. None are archived.
 */
#include "reaper/modes.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/db/db.h"
#include "common/os/stop.h"
#include "common/tables/tables.h"
#include "reaper/rows/rows.h"

/* The server's error numbers for a missing partition: another run has dropped
 * it meanwhile. */
#define NO_PARTITION_TO_DROP 1507
#define UNKNOWN_PARTITION 1735

/* How many seconds to wait for a table that another session uses. Sinks queue
 * behind us meanwhile. */
#define WAIT_S 2

struct age_tenant {
	char *name;
	int64_t newest; /* in the CRM's time; CLOCK_NONE: nothing is stored */
};

/* The rows deleted from a table, as shown in its line. */
enum { GONE_PARTITIONS, GONE_ROWS, GONE_NUMBERS };

struct age {
	struct db *db;
	bool dry_run, force;
	int64_t now; /* by the slower clock */
	struct age_tenant *tenants;
	size_t tenants_n, tenants_cap;
	int64_t before;                 /* history before it is old */
	bool locked;                    /* a table was locked for too long */
	uint64_t (*gone)[GONE_NUMBERS]; /* one for each table, as in tables[] */
};

static void
free_age_tenants(struct age *a)
{
	while (a->tenants_n > 0)
		free(a->tenants[--a->tenants_n].name);
}

static enum outcome
read_clock_and_tenants(struct db *db, void *ctx)
{
	struct age *a = ctx;
	struct age_tenant *t;
	struct db_rows *found;
	enum outcome o;

	free_age_tenants(a);
	a->now = clock_now_ms();
	o = db_query(db,
	    "SELECT tenant, GREATEST(IFNULL(as_of, newest_at), "
	    "IFNULL(newest_at, as_of)), UTC_TIMESTAMP(3) FROM tenants "
	    "ORDER BY tenant",
	    NULL, 0, &found);
	if (o != OUTCOME_DONE)
		return o;
	while (db_next(found)) {
		XGROW(a->tenants, a->tenants_n, a->tenants_cap);
		t = &a->tenants[a->tenants_n++];
		t->name = xstrdup(db_get(found, 0));
		t->newest = db_get_time(found, 1);
		if (db_get_time(found, 2) < a->now)
			a->now = db_get_time(found, 2);
	}
	db_rows_free(found);
	return OUTCOME_DONE;
}

/* Returns the condition for the tenant's rows whose time is so related to
 * `before`. If all messages of a user were withdrawn, the row has no time and
 * counts as being as old as the tenant's data. The caller releases its sql. */
static struct row_condition
compare_age(const struct table *t, const char *tenant, const char *relation,
    int64_t before)
{
	struct row_condition c = { .values = { db_str(tenant), db_time(before),
				       db_time(before) },
		.n = 2 };
	size_t age = t->age != 0 ? t->age : t->at;
	const char *name = t->columns[age].name;

	buf_addf(&c.sql, "tenant = ? AND (`%s` %s ?", name, relation);
	if (!t->columns[age].needed) {
		buf_addf(&c.sql, " OR `%s` IS NULL AND `%s` %s ?", name,
		    t->columns[t->at].name, relation);
		c.n = 3;
	}
	buf_addc(&c.sql, ')');
	return c;
}

/* Deletes the tenant's old rows for which a further condition, or "", is true;
 * in a dry run only counts them. */
static enum outcome
delete_old_rows(struct age *a, const struct table *t, const char *tenant,
    int64_t before, const char *further)
{
	struct row_condition old = compare_age(t, tenant, "<", before);
	enum outcome o;

	buf_adds(&old.sql, further);
	o = row_delete(
	    a->db, t, &old, a->dry_run, &a->gone[t - tables][GONE_ROWS]);
	buf_release(&old.sql);
	return o;
}

/* Searches for a row of history, in any table of any tenant, whose time is so
 * related to a->before. */
static enum outcome
search_history(const struct age *a, const char *relation, bool *found)
{
	const struct table *t;
	struct row_condition c;
	enum outcome o = OUTCOME_DONE;
	size_t i;

	*found = false;
	for (t = tables; t < tables + TABLES_STORED; t++) {
		for (i = 0; t->age != 0 && i < a->tenants_n; i++) {
			c = compare_age(
			    t, a->tenants[i].name, relation, a->before);
			o = row_find(a->db, t, &c, found);
			buf_release(&c.sql);
			if (o != OUTCOME_DONE || *found || stop_asked())
				return o;
		}
	}
	return o;
}

/* Lists a table's partitions (pYYYYMMDD, see sink/store/partitions.h) that only
 * hold old rows. */
static enum outcome
find_partitions(const struct age *a, const struct table *table,
    struct buf *names, uint64_t *n)
{
	static const char form[] = "2026-11-20 00:00:00";
	char text[CLOCK_TEXT];
	struct db_value args[2] = { db_str(table->name) };
	struct db_rows *found;
	enum outcome o = db_connect(a->db);

	/* The server writes bounds in this form, in quotes. */
	clock_format_sql(a->before, text);
	args[1] = db_text(text, strlen(form));
	if (o == OUTCOME_DONE)
		o = db_query(a->db,
		    "SELECT partition_name FROM information_schema.partitions "
		    "WHERE table_schema = DATABASE() AND table_name = ? AND "
		    "partition_description <> 'MAXVALUE' AND "
		    "TRIM(BOTH '''' FROM partition_description) <= ? "
		    "ORDER BY partition_ordinal_position",
		    args, 2, &found);
	if (o != OUTCOME_DONE)
		return o;
	*n = db_rows_count(found);
	buf_clear(names);
	while (db_next(found))
		buf_addf(names, "%s`%s`", names->len > 0 ? ", " : "",
		    db_get(found, 0));
	db_rows_free(found);
	return o;
}

static enum outcome
drop_named_partitions(
    struct db *db, const struct table *table, const char *names)
{
	struct buf sql = BUF_INIT;
	enum outcome o;

	buf_addf(&sql, "ALTER TABLE %s DROP PARTITION %s", table->name, names);
	o = db_alter(db, buf_str(&sql), WAIT_S);
	buf_release(&sql);
	return o;
}

/* Without permission to drop partitions, rows are deleted one by one. If
 * another session locks a table, *left is set: its old rows are left for the
 * next run, which can drop them by day. So are those that are left when another
 * run has dropped some partitions meanwhile. */
static enum outcome
handle_drop_failure(
    struct age *a, const struct table *table, enum outcome o, bool *left)
{
	if (db_cause(a->db) == DB_DENIED) {
		log_warn("no permission to drop partitions of %s; grant ALTER "
			 "and DROP, see grants.sql.example; rows are deleted "
			 "one by one",
		    table->name);
		return OUTCOME_DONE;
	}
	*left = true;
	if (db_errno(a->db) == NO_PARTITION_TO_DROP ||
	    db_errno(a->db) == UNKNOWN_PARTITION)
		return OUTCOME_DONE;
	if (db_cause(a->db) != DB_CONFLICT)
		return o;
	log_error("the table %s is locked by another connection; its old "
		  "partitions are left for the next run",
	    table->name);
	a->locked = true;
	return OUTCOME_DONE;
}

/* In a dry run they are only counted. Sets *left if the table's old rows are
 * left for the next run. */
static enum outcome
drop_old_partitions(struct age *a, const struct table *table, bool *left)
{
	struct buf names = BUF_INIT;
	uint64_t n = 0;
	enum outcome o = find_partitions(a, table, &names, &n);

	if (o == OUTCOME_DONE && n > 0 && !a->dry_run)
		o = drop_named_partitions(a->db, table, buf_str(&names));
	buf_release(&names);
	if (o == OUTCOME_DONE)
		a->gone[table - tables][GONE_PARTITIONS] = n;
	return o == OUTCOME_DONE ? o : handle_drop_failure(a, table, o, left);
}

static enum exit_code
log_age_failure(const struct age *a)
{
	if (stop_asked())
		return PROG_OK;
	log_error("%s", db_why(a->db));
	return db_code(a->db);
}

/* Checks that some row stays: otherwise the clock may be wrong. */
static enum exit_code
check_clock(struct age *a)
{
	char before[CLOCK_TEXT];
	bool found;

	if (search_history(a, ">=", &found) != OUTCOME_DONE)
		return log_age_failure(a);
	if (found || a->force || stop_asked())
		return PROG_OK;
	if (search_history(a, "<", &found) != OUTCOME_DONE)
		return log_age_failure(a);
	if (!found)
		return PROG_OK;
	clock_format(a->before, before);
	log_error("all rows of history are older than %s; is the clock right? "
		  "if so, delete them with --force",
	    before);
	return PROG_DATA;
}

static enum outcome
delete_history_of_table(struct age *a, const struct table *table)
{
	enum outcome o = OUTCOME_DONE;
	bool left = false;
	size_t i;

	if (table->day != 0)
		o = drop_old_partitions(a, table, &left);
	if (left)
		return o;
	for (i = 0; i < a->tenants_n && o == OUTCOME_DONE && !stop_asked(); i++)
		o = delete_old_rows(
		    a, table, a->tenants[i].name, a->before, "");
	return o;
}

/* Deletes the rows of operators who have left. */
static enum outcome
delete_former_operators(struct age *a)
{
	enum outcome o = OUTCOME_DONE;
	size_t i;

	for (i = 0; i < a->tenants_n && o == OUTCOME_DONE && !stop_asked(); i++)
		o = delete_old_rows(a, &tables[TABLE_operator_metrics],
		    a->tenants[i].name, a->before, " AND left_at IS NOT NULL");
	return o;
}

static enum exit_code
delete_history(struct age *a, int64_t keep_ms)
{
	enum exit_code code;
	enum outcome o = OUTCOME_DONE;
	size_t i;

	a->before = clock_floor(a->now - keep_ms, DAY_MS);
	code = check_clock(a);
	if (code != PROG_OK)
		return code;
	for (i = 0; i < TABLES_STORED && o == OUTCOME_DONE && !stop_asked();
	     i++) {
		if (tables[i].age != 0)
			o = delete_history_of_table(a, &tables[i]);
	}
	if (o == OUTCOME_DONE)
		o = delete_former_operators(a);
	if (o != OUTCOME_DONE)
		return log_age_failure(a);
	return a->locked ? PROG_TEMPFAIL : PROG_OK;
}

static enum exit_code
delete_tombstones(struct age *a, int64_t keep_ms)
{
	const struct age_tenant *tenant;
	const struct table *t;
	enum outcome o;
	size_t i;

	for (i = 0; i < a->tenants_n; i++) {
		tenant = &a->tenants[i];
		if (tenant->newest == CLOCK_NONE)
			continue;
		for (t = tables; t < tables + TABLES_STORED; t++) {
			if (t->life != LIFE_TOMBSTONE)
				continue;
			o = delete_old_rows(
			    a, t, tenant->name, tenant->newest - keep_ms, "");
			if (o != OUTCOME_DONE)
				return log_age_failure(a);
			if (stop_asked())
				return PROG_OK;
		}
	}
	return PROG_OK;
}

/* Prints what was deleted, or logs it. A dry run that fails has nothing to
 * show. */
static enum exit_code
show_gone(const struct reaper *r, const struct age *a, bool print)
{
	static const struct output_column columns[] = { { "table",
							    OUTPUT_TEXT },
		{ "partitions", OUTPUT_NUMBER }, { "rows", OUTPUT_NUMBER } };
	struct counts counts;
	enum exit_code code;
	size_t i;

	if (r->dry_run && !print)
		return PROG_OK;
	counts_init(&counts, r, "expired", NULL, columns, ARRAY_LEN(columns));
	counts.prints = counts.prints && print;
	for (i = 0; i < TABLES_STORED; i++)
		if (tables[i].age != 0 || a->gone[i][GONE_ROWS] > 0 ||
		    !counts.prints)
			counts_add(&counts, tables[i].name, a->gone[i]);
	code = counts_print(&counts);
	counts_release(&counts);
	return code;
}

static enum exit_code
begin(struct age *a, const struct reaper *r)
{
	*a = (struct age){ .db = r->db, .dry_run = r->dry_run };
	a->gone = xcalloc(TABLES_STORED, sizeof *a->gone);
	if (db_transaction(a->db, read_clock_and_tenants, a, false) !=
	    OUTCOME_DONE)
		return log_age_failure(a);
	return PROG_OK;
}

static void
end(struct age *a)
{
	free_age_tenants(a);
	free(a->tenants);
	free(a->gone);
}

enum exit_code
age_expire(const struct reaper *r)
{
	int64_t keep_ms = conf_int(r->common.conf, "reaper", "retention");
	struct age a;
	enum exit_code code = begin(&a, r), shown;

	if (code == PROG_OK)
		code = delete_tombstones(
		    &a, conf_int(r->common.conf, "reaper", "tombstones"));
	if (code == PROG_OK && keep_ms > 0)
		code = delete_history(&a, keep_ms);
	shown = show_gone(r, &a, false);
	end(&a);
	return code != PROG_OK ? code : shown;
}

static enum exit_code
delete_and_show(const struct reaper *r)
{
	struct age a;
	enum exit_code code = begin(&a, r), shown;

	a.force = r->force;
	if (code == PROG_OK)
		code = delete_history(
		    &a, conf_int(r->common.conf, "reaper", "retention"));
	shown = show_gone(r, &a, code == PROG_OK || code == PROG_TEMPFAIL);
	end(&a);
	return code != PROG_OK ? code : shown;
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
	    "delete even if all history is older than AGE"),
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
