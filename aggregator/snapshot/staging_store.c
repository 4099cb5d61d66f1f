/*
 * staging_store: writes and removes the files of one tenant in the folder of
 * the staging.
 */
#include "aggregator/snapshot/staging_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/fault.h"
#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/os/file.h"

#include "aggregator/snapshot/staging_spool.h"

enum outcome
staging_fail(struct staging *in, enum exit_code code, const char *why)
{
	log_error("%s", why);
	in->code = code;
	return OUTCOME_NEVER;
}

static enum outcome
remove_staging_file(struct staging *in, const char *path)
{
	struct buf why = BUF_INIT;
	enum outcome o = OUTCOME_DONE;
	enum exit_code code;

	if (unlink(path) == -1 && errno != ENOENT) {
		code = syserr_explain(
		    &why, PROG_CANTCREATE, "cannot remove '%s'", path);
		o = staging_fail(in, code, buf_str(&why));
	}
	buf_release(&why);
	return o;
}

enum outcome
staging_remove_spool(struct staging *in, struct staging_tenant *t)
{
	return remove_staging_file(in, t->path);
}

enum outcome
staging_remove_done(struct staging *in, struct staging_tenant *t)
{
	return remove_staging_file(in, t->done_path);
}

enum outcome
staging_sync_spool(struct staging *in, struct staging_tenant *t)
{
	struct buf why = BUF_INIT;
	enum outcome o = OUTCOME_DONE;

	if (t->pending.len == 0)
		return OUTCOME_DONE;
	if (staging_spool_append(t->path, &t->pending, &why) == -1)
		o = staging_fail(
		    in, syserr_code(errno, PROG_CANTCREATE), buf_str(&why));
	FAULT_POINT("aggregator.snapshot_staged");
	buf_clear(&t->pending);
	buf_release(&why);
	return o;
}

/* The entry of a snapshot, made if it is missing; then the oldest entry may
 * go. */
static struct staging_done *
get_done_entry(struct staging_tenant *t, struct text id)
{
	struct staging_done *d;
	size_t i;

	for (i = 0; i < t->done_n; i++)
		if (text_is(id, t->done[i].id))
			return &t->done[i];
	if (t->done_n == STAGING_DONE) {
		free(t->done[0].id);
		t->done_n--;
		memmove(t->done, t->done + 1, t->done_n * sizeof *t->done);
	}
	d = &t->done[t->done_n++];
	memset(d, 0, sizeof *d);
	d->id = text_dup(id);
	return d;
}

static struct staging_done *
get_unfinished_entry(struct staging_tenant *t)
{
	struct staging_done *d =
	    get_done_entry(t, (struct text){ t->id, strlen(t->id) });

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
		if (d->ignored)
			buf_adds(&text, STAGING_DONE_IGNORED);
		if (d->in_parts)
			buf_addf(&text, STAGING_DONE_PARTS "%016" PRIx64 " %d ",
			    d->parts.chats, d->parts.all);
		buf_addf(&text, "%s\n", d->id);
	}
	if (statefile_write(t->done_path, text.data, text.len, &why) == -1)
		o = staging_fail(
		    in, syserr_code(errno, PROG_CANTCREATE), buf_str(&why));
	buf_release(&text);
	buf_release(&why);
	return o;
}

enum outcome
staging_record_published(struct staging *in, struct staging_tenant *t)
{
	struct staging_done *d = get_unfinished_entry(t);

	d->parts.chats |= t->publishing.chats;
	d->parts.all |= t->publishing.all;
	if (t->at > t->done_at)
		t->done_at = t->at;
	return write_done_file(in, t);
}

enum outcome
staging_record_ignored(
    struct staging *in, struct staging_tenant *t, struct text id)
{
	get_done_entry(t, id)->ignored = true;
	return write_done_file(in, t);
}
