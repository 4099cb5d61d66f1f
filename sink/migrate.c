/*
 * migrate: reads the folder, compares it with what was applied, applies the
 * rest; see migrate.h.
 */
#include "sink/migrate.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/stop.h"
#include "common/xalloc.h"
#include "sink/thresholds.h"

enum {
	/* A migration file is never that large. */
	FILE_MAX = 1024 * 1024,
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

struct file {
	int64_t number;
	char *name;
	struct buf text;
	char checksum[65];
};

struct files {
	struct file *file;
	size_t n, cap;
};

/* What a try of the migration works on. */
struct migration {
	struct db *db;
	const struct conf *conf;
	struct files files;
	int64_t at; /* the number the database is at */
	struct buf why;
	enum exit_code code;
};

static void
files_release(struct files *f)
{
	size_t i;

	for (i = 0; i < f->n; i++) {
		free(f->file[i].name);
		buf_release(&f->file[i].text);
	}
	free(f->file);
}

/* "0001_name.sql" -> 1; 0 for any other name. */
static int64_t
file_number(const char *name)
{
	size_t digits = strspn(name, "0123456789"), len = strlen(name);

	if (digits != 4 || name[4] != '_' || len < 10 ||
	    strcmp(name + len - 4, ".sql") != 0)
		return 0;
	return strtol(name, NULL, 10);
}

static int
by_number(const void *a, const void *b)
{
	const struct file *f = a, *g = b;

	return (f->number > g->number) - (f->number < g->number);
}

static int
read_file(struct file *f, const char *dir, struct buf *why)
{
	char *path = xasprintf("%s/%s", dir, f->name), *room;
	FILE *in = fopen(path, "re");
	size_t n;
	int rc = -1;

	if (in == NULL) {
		buf_setf(why, "cannot open '%s': %s", path, log_errno(errno));
		goto out;
	}
	room = buf_room(&f->text, FILE_MAX);
	n = fread(room, 1, FILE_MAX, in);
	buf_grown(&f->text, n);
	if (ferror(in) || n == FILE_MAX || n == 0)
		buf_setf(why, "cannot read '%s': %s", path,
		    ferror(in) ? log_errno(errno)
		    : n > 0    ? "it is too large"
			       : "it is empty");
	else
		rc = 0;
	fclose(in);
out:
	free(path);
	return rc;
}

/* All files of the folder, in order, without a gap, up to MIGRATE_SCHEMA. */
static int
read_folder(struct files *f, const char *dir, struct buf *why)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	int64_t number;
	size_t i;

	if (d == NULL) {
		buf_setf(why, "cannot open '%s': %s; is the program installed?",
		    dir, log_errno(errno));
		return -1;
	}
	while ((entry = readdir(d)) != NULL) {
		number = file_number(entry->d_name);
		if (number == 0)
			continue;
		XGROW(f->file, f->n, f->cap);
		memset(&f->file[f->n], 0, sizeof f->file[f->n]);
		f->file[f->n].number = number;
		f->file[f->n++].name = xstrdup(entry->d_name);
	}
	closedir(d);
	if (f->n > 0)
		qsort(f->file, f->n, sizeof *f->file, by_number);
	for (i = 0; i < f->n; i++) {
		if (f->file[i].number != (int64_t)i + 1)
			break;
		if (read_file(&f->file[i], dir, why) != 0)
			return -1;
	}
	if (i == f->n && f->n == MIGRATE_SCHEMA)
		return 0;
	buf_setf(why,
	    "'%s' should hold the migrations 0001 to %04d and does not; "
	    "install program and data of one version",
	    dir, MIGRATE_SCHEMA);
	return -1;
}

bool
migrate_statement(const char **text, struct buf *sql)
{
	const char *line = *text, *end, *last;

	buf_clear(sql);
	for (; *line != '\0'; line = end) {
		end = strchr(line, '\n');
		end = end != NULL ? end + 1 : line + strlen(line);
		last = line;
		while (last < end && (*last == ' ' || *last == '\t'))
			last++;
		if (strncmp(last, "--", 2) == 0 || *last == '\n')
			continue;
		buf_add(sql, line, (size_t)(end - line));
		for (last = end; last > line && strchr(" \t\r\n", last[-1]);)
			last--;
		if (last > line && last[-1] == ';') {
			sql->len -= (size_t)(end - last) + 1;
			sql->data[sql->len] = '\0';
			*text = end;
			return true;
		}
	}
	*text = line;
	return sql->len > 0;
}

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
	struct file *f;
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
	const struct file *f;

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

static enum outcome
apply(struct migration *m, const struct file *f)
{
	const char *text = buf_str(&f->text);
	struct buf sql = BUF_INIT;
	struct db_value row[4] = { db_int(f->number), db_str(f->name),
		db_str(f->checksum), db_time(clock_now_ms()) };
	enum outcome o = OUTCOME_DONE;

	while (o == OUTCOME_DONE && migrate_statement(&text, &sql)) {
		o = db_exec(m->db, buf_str(&sql), NULL, 0, NULL);
		/* No statement for "unless it is there" is known to both
		 * servers. */
		if (o == OUTCOME_NEVER && db_errno(m->db) == HAS_COLUMN)
			o = OUTCOME_DONE;
	}
	buf_release(&sql);
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
	bool mine = false;

	while (!mine && !stop_asked()) {
		o = db_query(m->db,
		    "SELECT GET_LOCK(CONCAT('messaging schema ', "
		    "LEFT(MD5(DATABASE()), 16)), ?)",
		    &wait, 1, &rows);
		if (o != OUTCOME_DONE)
			return o;
		mine = db_next(rows) && db_get_int(rows, 0) == 1;
		db_rows_free(rows);
		if (!mine)
			log_warn("another migration is at work; waiting");
	}
	return mine ? OUTCOME_DONE : OUTCOME_LATER;
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
	enum exit_code code = PROG_OK;

	if (read_folder(&m.files, dir, &m.why) != 0) {
		log_error("%s", buf_str(&m.why));
		code = PROG_CONFIG;
	} else if (db_transaction(db, work, &m, false) != OUTCOME_DONE) {
		/* Ours when we refused, else the database's. */
		code = m.code != PROG_OK ? m.code : db_code(db);
		log_error(
		    "%s", m.code != PROG_OK ? buf_str(&m.why) : db_why(db));
	}
	files_release(&m.files);
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
	if (number < MIGRATE_SCHEMA)
		return "the database's schema is older than this program; run "
		       "`sink --migrate`";
	if (number > MIGRATE_SCHEMA)
		return "the database's schema is newer than this program; "
		       "install the newer version";
	return NULL;
}
