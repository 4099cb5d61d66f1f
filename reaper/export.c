/*
 * export: reaper --export; see rights.h. The first line says of whom and when;
 * behind it is each row as a row record, then each line of the files.
 */
#include "reaper/rights.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/endpoint/endpoint.h"
#include "common/os/file.h"
#include "common/text/jsonw.h"
#include "reaper/rights/day_slices.h"
#include "reaper/rights/personal.h"
#include "reaper/rows/row_export.h"

struct export_run {
	struct subject_lines *lines;
	struct subject *subject;
	const struct personal *personal; /* of the current table */
	struct day_slice slice;
	struct row_export export;
	struct buf text; /* of the current slice */
	int fd;
	bool any, failed;
};

static void
write_export(struct export_run *e)
{
	if (e->text.len > 0 && !e->failed)
		e->failed =
		    file_write_all(e->fd, e->text.data, e->text.len) != 0;
	buf_clear(&e->text);
}

/* After the commit, so that a slice that was repeated is written once. */
static void
write_slice(void *ctx)
{
	struct export_run *e = ctx;

	e->any = e->any || e->text.len > 0;
	write_export(e);
}

static enum outcome
export_slice(struct db *db, void *ctx)
{
	struct export_run *e = ctx;
	struct buf where = BUF_INIT;
	enum outcome o = db_connect(db);

	buf_clear(&e->text);
	if (o == OUTCOME_DONE) {
		buf_adds(&where, "tenant = ");
		db_quote(db, &where, db_str(e->subject->tenant));
		buf_adds(&where, " AND (");
		personal_write(&where, e->personal->about, e->subject);
		buf_addc(&where, ')');
		day_slice_write(db, &e->slice, &where);
		o = row_export_append(&e->export, db, e->slice.table->name,
		    buf_str(&where), &e->text);
	}
	buf_release(&where);
	return o;
}

static enum exit_code
export_tables(struct export_run *e)
{
	enum outcome o = OUTCOME_DONE;
	size_t i;

	e->slice.tenant = e->subject->tenant;
	for (i = 0; i < personal_tables_n && o == OUTCOME_DONE && !e->failed;
	     i++) {
		e->personal = &personal_tables[i];
		e->slice.table = &tables[e->personal->table];
		o = day_slices_each(
		    e->subject->db, &e->slice, export_slice, write_slice, e);
	}
	if (o == OUTCOME_DONE)
		return PROG_OK;
	log_error("%s", db_why(e->subject->db));
	return db_code(e->subject->db);
}

static bool
export_line(void *ctx, const char *line, size_t len)
{
	struct export_run *e = ctx;

	if (subject_lines_match(e->lines, line, len)) {
		e->any = true;
		buf_add(&e->text, line, len);
		buf_addc(&e->text, '\n');
		write_export(e);
	}
	return true;
}

static enum exit_code
export_file(void *ctx, const char *path)
{
	return rights_read_lines(path, export_line, ctx);
}

static void
write_head(struct export_run *e)
{
	const struct subject *s = e->subject;

	jsonw_open(&e->text);
	jsonw_str(&e->text, "type", "export");
	jsonw_str(&e->text, "tenant", s->tenant);
	jsonw_str(&e->text, "customer", s->id);
	jsonw_time(&e->text, "at", clock_now_ms());
	jsonw_time(&e->text, "forgotten_at", s->asked_at);
	jsonw_line(&e->text);
	write_export(e);
}

/* Opens what -t names, for nobody else to read. */
static int
open_export(const char *path)
{
	int fd;

	if (path == NULL || strcmp(path, "-") == 0)
		return STDOUT_FILENO;
	fd = open(path,
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY,
	    S_IRUSR | S_IWUSR);
	if (fd >= 0 && fchmod(fd, S_IRUSR | S_IWUSR) != 0) {
		(void)close(fd);
		fd = -1;
	}
	return fd;
}

static enum exit_code
export_all(const struct reaper *r, struct export_run *e)
{
	enum exit_code code;

	write_head(e);
	code = export_tables(e);
	if (code == PROG_OK)
		code = rights_each_file(r, export_file, e);
	if (code == PROG_OK && !e->any) {
		log_error("nothing is kept about a customer of '%s' with this "
			  "id",
		    e->subject->tenant);
		code = PROG_NOINPUT;
	}
	return code;
}

static enum exit_code
export_subject(const struct reaper *r, struct subject_lines *l)
{
	struct export_run e = { .lines = l, .subject = l->subject };
	const char *to = r->to != NULL ? r->to : "-";
	struct buf why = BUF_INIT;
	enum exit_code code = PROG_CANTCREATE;

	e.fd = open_export(to);
	if (e.fd >= 0) {
		code = export_all(r, &e);
		if (e.fd != STDOUT_FILENO && !e.failed)
			e.failed = fsync(e.fd) != 0;
	}
	if (e.fd < 0 || e.failed) {
		code = syserr_explain(&why, PROG_IO, "cannot write '%s'", to);
		log_error("%s", buf_str(&why));
	}
	if (e.fd >= 0 && e.fd != STDOUT_FILENO)
		(void)close(e.fd);
	row_export_release(&e.export);
	buf_release(&e.text);
	buf_release(&why);
	return code;
}

static int
check_export(void *options)
{
	const struct reaper *r = options;

	if (r->to != NULL && endpoint_is_queue(r->to))
		return prog_usage_error("-t takes a file: what is kept about "
					"a customer is sent to no queue");
	return -1;
}

static enum exit_code
read_and_export(const struct reaper *r)
{
	return rights_read_and(r, export_subject);
}

static enum exit_code
run_export(void *options)
{
	return reaper_with_db(options, read_and_export);
}

static const struct option_row export_rows[] = {
	OPTION_TEXT('t', "to", "TO", struct reaper, to,
	    "where the lines go: -, or a file"),
	RIGHTS_OPTIONS,
};

const struct option_mode reaper_mode_export = {
	.choice = OPTION_TEXT(0, "export", "CUSTOMER", struct reaper, export,
	    "write all that is kept about a customer"),
	.about = "Writes all that is kept about the customer with that id of "
		 "the CRM.\n",
	.rows = export_rows,
	.rows_n = ARRAY_LEN(export_rows),
	.check = check_export,
	.run = run_export,
};
