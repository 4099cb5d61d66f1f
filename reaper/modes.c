/*
 * modes: see modes.h.
 */
#include "reaper/modes.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/endpoint/endpoint.h"
#include "common/json/jsonw.h"
#include "common/os/stop.h"
#include "common/records/record.h"

/* How long to wait for reaper --forget, which rewrites the archive. */
#define LOCK_WAIT_MS 10000

int
reaper_check_tenant(const char *option, const char *name)
{
	if (name == NULL || parse_is_name(name, RECORD_MAX_TENANT))
		return -1;
	return prog_usage_error(
	    "--%s '%s' is not a valid tenant name", option, name);
}

/* Options override the configuration. */
static int
apply_path_options(const struct reaper *r, struct buf *why)
{
	const struct {
		const char *key, *value;
	} keys[] = {
		{ "archive", r->archive },
		{ "retention", r->retention },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(keys); i++)
		if (keys[i].value != NULL &&
		    conf_set(r->common.conf, "reaper", keys[i].key,
			keys[i].value, why) == -1)
			return prog_usage_error(
			    "--%s: %s", keys[i].key, buf_str(why));
	return -1;
}

enum exit_code
reaper_with_db(
    struct reaper *r, enum exit_code (*read_and_delete)(const struct reaper *r))
{
	struct buf why = BUF_INIT;
	enum exit_code code = PROG_USAGE;

	if (apply_path_options(r, &why) == -1) {
		r->db = db_open(r->common.conf, &why, &code);
		if (r->db == NULL) {
			log_error("%s", buf_str(&why));
		} else {
			db_check_schema(r->db);
			code =
			    r->common.only_check ? PROG_OK : read_and_delete(r);
		}
		db_close(r->db);
	}
	buf_release(&why);
	return code;
}

enum exit_code
reaper_log_failure(const struct db *db, enum outcome o)
{
	/* If the run was stopped between two statements, the database has no
	 * error to report. */
	if (o == OUTCOME_LATER && stop_asked()) {
		log_error("stopped by a signal; run it again");
		return PROG_TEMPFAIL;
	}
	log_error("%s", db_why(db));
	return db_code(db);
}

enum exit_code
reaper_print(struct buf *text)
{
	(void)fwrite(buf_str(text), 1, text->len, stdout);
	buf_clear(text);
	return prog_flush();
}

void
counts_init(struct counts *c, const struct reaper *r, const char *type,
    const char *tenant, const struct output_column *columns, size_t n)
{
	*c = (struct counts){ .type = type,
		.tenant = tenant,
		.columns = columns,
		.columns_n = n,
		.format = output_format_resolve(r->format) };
	c->prints =
	    r->dry_run || r->format != OUTPUT_AUTO || c->format == OUTPUT_TABLE;
}

static void
log_counts(const struct counts *c, const char *name, const uint64_t *numbers)
{
	struct buf line = BUF_INIT;
	bool any = false;
	size_t i;

	if (c->tenant != NULL)
		buf_addf(&line, "tenant=%s ", c->tenant);
	buf_addf(&line, "%s=%s", c->columns[0].title, name);
	for (i = 1; i < c->columns_n; i++) {
		any = any || numbers[i - 1] > 0;
		buf_addf(
		    &line, " %s=%" PRIu64, c->columns[i].title, numbers[i - 1]);
	}
	if (any)
		log_info(c->type, "%s", buf_str(&line));
	buf_release(&line);
}

void
counts_add(struct counts *c, const char *name, const uint64_t *numbers)
{
	struct buf *to = &c->records;
	size_t i;

	if (!c->prints) {
		log_counts(c, name, numbers);
		return;
	}
	jsonw_open(to);
	jsonw_str(to, "type", c->type);
	if (c->tenant != NULL)
		jsonw_str(to, "tenant", c->tenant);
	jsonw_str(to, c->columns[0].title, name);
	for (i = 1; i < c->columns_n; i++)
		jsonw_int(to, c->columns[i].title, (int64_t)numbers[i - 1]);
	jsonw_line(to);
}

enum exit_code
counts_print(struct counts *c)
{
	struct buf text = BUF_INIT;
	enum exit_code code;

	if (!c->prints)
		return PROG_OK;
	output_records(c->columns, c->columns_n, c->format, &c->records, &text);
	code = reaper_print(&text);
	buf_release(&text);
	return code;
}

void
counts_release(struct counts *c)
{
	buf_release(&c->records);
}

enum exit_code
reaper_open_archive(const struct reaper *r, struct append_file *a)
{
	const char *path = conf_text(r->common.conf, "reaper", "archive");
	struct stat st;

	*a = (struct append_file){ .flags = O_NOFOLLOW | O_NOCTTY | O_NONBLOCK,
		.lock_wait_ms = LOCK_WAIT_MS,
		.fd = -1 };
	if (path == NULL || r->dry_run)
		return PROG_OK;
	if (endpoint_check_ends(r->from, path, "--archive") != -1)
		return PROG_USAGE;
	a->path = path;
	if (append_file_open(a) != 0 && errno == EWOULDBLOCK) {
		log_error("cannot lock '%s': another program is writing to it; "
			  "stop that program, or try again",
		    path);
		return PROG_TEMPFAIL;
	}
	if (a->fd < 0 || fstat(a->fd, &st) != 0)
		return syserr_log(PROG_CANTCREATE, "cannot open '%s'", path);
	if (!S_ISREG(st.st_mode)) {
		log_error("'%s' is not a regular file", path);
		return PROG_CANTCREATE;
	}
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		log_warn(
		    "other users can read '%s'; run chmod 600 on it", path);
	return PROG_OK;
}
