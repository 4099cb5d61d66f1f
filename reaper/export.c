/*
 * export: reaper --export; see rights.h. The first line names the customer and
 * the time; then come each row as a row record, and each line of the files.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/endpoint/endpoint.h"
#include "common/json/jsonw.h"
#include "common/os/file.h"
#include "reaper/rights.h"
#include "reaper/rights/day_slices.h"
#include "reaper/rights/line_file.h"
#include "reaper/rights/personal_tables.h"
#include "reaper/rows/rows.h"

/* Opens a new file that no other user may read; "-" is stdout. Returns -1 with
 * errno. */
static int
open_output(const char *path)
{
	if (strcmp(path, "-") == 0)
		return STDOUT_FILENO;
	return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
	    S_IRUSR | S_IWUSR);
}

/* keep: syncs and keeps the file; otherwise removes it. Returns -1 with errno
 * if it cannot be kept. */
static int
close_output(int fd, const char *path, bool keep)
{
	int rc = 0, err;

	if (fd == STDOUT_FILENO)
		return 0;
	if (keep && (fsync(fd) != 0 || file_sync_folder_of(path) != 0))
		rc = -1;
	err = errno;
	if (!keep || rc != 0)
		(void)unlink(path);
	(void)close(fd);
	errno = err;
	return rc;
}

struct export_run {
	struct subject_lines *lines;
	struct subject *subject;
	const struct personal_table *personal; /* of the current table */
	struct day_slice slice;
	struct buf head;
	struct buf text; /* of the current slice */
	int to;
	bool any;
	int failed; /* errno of a failed write; 0: none */
};

static void
write_export_lines(struct export_run *e, const struct buf *lines)
{
	if (e->failed == 0 &&
	    file_write_all(e->to, lines->data, lines->len) != 0)
		e->failed = errno;
}

static void
write_export(struct export_run *e)
{
	if (e->text.len == 0)
		return;
	if (!e->any)
		write_export_lines(e, &e->head);
	e->any = true;
	write_export_lines(e, &e->text);
	buf_clear(&e->text);
}

static enum outcome
export_slice(struct db *db, void *ctx)
{
	struct export_run *e = ctx;
	struct buf where = BUF_INIT;
	enum outcome o = db_connect(db);

	buf_clear(&e->text);
	if (o == OUTCOME_DONE) {
		personal_write_rows(
		    &where, e->personal->about, e->subject, &e->slice);
		o = row_export_append(
		    db, e->slice.table, buf_str(&where), &e->text);
	}
	buf_release(&where);
	return o;
}

static enum exit_code
export_tables(struct export_run *e)
{
	struct db *db = e->subject->db;
	enum outcome o = OUTCOME_DONE;
	size_t i;

	for (i = 0; i < personal_tables_n && e->failed == 0; i++) {
		e->personal = &personal_tables[i];
		e->slice = (struct day_slice){
			.table = &tables[e->personal->table],
			.tenant = e->subject->tenant,
		};
		while (day_slice_next(db, &e->slice, &o)) {
			o = db_transaction(db, export_slice, e, false);
			/* Once, even if the transaction was repeated. */
			if (o == OUTCOME_DONE)
				write_export(e);
		}
	}
	return o == OUTCOME_DONE ? PROG_OK
				 : reaper_log_failure(e->subject->db, o);
}

static bool
export_line(void *ctx, const char *line, size_t len, struct buf *instead)
{
	struct export_run *e = ctx;

	(void)instead;
	if (subject_lines_match(e->lines, line, len, NULL)) {
		buf_add(&e->text, line, len);
		buf_addc(&e->text, '\n');
		write_export(e);
	}
	return false;
}

static enum exit_code
export_file(void *ctx, const char *path)
{
	struct export_run *e = ctx;
	enum exit_code code;

	e->lines->broken = 0;
	code = line_file_read(path, export_line, e);
	/* The caller explains the error. There is no point in reading another
	 * file. */
	if (e->failed != 0)
		return PROG_CANTCREATE;
	if (code == PROG_OK)
		rights_warn_of_broken(e->lines, path);
	return code;
}

/* Written before the first line. */
static void
write_head(struct export_run *e)
{
	const struct subject *s = e->subject;

	jsonw_open(&e->head);
	jsonw_str(&e->head, "type", "export");
	jsonw_str(&e->head, "tenant", s->tenant);
	jsonw_str(&e->head, "customer", s->id);
	jsonw_time(&e->head, "at", clock_now_ms());
	jsonw_time(&e->head, "forgotten_at", s->asked_at);
	jsonw_line(&e->head);
}

static enum exit_code
export_customer(const struct reaper *r, struct export_run *e)
{
	enum exit_code code;

	write_head(e);
	code = export_tables(e);
	if (code == PROG_OK && e->failed == 0)
		code = rights_each_file(r, export_file, e);
	if (code == PROG_OK && !e->any) {
		log_error("tenant '%s' has no data about a customer with this "
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
	enum exit_code code;

	e.to = open_output(to);
	if (e.to < 0)
		return syserr_log(PROG_CANTCREATE, "cannot write '%s'", to);
	code = export_customer(r, &e);
	if (e.failed != 0) {
		errno = e.failed;
		code = syserr_log(PROG_CANTCREATE, "cannot write '%s'", to);
	}
	if (close_output(e.to, to, code == PROG_OK) != 0)
		code = syserr_log(PROG_CANTCREATE, "cannot write '%s'", to);
	buf_release(&e.head);
	buf_release(&e.text);
	return code;
}

static int
check_export(void *options)
{
	const struct reaper *r = options;

	if (r->to != NULL && endpoint_amqp_name(r->to) != NULL)
		return prog_usage_error("-t needs a file; a customer's data is "
					"not sent to a queue");
	return rights_check_options(options);
}

/* A file that grows while it is read would never end. */
static enum exit_code
refuse_stdout(void *ctx, const char *path)
{
	(void)ctx;
	if (file_is_at(STDOUT_FILENO, path, true) != 0)
		return PROG_OK;
	return (enum exit_code)prog_usage_error(
	    "the export on standard output would overwrite its input '%s'; "
	    "choose another file with -t",
	    path);
}

static enum exit_code
read_and_export(const struct reaper *r)
{
	enum exit_code code = PROG_OK;

	if (r->to == NULL || strcmp(r->to, "-") == 0)
		code = rights_each_file(r, refuse_stdout, NULL);
	return code == PROG_OK ? rights_read_and(r, export_subject) : code;
}

static enum exit_code
run_customer_export(void *options)
{
	return reaper_with_db(options, read_and_export);
}

static const struct option_row export_rows[] = {
	OPTION_TEXT('t', "to", "TO", struct reaper, to,
	    "where the lines go: -, or a new file"),
	RIGHTS_OPTIONS,
};

const struct option_mode reaper_mode_export = {
	.choice = OPTION_TEXT(0, "export", "CUSTOMER", struct reaper, export,
	    "write all data about a customer"),
	.about = "Writes all data about the customer with this id in the "
		 "CRM.\n",
	.rows = export_rows,
	.rows_n = ARRAY_LEN(export_rows),
	.check = check_export,
	.run = run_customer_export,
};
