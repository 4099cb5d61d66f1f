/*
 * migrate: see migrate.h. Compares the files with those applied, applies the
 * rest, then has repaired what is missing, and cut what became too large.
 */
#include "sink/tables/migrate.h"

#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/fault.h"
#include "common/base/log.h"
#include "common/db/schema_number.h"
#include "common/os/stop.h"
#include "sink/tables/day_partitions.h"
#include "sink/tables/repair.h"
#include "sink/tables/thresholds.h"

enum {
	/* Seconds to wait for another migration, in each try. */
	LOCK_S = 1,
	/* The server's error numbers: no such column; the column, the key
	 * exists; the table has no partitions. */
	NO_SUCH_COLUMN = 1054,
	HAS_COLUMN = 1060,
	HAS_KEY = 1061,
	HAS_NO_PARTITIONS = 1505,
};

static const char CREATE_TABLE[] =
    "CREATE TABLE IF NOT EXISTS schema_migrations ("
    "number INT NOT NULL, name VARCHAR(191) NOT NULL, "
    "checksum CHAR(64) NOT NULL, applied_at DATETIME(3) NOT NULL, "
    "PRIMARY KEY (number)) "
    "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin";

/* The state of one try. */
struct migration {
	struct db *db;
	const struct conf *conf;
	struct migrations files;
	int64_t at; /* the number of the last applied file */
	struct buf why;
	enum exit_code code;
};

static enum outcome
refuse_migration(struct migration *m, enum exit_code code)
{
	m->code = code;
	return OUTCOME_NEVER;
}

static enum outcome
stop_migration(struct migration *m)
{
	buf_setf(&m->why, "asked to stop before the schema is that of this "
			  "version; run it again");
	return refuse_migration(m, PROG_TEMPFAIL);
}

/* Lets the server compute the checksums, which saves a library. */
static enum outcome
check_sums(struct migration *m)
{
	struct db_value text;
	struct db_rows *rows;
	struct migration_file *f;
	enum outcome o = OUTCOME_DONE;
	size_t i;

	for (i = 0; i < m->files.n && o == OUTCOME_DONE; i++) {
		f = &m->files.file[i];
		text = db_text(f->text.data, f->text.len);
		o = db_query(m->db, "SELECT SHA2(?, 256)", &text, 1, &rows);
		if (o == OUTCOME_DONE && db_next(rows))
			snprintf(f->checksum, sizeof f->checksum, "%s",
			    db_get(rows, 0));
		db_rows_free(rows);
	}
	return o;
}

/* Compares a row of schema_migrations with the file of that number. */
static enum outcome
compare_applied(struct migration *m, const struct db_rows *rows)
{
	int64_t number = db_get_int(rows, 0);
	const struct migration_file *f;

	if (number > (int64_t)m->files.n) {
		buf_setf(&m->why, "%s", schema_objection(number));
		return refuse_migration(m, PROG_CONFIG);
	}
	f = &m->files.file[number - 1];
	if (strcmp(f->name, db_get(rows, 1)) != 0 ||
	    strcmp(f->checksum, db_get(rows, 2)) != 0) {
		buf_setf(&m->why,
		    "migration %s is not what was applied as %s; put the file "
		    "of that version back",
		    f->name, db_get(rows, 1));
		return refuse_migration(m, PROG_CONFIG);
	}
	m->at = number;
	return OUTCOME_DONE;
}

static enum outcome
read_applied(struct migration *m)
{
	struct db_rows *rows;
	enum outcome o;

	m->at = 0;
	o = db_exec(m->db, CREATE_TABLE, NULL, 0, NULL);
	if (o == OUTCOME_DONE)
		o = db_query(m->db,
		    "SELECT number, name, checksum FROM schema_migrations "
		    "ORDER BY number",
		    NULL, 0, &rows);
	if (o != OUTCOME_DONE)
		return o;
	while (o == OUTCOME_DONE && db_next(rows))
		o = compare_applied(m, rows);
	db_rows_free(rows);
	return o;
}

/* Executes a statement that may have been executed before. */
static enum outcome
execute_again(struct migration *m, struct buf *sql)
{
	bool renames = !db_server(m->db)->mariadb && migrations_for_mysql(sql);
	enum outcome o = db_exec(m->db, buf_str(sql), NULL, 0, NULL);
	unsigned number = db_errno(m->db);

	/* MariaDB and MySQL share no ADD ... IF NOT EXISTS. */
	if (o == OUTCOME_NEVER && (number == HAS_COLUMN || number == HAS_KEY ||
				      number == HAS_NO_PARTITIONS ||
				      (renames && number == NO_SUCH_COLUMN)))
		o = OUTCOME_DONE;
	return o;
}

