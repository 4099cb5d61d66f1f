/*
 * migrate: compares the files with what was applied, applies the rest, and
 * repairs what is missing since; see migrate.h.
 */
#include "sink/tables/migrate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/stop.h"
#include "common/base/xalloc.h"
#include "sink/tables/schema.h"
#include "sink/tables/thresholds.h"

enum {
	/* How long another migration is waited for, per try. */
	LOCK_S = 5,
	/* The server's number for it. */
	NO_SUCH_TABLE = 1146,
	/* ... and for a column that is there already. */
	HAS_COLUMN = 1060,
};

static const char CREATE_TABLE[] =
    "CREATE TABLE IF NOT EXISTS schema_migrations ("
    "number INT NOT NULL, name VARCHAR(191) NOT NULL, "
    "checksum CHAR(64) NOT NULL, applied_at DATETIME(3) NOT NULL, "
    "PRIMARY KEY (number)) "
    "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin";

/* What a try of the migration works on. */
struct migration {
	struct db *db;
	const struct conf *conf;
	struct migrations files;
	int64_t at; /* the number the database is at */
	struct buf why;
	enum exit_code code;
};

static enum outcome
refuse(struct migration *m, enum exit_code code)
{
	m->code = code;
	return OUTCOME_NEVER;
}

/* Works out the checksums; the server does it, which saves us a library. */
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

