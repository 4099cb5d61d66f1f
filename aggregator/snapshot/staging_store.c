/*
 * staging_store: the folder of the staging: opened, synced, and emptied when a
 * snapshot's rows are safe elsewhere.
 */
#include "aggregator/snapshot/staging_store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/os/lock.h"
#include "common/os/statefile.h"

#include "aggregator/snapshot/staging_file.h"
#include "aggregator/state/state_folder.h"

#define VERSION_TEXT "aggregator 1\n"
#define EXPIRE_MS (7 * DAY_MS)

static enum outcome
fail_staging(struct staging *in, enum exit_code code, const char *why)
{
	log_error("%s", why);
	in->code = code;
	return OUTCOME_NEVER;
}

void
staging_end_run(struct staging_tenant *t)
{
	uint64_t *last;
	void **slot;

	if (t->run.len > 0)
		staging_file_piece(&t->pending, t->run_id, t->run_line,
		    t->run.data, t->run.len);
	if (t->run_id != NULL) {
		slot = strmap_put(&t->last_lines, t->run_id, strlen(t->run_id));
		if (*slot == NULL)
			*slot = xcalloc(1, sizeof *last);
		last = *slot;
		if (t->run_line > *last)
			*last = t->run_line;
	}
	free(t->run_id);
	t->run_id = NULL;
	t->run_line = 0;
	buf_clear(&t->run);
}

enum outcome
staging_remove_spool(struct staging *in, struct staging_tenant *t)
{
	struct buf why = BUF_INIT;
	enum outcome o = OUTCOME_DONE;
	enum exit_code code;

	if (unlink(t->path) == -1 && errno != ENOENT) {
		code = syserr_explain(
		    &why, PROG_CANTCREATE, "cannot remove '%s'", t->path);
		o = fail_staging(in, code, buf_str(&why));
	}
	buf_release(&why);
	return o;
}

/* The lines so far go to the disk. */
static enum outcome
sync_spool(struct staging *in, struct staging_tenant *t)
{
	struct buf why = BUF_INIT;
	enum outcome o = OUTCOME_DONE;

	staging_end_run(t);
	if (t->pending.len == 0)
		return OUTCOME_DONE;
	if (staging_file_append(t->path, &t->pending, &why) == -1)
		o = fail_staging(
		    in, syserr_code(errno, PROG_CANTCREATE), buf_str(&why));
	buf_clear(&t->pending);
	buf_release(&why);
	return o;
}

/* What is remembered of the snapshot in hand. */
static struct staging_done *
get_done_entry(struct staging_tenant *t)
{
	struct staging_done *d;
	size_t i;

	for (i = 0; i < t->done_n; i++)
		if (strcmp(t->done[i].id, t->id) == 0)
			return &t->done[i];
	if (t->done_n == STAGING_DONE) {
		free(t->done[0].id);
		t->done_n--;
		memmove(t->done, t->done + 1, t->done_n * sizeof *t->done);
	}
	d = &t->done[t->done_n++];
	memset(d, 0, sizeof *d);
	d->id = xstrdup(t->id);
	d->in_parts = t->in_parts;
	return d;
}

static enum outcome
write_done_file(struct staging *in, const struct staging_tenant *t)
{
	const struct staging_done *d;
	struct buf text = BUF_INIT, why = BUF_INIT;
	enum outcome o = OUTCOME_DONE;
	size_t i;

	buf_addi(&text, t->done_at != CLOCK_NONE ? t->done_at : INT64_MIN + 1);
	buf_addf(&text, "\n" STAGING_DONE_OF "%s\n", t->name);
	for (i = 0; i < t->done_n; i++) {
		d = &t->done[i];
		if (d->dropped)
			buf_adds(&text, STAGING_DONE_DROPPED);
		if (d->in_parts)
			buf_addf(&text, STAGING_DONE_PARTS "%016" PRIx64 " %d ",
			    d->parts.chats, d->parts.all);
		buf_addf(&text, "%s\n", d->id);
	}
	if (statefile_write(t->done_path, text.data, text.len, &why) == -1)
		o = fail_staging(
		    in, syserr_code(errno, PROG_CANTCREATE), buf_str(&why));
	buf_release(&text);
	buf_release(&why);
	return o;
}

