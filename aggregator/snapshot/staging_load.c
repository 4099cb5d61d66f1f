/*
 * staging_load: reads what the last run left in the folder of the staging.
 */
#include "aggregator/snapshot/staging_impl.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/os/file.h"

#include "aggregator/snapshot/staging_spool.h"

#define SPOOL ".spool"
#define DONE ".done"

struct spool_replay {
	struct staging *in;
	struct staging_tenant *t;
};

/* The marker names another tenant or another snapshot: the file is not the one
 * that was written here. */
static bool
is_foreign_marker(const struct staging_tenant *t, const struct record *r)
{
	return !text_is(r->tenant, t->name) ||
	       (t->id != NULL ? !text_is(r->snapshot, t->id)
			      : r->state != SNAPSHOT_BEGIN);
}

static void
replay_begin_marker(
    struct staging_tenant *t, const struct record *r, unsigned part)
{
	if (t->id == NULL) {
		t->id = text_dup(r->snapshot);
		t->at = r->at;
	}
	staging_begin_part(t, part);
	t->parts[part].done = staging_is_done(t, r->snapshot, part);
}

/* The part of a line in the spool; the same as when it came. */
static unsigned
replayed_part_of(const struct spool_replay *p, int parsed)
{
	const struct staging *in = p->in;

	if (!p->t->in_parts)
		return STAGING_WHOLE;
	if (parsed == 0)
		return bucket_of_record(&in->record);
	return in->flat.n > 0 ? bucket_of_flat(&in->flat) : in->last_part;
}

static int
replay_spool_line(void *ctx, char *line, size_t len)
{
	struct spool_replay *p = ctx;
	struct staging *in = p->in;
	struct record *r = &in->record;
	struct buf why = BUF_INIT;
	int rc;

	(void)staging_is_new_line(p->t, line, len);
	in->flat.n = 0;
	rc = record_parse(r, &in->flat, line, len, &why);
	buf_release(&why);
	if (rc == -1 || r->type != RECORD_SNAPSHOT) {
		if (p->t->id == NULL)
			return -1;
		in->last_part = replayed_part_of(p, rc);
		p->t->parts[in->last_part].lines++;
		return 0;
	}
	if (is_foreign_marker(p->t, r))
		return -1;
	in->last_part =
	    r->bucket != RECORD_NO_NUMBER ? (unsigned)r->bucket : STAGING_WHOLE;
	if (r->state == SNAPSHOT_BEGIN)
		replay_begin_marker(p->t, r, in->last_part);
	else
		p->t->parts[in->last_part].records = r->records;
	return 0;
}

/* True, and *line goes on behind it, if that is what it begins with. */
static bool
skip_mark(const char **line, const char *mark)
{
	size_t len = strlen(mark);

	if (strncmp(*line, mark, len) != 0)
		return false;
	*line += len;
	return true;
}

/* Adds the snapshot of one line of TENANT.done. */
static void
parse_done_entry(struct staging_tenant *t, const char *line)
{
	struct staging_done *d = &t->done[t->done_n];
	char *end;

	if (t->done_n == STAGING_DONE)
		return;
	memset(d, 0, sizeof *d);
	d->ignored = skip_mark(&line, STAGING_DONE_IGNORED);
	d->in_parts = skip_mark(&line, STAGING_DONE_PARTS);
	if (d->in_parts) {
		d->parts.chats = strtoull(line, &end, 16);
		d->parts.all = strncmp(end, " 1 ", 3) == 0;
		if (strncmp(end, " 1 ", 3) != 0 && strncmp(end, " 0 ", 3) != 0)
			return;
		line = end + 3;
	}
	d->id = xstrdup(line);
	t->done_n++;
}

/* Reads any line of TENANT.done. -1: the file is not of this tenant. */
static int
parse_done_line(struct staging_tenant *t, const char *line, bool first)
{
	size_t len = strlen(STAGING_DONE_OF);

	if (first)
		return parse_int(line, INT64_MIN, INT64_MAX, &t->done_at);
	if (strncmp(line, STAGING_DONE_OF, len) == 0)
		return strcmp(line + len, t->name) == 0 ? 0 : -1;
	parse_done_entry(t, line);
	return 0;
}

static int
load_done_file(struct staging_tenant *t, struct buf *why)
{
	struct buf text = BUF_INIT;
	char *line, *nl;
	int rc = statefile_read(t->done_path, &text, why);

	for (line = text.data; rc == 1 && (nl = strchr(line, '\n')) != NULL;
	     line = nl + 1) {
		*nl = '\0';
		rc = parse_done_line(t, line, line == text.data) == 0 ? 1 : -1;
		if (rc == -1) {
			buf_setf(why,
			    "'%s' is not of this tenant; remove it to start "
			    "without it",
			    t->done_path);
			errno = 0;
		}
	}
	buf_release(&text);
	return rc == -1 ? -1 : 0;
}

/* All parts that began are published. */
static bool
is_all_published(const struct staging_tenant *t)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(t->parts); i++)
		if (t->parts[i].begun && !t->parts[i].done)
			return false;
	return true;
}

static int
load_staging_file(
    struct staging *in, const char *name, size_t len, struct buf *why)
{
	struct staging_tenant *t = staging_tenant(in, name, len);
	struct spool_replay p = { in, t };
	struct staging_spool_reader r = { .ctx = &p,
		.line = replay_spool_line };
	int rc;

	staging_clear_snapshot(t);
	rc = staging_spool_read(t->path, &r, why);
	if (rc == -1)
		return -1;
	if (t->id != NULL && is_all_published(t)) {
		/* The last run died between the commit point and this. */
		if (staging_remove_spool(in, t) != OUTCOME_DONE)
			return -1;
		staging_clear_snapshot(t);
	}
	if (t->id != NULL && t->at < t->done_at) {
		buf_setf(why,
		    "'%s' is of an older snapshot than '%s' lists: one of them "
		    "was put back; remove the spool, or both",
		    t->path, t->done_path);
		errno = 0;
		return -1;
	}
	if (t->id != NULL)
		log_info("snapshot_resumed", "tenant=%s snapshot=%s", t->name,
		    t->id);
	return 0;
}

/* The length of a tenant's name when the file is NAME and suffix, else 0. */
static size_t
tenant_name_len(const char *file, const char *suffix)
{
	size_t len = strlen(file), end = strlen(suffix);

	if (len <= end || strcmp(file + len - end, suffix) != 0)
		return 0;
	return len - end;
}

static int
load_staging_files(struct staging *in, const char *suffix, struct buf *why)
{
	DIR *d = opendir(in->dir);
	const struct dirent *e;
	struct staging_tenant *t;
	size_t len;
	int rc = 0, err;

	if (d == NULL) {
		(void)syserr_explain(
		    why, PROG_CANTCREATE, "cannot read '%s'", in->dir);
		return -1;
	}
	while (rc == 0 && (e = readdir(d)) != NULL) {
		len = tenant_name_len(e->d_name, suffix);
		if (len == 0)
			continue;
		if (strcmp(suffix, SPOOL) == 0) {
			rc = load_staging_file(in, e->d_name, len, why);
		} else {
			t = staging_tenant(in, e->d_name, len);
			rc = load_done_file(t, why);
		}
	}
	err = errno;
	(void)closedir(d);
	errno = err;
	return rc;
}

/* The .done files first: they say which spools are published already. */
int
staging_load(struct staging *in, struct buf *why)
{
	if (load_staging_files(in, DONE, why) == -1)
		return -1;
	return load_staging_files(in, SPOOL, why);
}