/* Executes the statements of a file, each of which is repeatable. */
static enum outcome
execute_file(struct migration *m, const struct migration_file *f)
{
	const char *text = buf_str(&f->text);
	struct buf sql = BUF_INIT;
	enum outcome o = OUTCOME_DONE;

	while (o == OUTCOME_DONE && migrations_statement(&text, &sql)) {
		o = execute_again(m, &sql);
		FAULT_POINT("sink.schema_statement");
	}
	buf_release(&sql);
	return o;
}

static enum outcome
apply_file(struct migration *m, const struct migration_file *f)
{
	struct db_value row[4] = { db_int(f->number), db_str(f->name),
		db_str(f->checksum), db_time(clock_now_ms()) };
	enum outcome o = execute_file(m, f);

	/* Commit point: from here on the file is never applied again. */
	if (o == OUTCOME_DONE)
		o = db_exec(m->db,
		    "INSERT INTO schema_migrations "
		    "(number, name, checksum, applied_at) VALUES (?, ?, ?, ?)",
		    row, 4, NULL);
	if (o == OUTCOME_DONE)
		log_info("migrated", "file=%s", f->name);
	return o;
}

/* The connection holds the lock. If it breaks, the migration starts again, and
 * waits for the server to end the statement that was under way: until then it
 * does not see that the client is gone, and keeps the lock. */
static enum outcome
lock_migrations(struct migration *m)
{
	struct db_value wait = db_int(LOCK_S);
	struct db_rows *rows;
	enum outcome o;
	bool mine = false, warned = false;

	while (!mine && !stop_asked()) {
		if (db_wait_left(m->db) == 0) {
			buf_setf(&m->why, "another migration is at work; try "
					  "again when it is done");
			return refuse_migration(m, PROG_TEMPFAIL);
		}
		o = db_query(m->db,
		    "SELECT GET_LOCK(CONCAT('messaging schema ', "
		    "LEFT(MD5(DATABASE()), 16)), ?)",
		    &wait, 1, &rows);
		if (o != OUTCOME_DONE)
			return o;
		mine = db_next(rows) && db_get_int(rows, 0) == 1;
		db_rows_free(rows);
		if (!mine && !warned)
			log_warn("another migration is at work; waiting");
		warned |= !mine;
	}
	return mine ? OUTCOME_DONE : stop_migration(m);
}

/* Applies the files behind m->at. */
static enum outcome
apply_files(struct migration *m)
{
	enum outcome o = OUTCOME_DONE;

	while (o == OUTCOME_DONE && m->at < (int64_t)m->files.n) {
		if (stop_asked())
			return stop_migration(m);
		o = apply_file(m, &m->files.file[m->at]);
		m->at++;
	}
	return o;
}

static enum outcome
migrate_in_transaction(struct db *db, void *ctx)
{
	struct migration *m = ctx;
	enum outcome o;
	int64_t first;

	(void)db;
	o = lock_migrations(m);
	if (o != OUTCOME_DONE)
		return o;
	o = check_sums(m);
	if (o == OUTCOME_DONE)
		o = read_applied(m);
	first = m->at;
	if (o == OUTCOME_DONE)
		o = apply_files(m);
	if (o == OUTCOME_DONE)
		o = repair_schema(m->db, &m->files, &m->why, &m->code);
	if (o == OUTCOME_DONE)
		o = thresholds_write(m->db, m->conf);
	if (o == OUTCOME_DONE)
		o = day_partitions_cut_large(m->db);
	if (o == OUTCOME_DONE)
		log_info("schema", "number=%lld was=%lld", (long long)m->at,
		    (long long)first);
	if (db_connected(m->db) &&
	    db_exec(m->db,
		"DO RELEASE_LOCK(CONCAT('messaging schema ', "
		"LEFT(MD5(DATABASE()), 16)))",
		NULL, 0, NULL) != OUTCOME_DONE)
		log_debug("lock_lost", "it goes with the connection");
	return o;
}

enum exit_code
migrate_run(struct db *db, const struct conf *conf, const char *dir)
{
	struct migration m = { .db = db, .conf = conf, .code = PROG_OK };
	enum exit_code code = PROG_CONFIG;

	if (migrations_read(&m.files, dir, &m.why, &code) != 0) {
		log_error("%s", buf_str(&m.why));
	} else if (db_transaction(db, migrate_in_transaction, &m, false) !=
		   OUTCOME_DONE) {
		/* m.why explains a refusal of ours, db_why() the rest. */
		code = m.code != PROG_OK ? m.code : db_code(db);
		log_error(
		    "%s", m.code != PROG_OK ? buf_str(&m.why) : db_why(db));
	} else {
		code = PROG_OK;
	}
	migrations_release(&m.files);
	buf_release(&m.why);
	return code;
}
