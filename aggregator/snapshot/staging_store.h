/*
 * staging_store: what the files of the staging share, and nobody else needs.
 */
#ifndef AGGREGATOR_SNAPSHOT_STAGING_STORE_H
#define AGGREGATOR_SNAPSHOT_STAGING_STORE_H

#include "common/records/bucket.h"

#include "aggregator/snapshot/staging.h"
#include "aggregator/snapshot/staging_lines.h"

/* Where the lines of a snapshot are counted that is not in parts. */
#define STAGING_WHOLE BUCKET_PARTS

struct staging_part {
	bool begun, done; /* done: published */
	int64_t records;  /* by its end marker; -1: not come yet */
	uint64_t lines;
};

/* What a line of TENANT.done begins with when it tells of parts: which of the
 * buckets, in hexadecimal, and 1 or 0 for what concerns all, before the id. */
#define STAGING_DONE_PARTS "\t"
/* Before all that, of one that was dropped. */
#define STAGING_DONE_DROPPED "\tdropped "
/* Before the name of the tenant whose file it is. */
#define STAGING_DONE_OF "\tof "

/* What was published of a snapshot. */
struct staging_done {
	char *id;
	bool dropped;  /* unfinished, so not all of it was */
	bool in_parts; /* these parts; else all of it */
	struct bucket_set parts;
};

struct staging_tenant {
	char *name, *path, *done_path;

	/* The unfinished snapshot; id NULL: there is none. */
	char *id;
	int64_t at;
	bool in_parts; /* it is in parts */
	struct staging_part parts[BUCKET_PARTS + 1];
	struct strmap last_lines; /* message id -> its last line in the spool */
	struct staging_lines lines; /* of messages that have none */
	/* Written, not yet confirmed. */
	bool published;
	struct bucket_set publishing; /* the parts, of one that has some */

	/* Not in the spool yet: whole pieces, and the lines of the message
	 * being read. */
	struct buf pending, run;
	char *run_id;
	uint64_t run_line;

	/* Published, the newest last. */
	struct staging_done done[STAGING_DONE];
	size_t done_n;
	int64_t done_at;
	char *ignored; /* an old one whose lines are passed over */
};

/* The tenant of that name, created if need be. */
struct staging_tenant *staging_tenant(
    struct staging *in, const char *name, size_t len);
void staging_clear_snapshot(struct staging_tenant *t);

/* Counts a line of its part, which begins, ends, or has a line more. */
void staging_begin_part(struct staging_tenant *t, unsigned part);
bool staging_is_part_whole(const struct staging_part *p);
/* Something of it may be published. */
bool staging_is_ready(const struct staging *in, const struct staging_tenant *t);

/* That part of that snapshot was published already. */
bool staging_is_done(
    const struct staging_tenant *t, struct text id, unsigned part);

/* Reads the folder; in->dir is set and locked. */
int staging_load(struct staging *in, struct buf *why)
    __attribute__((warn_unused_result));

/* Makes a piece of the lines of the message being read. */
void staging_end_run(struct staging_tenant *t);

/* The unfinished snapshot makes way: what comes again of it is no news. */
enum outcome staging_record_dropped(struct staging *in,
    struct staging_tenant *t) __attribute__((warn_unused_result));

enum outcome staging_remove_spool(struct staging *in, struct staging_tenant *t)
    __attribute__((warn_unused_result));

#endif