/* Remembers what is being published as published. */
static enum outcome
record_published(struct staging *in, struct staging_tenant *t)
{
	struct staging_done *d = get_done_entry(t);

	d->dropped = d->dropped && d->in_parts;
	d->parts.chats |= t->publishing.chats;
	d->parts.all |= t->publishing.all;
	if (t->at > t->done_at)
		t->done_at = t->at;
	return write_done_file(in, t);
}

enum outcome
staging_record_dropped(struct staging *in, struct staging_tenant *t)
{
	get_done_entry(t)->dropped = true;
	return write_done_file(in, t);
}

static const char *
name_spool(void *ctx, const char *line)
{
	(void)ctx;
	(void)line;
	return "the spool";
}

/* A bad line was refused when it came. */
static void
ignore_bad_line(void *ctx, const char *line, size_t len, const char *why)
{
	(void)ctx;
	(void)line;
	(void)len;
	(void)why;
}

static int
feed_intake_line(void *ctx, char *line, size_t len)
{
	static const struct intake_source spool = { NULL, name_spool,
		ignore_bad_line };

	intake_add(ctx, line, len, &spool);
	return 0;
}

/* Makes the rows from the spool and writes them. */
static enum outcome
publish_spool(struct staging *in, struct staging_tenant *t)
{
	struct intake intake;
	struct staging_file_reader r = { .ctx = &intake,
		.line = feed_intake_line };
	struct buf why = BUF_INIT;
	enum outcome o;
	int got;

	intake_init(&intake, in->setup, NULL);
	intake.unordered = true;
	intake.wanted = t->in_parts ? &t->publishing : NULL;
	intake.passes = in->passes;
	intake.passes_ctx = in->ctx;
	got = staging_file_read(t->path, &r, &why);
	if (got != 1) {
		if (why.len == 0)
			buf_addf(&why, "'%s' is gone", t->path);
		o = fail_staging(in,
		    got == 0 ? PROG_DATA : syserr_code(errno, PROG_DATA),
		    buf_str(&why));
	} else {
		intake_end(&intake, false);
		o = in->publish(in->ctx, &intake);
	}
	intake_release(&intake);
	buf_release(&why);
	return o;
}

/* Which parts are to be published now. */
static void
select_whole_parts(struct staging_tenant *t)
{
	unsigned i;

	t->publishing = (struct bucket_set){ .all = false };
	for (i = 0; i < BUCKET_PARTS; i++)
		if (staging_is_part_whole(&t->parts[i]))
			bucket_set_add(&t->publishing, i);
}

/* They are. True when nothing is left of what has begun. */
static bool
mark_parts_published(struct staging_tenant *t)
{
	unsigned i, left = 0, n = 0;

	t->published = false;
	for (i = 0; i < BUCKET_PARTS; i++) {
		if (bucket_set_has(&t->publishing, i)) {
			t->parts[i].done = true;
			n++;
		}
		left += t->parts[i].begun && !t->parts[i].done;
	}
	log_info("snapshot_done", "tenant=%s snapshot=%s parts=%u", t->name,
	    t->id, n);
	return left == 0;
}

/* Published and confirmed: it need not be kept. */
static enum outcome
remove_published(struct staging *in, struct staging_tenant *t)
{
	enum outcome o;

	if (t->in_parts && !mark_parts_published(t))
		return OUTCOME_DONE;
	o = staging_remove_spool(in, t);
	if (o != OUTCOME_DONE)
		return o;
	if (!t->in_parts)
		log_info("snapshot_done",
		    "tenant=%s snapshot=%s lines=%" PRIu64, t->name, t->id,
		    t->parts[STAGING_WHOLE].lines);
	staging_clear_snapshot(t);
	return OUTCOME_DONE;
}