/* One line of schema_migrations against the file of that number. */
static enum outcome
compare(struct migration *m, const struct db_rows *rows)
{
	int64_t number = db_get_int(rows, 0);
	const struct migration_file *f;

	if (number > (int64_t)m->files.n) {
		buf_setf(&m->why, "%s", migrate_objection(number));
		return refuse(m, PROG_CONFIG);
	}
	f = &m->files.file[number - 1];
	if (strcmp(f->name, db_get(rows, 1)) != 0 ||
	    strcmp(f->checksum, db_get(rows, 2)) != 0) {
		buf_setf(&m->why,
		    "migration %s is not what was applied as %s; put the file "
		    "of that version back",
		    f->name, db_get(rows, 1));
		return refuse(m, PROG_CONFIG);
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
		o = compare(m, rows);
	db_rows_free(rows);
	return o;
}

/* The statements of a file, each of which bears being repeated. */
static enum outcome
execute(struct migration *m, const struct migration_file *f)
{
	const char *text = buf_str(&f->text);
	struct buf sql = BUF_INIT;
	enum outcome o = OUTCOME_DONE;

	while (o == OUTCOME_DONE && migrations_statement(&text, &sql)) {
		o = db_exec(m->db, buf_str(&sql), NULL, 0, NULL);
		/* No statement for "unless it is there" is known to both
		 * servers. */
		if (o == OUTCOME_NEVER && db_errno(m->db) == HAS_COLUMN)
			o = OUTCOME_DONE;
	}
	buf_release(&sql);
	return o;
}

static enum outcome
apply(struct migration *m, const struct migration_file *f)
{
	struct db_value row[4] = { db_int(f->number), db_str(f->name),
		db_str(f->checksum), db_time(clock_now_ms()) };
	enum outcome o = execute(m, f);

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

/* The lock is the connection's: if that breaks, so does the lock, and the
 * migration begins anew. */
static enum outcome
take_lock(struct migration *m)
{
	struct db_value wait = db_int(LOCK_S);
	struct db_rows *rows;
	enum outcome o;
	bool mine = false, told = false;

	while (!mine && !stop_asked()) {
		if (db_wait_left(m->db) == 0) {
			buf_setf(&m->why, "another migration is at work; try "
					  "again when it is done");
			return refuse(m, PROG_TEMPFAIL);
		}
		o = db_query(m->db,
		    "SELECT GET_LOCK(CONCAT('messaging schema ', "
		    "LEFT(MD5(DATABASE()), 16)), ?)",
		    &wait, 1, &rows);
		if (o != OUTCOME_DONE)
			return o;
		mine = db_next(rows) && db_get_int(rows, 0) == 1;
		db_rows_free(rows);
		if (!mine && !told)
			log_warn("another migration is at work; waiting");
		told |= !mine;
	}
	return mine ? OUTCOME_DONE : OUTCOME_LATER;
}

/* What is told of a comparison. */
struct faults {
	struct buf mends;   /* statements, one a line */
	struct buf remains; /* of the first that a person has to mend */
	size_t others;      /* that a person has to mend, too */
	size_t n;           /* in all */
};

static void
note_fault(void *ctx, const struct schema_fault *f)
{
	struct faults *all = ctx;

	all->n++;
	if (!f->harmless && all->remains.len == 0)
		buf_setf(&all->remains, "%s; type: %s", f->what, f->sql);
	else if (!f->harmless)
		all->others++;
	else if (f->sql != NULL)
		buf_addf(&all->mends, "%s\n", f->sql);
	if (f->harmless)
		log_info("schema_lacks", "what=\"%s\"", f->what);
}

static enum outcome
compare_schema(struct migration *m, struct faults *all)
{
	struct schema *s = schema_read(&m->files);
	enum outcome o;

	buf_clear(&all->mends);
	buf_clear(&all->remains);
	all->n = all->others = 0;
	o = schema_compare(m->db, s, note_fault, all);
	schema_free(s);
	if (all->others > 0)
		buf_addf(&all->remains,
		    "; `sink --check` tells the other %zu, too", all->others);
	return o;
}

/* Columns come first: views and updates of the files read them. */
static enum outcome
mend(struct migration *m, const struct buf *mends)
{
	const char *p = buf_str(mends);
	struct buf sql = BUF_INIT;
	enum outcome o = OUTCOME_DONE;
	size_t i, len;

	for (; *p != '\0' && o == OUTCOME_DONE; p += len + 1) {
		len = strcspn(p, "\n");
		buf_clear(&sql);
		buf_add(&sql, p, len);
		o = db_exec(m->db, buf_str(&sql), NULL, 0, NULL);
	}
	for (i = 0; i < m->files.n && o == OUTCOME_DONE; i++)
		o = execute(m, &m->files.file[i]);
	buf_release(&sql);
	return o;
}

static enum outcome
repair(struct migration *m)
{
	struct faults all = { .n = 0 };
	enum outcome o = compare_schema(m, &all);

	/* Where a person has to do something first, the files may not fit. */
	if (o == OUTCOME_DONE && all.n > 0 && all.remains.len == 0) {
		o = mend(m, &all.mends);
		if (o == OUTCOME_DONE)
			o = compare_schema(m, &all);
	}
	if (o == OUTCOME_DONE && all.remains.len > 0) {
		buf_setf(&m->why, "%s", buf_str(&all.remains));
		o = refuse(m, PROG_CONFIG);
	} else if (o == OUTCOME_DONE && all.n > 0) {
		buf_setf(&m->why,
		    "the schema is not what it should be, and cannot be "
		    "mended; `sink --check` tells what differs");
		o = refuse(m, PROG_CONFIG);
	}
	buf_release(&all.mends);
	buf_release(&all.remains);
	return o;
}

static enum outcome
work(struct db *db, void *ctx)
{
	struct migration *m = ctx;
	enum outcome o;
	int64_t first;

	(void)db;
	o = take_lock(m);
	if (o != OUTCOME_DONE)
		return o;
	o = check_sums(m);
	if (o == OUTCOME_DONE)
		o = read_applied(m);
	first = m->at;
	while (o == OUTCOME_DONE && m->at < (int64_t)m->files.n) {
		o = apply(m, &m->files.file[m->at]);
		m->at++;
	}
	if (o == OUTCOME_DONE)
		o = repair(m);
	if (o == OUTCOME_DONE)
		o = thresholds_write(m->db, m->conf);
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
	} else if (db_transaction(db, work, &m, false) != OUTCOME_DONE) {
		/* Ours when we refused, else the database's. */
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

enum outcome
migrate_number(struct db *db, int64_t *number)
{
	struct db_rows *rows;
	enum outcome o;

	*number = 0;
	o = db_query(db,
	    "SELECT COALESCE(MAX(number), 0) FROM schema_migrations", NULL, 0,
	    &rows);
	if (o == OUTCOME_NEVER && db_errno(db) == NO_SUCH_TABLE)
		return OUTCOME_DONE;
	if (o == OUTCOME_DONE && db_next(rows))
		*number = db_get_int(rows, 0);
	db_rows_free(rows);
	return o;
}

const char *
migrate_objection(int64_t number)
{
	if (number == 0)
		return "the database has no tables of ours yet; run `sink "
		       "--migrate`";
	if (number < migrations_last)
		return "the database's schema is older than this program; run "
		       "`sink --migrate`";
	if (number > migrations_last)
		return "the database's schema is newer than this program; "
		       "install the newer version";
	return NULL;
}
