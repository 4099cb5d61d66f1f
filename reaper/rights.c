/*
 * rights: see rights.h; what both modes do.
 */
#include "reaper/rights.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/prog.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/os/stop.h"
#include "common/records/record.h"
#include "common/text/flat.h"
#include "reaper/files/line_file.h"

/* Whether a file is one of records, and not what somebody named by mistake: a
 * compressed archive, a sheet, a program. */

/* Whether it begins as gzip, xz, zstd or bzip2 write. */
static bool
is_compressed(int fd)
{
	static const struct {
		const char *bytes;
		size_t len;
	} begins[] = { { "\x1f\x8b", 2 }, { "\xfd\x37zXZ", 5 },
		{ "\x28\xb5\x2f\xfd", 4 }, { "BZh", 3 } };
	char head[8];
	ssize_t n = pread(fd, head, sizeof head, 0);
	size_t i;

	for (i = 0; i < ARRAY_LEN(begins); i++)
		if (n >= (ssize_t)begins[i].len &&
		    memcmp(head, begins[i].bytes, begins[i].len) == 0)
			return true;
	return false;
}

static enum exit_code
refuse(const char *path, const char *reason, struct buf *why)
{
	buf_setf(why, "'%s' is not a file of records: %s", path, reason);
	return PROG_DATA;
}

/* Whether it may be what a write left that did not reach its end. */
static bool
is_remainder(const struct line_reader *r, bool binary)
{
	return binary || (r->unended && r->line[0] == '{');
}

static enum exit_code
check_lines(int fd, const char *path, bool ours, struct buf *why)
{
	struct flat flat = FLAT_INIT;
	bool other = false, json = false, binary, refused = false;
	struct line_reader r;

	line_reader_init(&r, fd, path);
	while (!refused && line_reader_next(&r, why)) {
		binary = memchr(r.line, '\0', r.len) != NULL;
		refused = binary && !ours;
		other = other || (r.len > 0 && !is_remainder(&r, binary));
		json = json || flat_parse(&flat, r.line, r.len, NULL) == 0;
	}
	if (refused)
		r.code = refuse(path,
		    "it has NUL bytes; use an uncompressed file of lines", why);
	else if (r.code == PROG_OK && other && !json)
		r.code = refuse(path, "no line of it is JSON", why);
	line_reader_release(&r);
	flat_release(&flat);
	return r.code;
}

/* PROG_OK where a line is JSON, and where there is no file or no line, or only
 * the beginning of one. PROG_DATA and *why where none is, where a line has a
 * NUL byte, and of a compressed file; another code and *why when it cannot be
 * read. ours: the archive that the reaper itself writes, in which a power cut
 * may leave lines with NUL bytes. */
static enum exit_code
records_file_check(const char *path, bool ours, struct buf *why)
{
	int fd = line_reader_open(path);
	enum exit_code code;

	if (fd < 0)
		return errno == ENOENT ? PROG_OK
				       : line_reader_explain_open(path, why);
	code = is_compressed(fd)
		   ? refuse(path, "it is compressed; decompress it first", why)
		   : check_lines(fd, path, ours, why);
	(void)close(fd);
	return code;
}

int
rights_take_path(const char *value, void *to)
{
	struct reaper_paths *p = to;

	if (p->n == ARRAY_LEN(p->path))
		return prog_usage_error("more than %zu files or folders; name "
					"the rest in another run",
		    ARRAY_LEN(p->path));
	p->path[p->n++] = value;
	return -1;
}

/* The option of the mode that runs. */
static const char *
customer_of(const struct reaper *r)
{
	return r->forget != NULL ? r->forget : r->export;
}

/* No record has another one; the database would take "88 " for "88". */
static int
check_customer_id(const char *id)
{
	size_t len = strlen(id);
	const char *wrong;

	if (len == 0 || len > RECORD_MAX_ID)
		return prog_usage_error(
		    "the id of a customer has 1 to %d bytes", RECORD_MAX_ID);
	wrong = record_id_error(id, len);
	if (wrong == NULL)
		return -1;
	return prog_usage_error("invalid customer id: it %s", wrong);
}

int
rights_check_options(void *options)
{
	const struct reaper *r = options;
	int code = check_customer_id(customer_of(r));

	return code != -1 ? code : reaper_check_tenant("tenant", r->tenant);
}

/* What the command line names is there: a name with a typo would be an answer
 * without what is kept there. ending: of a folder, a slash. */
static enum exit_code
check_named_path(const char *path, const char *what, const char *ending)
{
	char *name = xasprintf("%s%s", path, *path != '\0' ? ending : "");
	enum exit_code code = PROG_OK;

	if (access(name, *ending != '\0' ? R_OK | X_OK : R_OK) != 0)
		code =
		    syserr_log(PROG_NOINPUT, "cannot read %s '%s'", what, path);
	free(name);
	return code;
}