static enum outcome
publish_and_confirm(struct staging *in, struct staging_tenant *t)
{
	enum outcome o = OUTCOME_DONE;

	if (!t->published) {
		select_whole_parts(t);
		o = publish_spool(in, t);
	}
	if (o != OUTCOME_DONE)
		return o;
	t->published = true;
	o = in->confirm(in->ctx);
	if (o == OUTCOME_DONE)
		o = record_published(in, t);
	/* Commit point: the rows are safe and the snapshot is known as done;
	 * what follows only tidies up. */
	return o == OUTCOME_DONE ? remove_published(in, t) : o;
}

enum outcome
staging_flush(struct staging *in)
{
	const struct strmap_entry *e;
	enum outcome o = OUTCOME_DONE;
	size_t i = 0;

	/* Once its end is on the disk the next start publishes it, and what
	 * came before it must not come behind it then. */
	if (in->unpublished)
		o = in->confirm(in->ctx);
	if (o != OUTCOME_DONE)
		return o;
	while ((e = strmap_next(&in->tenants, &i)) != NULL) {
		o = sync_spool(in, e->value);
		if (o == OUTCOME_DONE && staging_is_ready(in, e->value))
			o = publish_and_confirm(in, e->value);
		if (o != OUTCOME_DONE)
			return o;
	}
	in->unpublished = false;
	return OUTCOME_DONE;
}

static int
check_staging_version(const struct staging *in, struct buf *why)
{
	char *path = xasprintf("%s/version", in->dir);
	struct buf text = BUF_INIT;
	int rc = statefile_read(path, &text, why);

	if (rc == 0) {
		rc = statefile_write(
		    path, VERSION_TEXT, strlen(VERSION_TEXT), why);
	} else if (rc == 1 && strcmp(buf_str(&text), VERSION_TEXT) != 0) {
		buf_setf(why,
		    "'%s' is not of a version this program knows; choose "
		    "another folder with --state",
		    in->dir);
		errno = 0;
		rc = -1;
	}
	buf_release(&text);
	free(path);
	return rc == -1 ? -1 : 0;
}

int
staging_open(struct staging *in, const char *dir, struct buf *why)
{
	in->dir = xstrdup(dir);
	in->lock = state_folder_take(dir, "lock", &in->code, why);
	if (in->lock == -1)
		return -1;
	if (check_staging_version(in, why) == -1 ||
	    staging_load(in, why) == -1) {
		in->code = errno == 0 ? PROG_DATA
				      : syserr_code(errno, PROG_CANTCREATE);
		return -1;
	}
	staging_expire(in);
	return 0;
}

static void
free_staging_tenant(void *p)
{
	struct staging_tenant *t = p;
	size_t i;

	staging_clear_snapshot(t);
	buf_release(&t->pending);
	buf_release(&t->run);
	for (i = 0; i < t->done_n; i++)
		free(t->done[i].id);
	free(t->ignored);
	free(t->name);
	free(t->path);
	free(t->done_path);
	free(t);
}

void
staging_close(struct staging *in)
{
	strmap_release(&in->tenants, free_staging_tenant);
	flat_release(&in->flat);
	if (in->lock != -1)
		lock_release(in->lock);
	free(in->dir);
	in->dir = NULL;
}

void
staging_expire(struct staging *in)
{
	const struct strmap_entry *e;
	struct staging_tenant *t;
	struct stat st;
	size_t i = 0;

	while ((e = strmap_next(&in->tenants, &i)) != NULL) {
		t = e->value;
		if (t->id == NULL || stat(t->path, &st) == -1 ||
		    (int64_t)st.st_mtime * 1000 > clock_now_ms() - EXPIRE_MS)
			continue;
		log_warn("unfinished snapshot '%s' of tenant '%s' is removed: "
			 "nothing more of it came for a week",
		    t->id, t->name);
		if (staging_remove_spool(in, t) == OUTCOME_DONE)
			staging_clear_snapshot(t);
	}
}
