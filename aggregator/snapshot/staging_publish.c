/*
 * staging_publish: publishes the snapshots that are whole, and removes their
 * spools once what they led to is safe.
 */
#include "aggregator/snapshot/staging_impl.h"

#include <errno.h>
#include <inttypes.h>

#include "common/base/fault.h"
#include "common/base/log.h"
#include "common/base/syserr.h"

#include "aggregator/snapshot/staging_spool.h"

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
	struct staging_spool_reader r = { .ctx = &intake,
		.line = feed_intake_line };
	struct buf why = BUF_INIT;
	enum outcome o;
	int got;

	intake_init(&intake, in->setup, NULL);
	intake.unordered = true;
	intake.wanted = t->in_parts ? &t->publishing : NULL;
	intake.passes = in->passes;
	intake.passes_ctx = in->ctx;
	got = staging_spool_read(t->path, &r, &why);
	if (got != 1) {
		if (why.len == 0)
			buf_addf(&why, "'%s' is gone", t->path);
		o = staging_fail(in,
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

/* Selects the parts that are published now. */
static void
select_whole_parts(struct staging_tenant *t)
{
	unsigned i;

	t->publishing = (struct bucket_set){ .all = false };
	for (i = 0; i < BUCKET_PARTS; i++)
		if (staging_is_part_whole(&t->parts[i]))
			bucket_set_add(&t->publishing, i);
}

/* Marks the selected parts as published. True when no part that began is
 * left. */
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

/* What is published and confirmed is removed. */
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
	if (o == OUTCOME_DONE) {
		FAULT_POINT("aggregator.snapshot_published");
		o = staging_record_published(in, t);
		FAULT_POINT("aggregator.snapshot_recorded");
	}
	/* Commit point: the rows are safe and the snapshot is recorded as
	 * published; what follows only removes what is needed no more. */
	return o == OUTCOME_DONE ? remove_published(in, t) : o;
}

enum outcome
staging_flush(struct staging *in)
{
	const struct strmap_entry *e;
	enum outcome o = OUTCOME_DONE;
	size_t i = 0;

	/* Once the end of a snapshot is on the disk, the next start publishes
	 * it; what came before it must be written before. */
	if (in->unpublished)
		o = in->confirm(in->ctx);
	if (o != OUTCOME_DONE)
		return o;
	while ((e = strmap_next(&in->tenants, &i)) != NULL) {
		o = staging_sync_spool(in, e->value);
		if (o == OUTCOME_DONE && staging_is_ready(in, e->value))
			o = publish_and_confirm(in, e->value);
		if (o != OUTCOME_DONE)
			return o;
	}
	in->unpublished = false;
	return OUTCOME_DONE;
}