/* The archive that is configured is made when something is archived first. */
static enum exit_code
check_named_paths(const struct reaper *r)
{
	enum exit_code code = PROG_OK;
	size_t i;

	if (r->archive != NULL)
		code = check_named_path(r->archive, "--archive", "");
	for (i = 0; i < r->files.n && code == PROG_OK; i++)
		code = check_named_path(r->files.path[i], "--file", "");
	for (i = 0; i < r->states.n && code == PROG_OK; i++)
		code = check_named_path(r->states.path[i], "--state", "/.");
	return code;
}

static enum exit_code
check_records_file(const char *path, bool ours)
{
	struct buf why = BUF_INIT;
	enum exit_code code = records_file_check(path, ours, &why);

	if (code != PROG_OK)
		log_error("%s", buf_str(&why));
	buf_release(&why);
	return code;
}

/* Those that somebody named. In a state damaged ones may have anything; what
 * the reaper archived is never refused for a power cut. */
static enum exit_code
check_records_files(const struct reaper *r)
{
	const char *archive = conf_text(r->common.conf, "reaper", "archive");
	enum exit_code code = PROG_OK;
	size_t i;

	if (archive != NULL)
		code = check_records_file(archive, r->archive == NULL);
	for (i = 0; i < r->files.n && code == PROG_OK; i++)
		code = check_records_file(r->files.path[i], false);
	return code;
}

enum exit_code
rights_each_file(const struct reaper *r,
    enum exit_code (*visit)(void *ctx, const char *path), void *ctx)
{
	const char *archive = conf_text(r->common.conf, "reaper", "archive");
	enum exit_code code = PROG_OK;
	size_t i;

	if (archive != NULL)
		code = visit(ctx, archive);
	for (i = 0; i < r->files.n && code == PROG_OK; i++)
		code = visit(ctx, r->files.path[i]);
	return code;
}

static bool
learn_line(void *ctx, const char *line, size_t len)
{
	subject_lines_learn(ctx, line, len);
	return true;
}

enum exit_code
rights_read_lines(const char *path, line_file_fn *see, void *ctx)
{
	struct buf why = BUF_INIT;
	enum exit_code code = line_file_read(path, see, ctx, &why);

	if (code != PROG_OK)
		log_error("%s", buf_str(&why));
	buf_release(&why);
	return code;
}

enum exit_code
rights_log_failure(const struct subject *s, enum outcome o)
{
	/* The database says nothing about a stop between two days. */
	if (o == OUTCOME_LATER && stop_asked()) {
		log_error("stopped by a signal; run it again");
		return PROG_TEMPFAIL;
	}
	log_error("%s", db_why(s->db));
	return db_code(s->db);
}

void
rights_warn_of_broken(const struct subject_lines *l, const char *path)
{
	if (l->broken > 0)
		log_warn(
		    "'%s' has lines that are truncated or not JSON (%" PRIu64
		    "), which may have data of the customer; check them",
		    path, l->broken);
}

static enum exit_code
learn_file(void *ctx, const char *path)
{
	return rights_read_lines(path, learn_line, ctx);
}

static enum exit_code
read_subject(const struct reaper *r, struct subject_lines *l)
{
	struct subject *s = l->subject;
	enum outcome o = subject_read(s);

	if (o != OUTCOME_DONE)
		return rights_log_failure(s, o);
	if (!s->known) {
		log_error(
		    "the database does not know the tenant '%s'", s->tenant);
		return PROG_NOINPUT;
	}
	if (s->is_operator)
		log_warn("an operator or bot of '%s' has or had the same id; "
			 "data stored by user id is theirs and stays",
		    s->tenant);
	l->found = 0;
	return rights_each_file(r, learn_file, l);
}

enum exit_code
rights_read_and(const struct reaper *r,
    enum exit_code (*check)(const struct reaper *r),
    enum exit_code (*work)(const struct reaper *r, struct subject_lines *l))
{
	struct subject s = { .db = r->db, .asked_at = CLOCK_NONE };
	struct subject_lines l = { .subject = &s };
	enum exit_code code;

	s.tenant = reaper_choose_tenant(r, "customer");
	s.id = customer_of(r);
	if (s.tenant == NULL)
		return PROG_USAGE;
	code = check_named_paths(r);
	if (code == PROG_OK && check != NULL)
		code = check(r);
	if (code == PROG_OK)
		code = check_records_files(r);
	if (code == PROG_OK)
		code = read_subject(r, &l);
	if (code == PROG_OK)
		code = work(r, &l);
	subject_lines_release(&l);
	subject_release(&s);
	return code;
}
