/*
 * old_partitions: see old_partitions.h.
 */
#include "reaper/rows/old_partitions.h"

#include <string.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/os/stop.h"

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

enum outcome
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
	log_error("the table %s is in use by somebody for long; its old "
		  "partitions are left for another run",
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

enum outcome
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
