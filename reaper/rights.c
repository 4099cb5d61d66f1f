/*
 * rights: code that both modes share; see rights.h.
 */
#include "reaper/rights.h"

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
#include "common/json/json_text.h"
#include "common/records/record.h"
#include "reaper/rights/line_file.h"

int
rights_take_path(const char *value, void *to)
{
	struct reaper_paths *p = to;
	size_t i;

	if (p->n == ARRAY_LEN(p->path))
		return prog_usage_error("more than %zu files or folders; pass "
					"the others to another run",
		    ARRAY_LEN(p->path));
	/* A path that is given twice counts once. */
	for (i = 0; i < p->n; i++)
		if (strcmp(p->path[i], value) == 0)
			return -1;
	p->path[p->n++] = value;
	return -1;
}

/* Returns the customer option of the current mode. */
static const char *
customer_of(const struct reaper *r)
{
	return r->forget != NULL ? r->forget : r->export;
}

/* No record has such an id: the database considers "88 " and "88" equal. */
static int
check_customer_id(const char *id)
{
	size_t len = strlen(id);
	const char *wrong;

	if (len == 0 || len > RECORD_MAX_ID)
		return prog_usage_error("a customer's id must be 1 to %d bytes "
					"long",
		    RECORD_MAX_ID);
	wrong = record_id_error(id, len);
	if (wrong == NULL)
		return -1;
	return prog_usage_error("invalid customer id: it %s", wrong);
}

/* Returns the tenant of --tenant, otherwise the only one; NULL after a
 * message. */
static const char *
choose_tenant(const struct reaper *r)
{
	if (r->tenant != NULL)
		return r->tenant;
	if (conf_tenants(r->common.conf) == 1)
		return conf_tenant(r->common.conf, 0);
	(void)prog_usage_error("which tenant does the customer belong to? "
			       "choose it with --tenant");
	return NULL;
}

int
rights_check_options(void *options)
{
	const struct reaper *r = options;
	int code = check_customer_id(customer_of(r));

	return code != -1 ? code : reaper_check_tenant("tenant", r->tenant);
}

/* Checks that a path on the command line exists: with a misspelled name, data
 * would be missing from the result. ending: a slash for a folder. */
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

/* The configured archive need not exist until something is archived. */
static enum exit_code
check_named_paths(const struct reaper *r)
{
	enum exit_code code = PROG_OK;
	size_t i;

	for (i = 0; i < r->files.n && code == PROG_OK; i++)
		code = check_named_path(r->files.path[i], "--file", "");
	for (i = 0; i < r->states.n && code == PROG_OK; i++)
		code = check_named_path(r->states.path[i], "--state", "/.");
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

void
rights_warn_of_broken(const struct subject_lines *l, const char *path)
{
	if (l->broken > 0)
		log_warn(
		    "'%s' has lines that are truncated or not JSON (%" PRIu64
		    "), which may have data about the customer; check them",
		    path, l->broken);
}

/* A file that is read for the first time. */
struct learning {
	const struct reaper *reap;
	struct subject_lines *lines;
	bool any, json; /* it has a line; one is JSON */
};

/* A line_file_fn. */
static bool
learn_line(void *ctx, const char *line, size_t len, struct buf *instead)
{
	struct learning *l = ctx;

	(void)instead;
	subject_lines_learn(l->lines, line, len);
	l->any = l->any || len > 0;
	l->json = l->json || !l->lines->is_broken;
	return false;
}

/* A file that was named by mistake, such as a compressed archive, would count
 * as searched, so it is refused. The configured archive may have any content
 * after a power failure. */
static enum exit_code
learn_file(void *ctx, const char *path)
{
	struct learning *l = ctx;
	const char *archive =
	    conf_text(l->reap->common.conf, "reaper", "archive");
	bool named = archive == NULL || strcmp(path, archive) != 0;
	enum exit_code code;

	l->any = l->json = false;
	code = line_file_read(path, learn_line, l);
	if (code != PROG_OK || !named || !l->any || l->json)
		return code;
	log_error("'%s' does not contain records: none of its lines is JSON; "
		  "if it is compressed, unpack it first",
	    path);
	return PROG_DATA;
}

static enum exit_code
read_subject(const struct reaper *r, struct subject_lines *l)
{
	struct subject *s = l->subject;
	struct learning learning = { .reap = r, .lines = l };
	enum outcome o = subject_read(s);

	if (o != OUTCOME_DONE)
		return reaper_log_failure(s->db, o);
	if (!s->known) {
		log_error("the database has no tenant '%s'", s->tenant);
		return PROG_NOINPUT;
	}
	if (s->is_operator)
		log_warn("an operator or bot of '%s' has or had the same id; "
			 "data with this user id belongs to them and stays",
		    s->tenant);
	l->found = 0;
	return rights_each_file(r, learn_file, &learning);
}

enum exit_code
rights_read_and(const struct reaper *r,
    enum exit_code (*work)(const struct reaper *r, struct subject_lines *l))
{
	struct subject s = { .db = r->db, .asked_at = CLOCK_NONE };
	struct subject_lines l = { .subject = &s };
	enum exit_code code;

	s.tenant = choose_tenant(r);
	s.id = customer_of(r);
	if (s.tenant == NULL)
		return PROG_USAGE;
	code = check_named_paths(r);
	if (code == PROG_OK)
		code = read_subject(r, &l);
	if (code == PROG_OK)
		code = work(r, &l);
	subject_lines_release(&l);
	subject_release(&s);
	return code;
}
