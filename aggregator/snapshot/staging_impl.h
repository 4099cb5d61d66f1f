/*
 * staging_impl: what the files of the staging share; nobody else includes it.
 * Each uses those below it only:
 *
 *   staging.c          where each line goes
 *   staging_open.c     the folder: opened, closed, emptied, expired
 *   staging_load.c     the folder's files, read at the start
 *   staging_publish.c  whole snapshots, published
 *   staging_store.c    one tenant's files, written and removed
 *   staging_tenant.c   one tenant, in memory
 *   staging_spool.c    the file of an unfinished snapshot
 *   staging_repeats.c  lines without an id that came before
 */
#ifndef AGGREGATOR_SNAPSHOT_STAGING_IMPL_H
#define AGGREGATOR_SNAPSHOT_STAGING_IMPL_H

#include "common/records/bucket.h"

#include "aggregator/snapshot/staging.h"
#include "aggregator/snapshot/staging_repeats.h"

/* The index of the one part of a snapshot that is not in parts. */
#define STAGING_WHOLE BUCKET_PARTS

struct staging_part {
	bool begun, done; /* done: published */
	int64_t records;  /* by its end marker; -1: that has not come yet */
	uint64_t lines;
};

/* A line of TENANT.done is the id of a snapshot. Before it stand: of one of
 * which only parts were published, these parts in hexadecimal, and 1 or 0 for
 * what concerns all of them; */
#define STAGING_DONE_PARTS "\t"
/* before all that, if it was dropped, this; */
#define STAGING_DONE_DROPPED "\tdropped "
/* and first, if it is ignored, this. */
#define STAGING_DONE_IGNORED "\tignored "
/* The line that names the tenant whose file it is. */
#define STAGING_DONE_OF "\tof "

/* A snapshot that was published, dropped or ignored. */
struct staging_done {
	char *id;
	bool dropped;  /* unfinished, so not all of it was published */
	bool ignored;  /* no line of it counts any more, whatever comes */
	bool in_parts; /* only these parts were published; else all of it */
	struct bucket_set parts;
};

struct staging_tenant {
	char *name, *path, *done_path;

	/* The unfinished snapshot; id NULL: there is none. */
	char *id;
	int64_t at;
	bool in_parts;
	struct staging_part parts[BUCKET_PARTS + 1];
	struct strmap last_lines; /* message id -> its last line in the spool */
	struct staging_repeats lines; /* of messages without an id */
	bool published; /* rows are written, and not yet confirmed */
	struct bucket_set publishing; /* the parts that are in these rows */

	/* Not in the spool yet: whole pieces, and the lines of the message
	 * being read. */
	struct buf pending, message_lines;
	char *message_id;
	uint64_t message_line; /* number of its last line */

	struct staging_done done[STAGING_DONE]; /* the newest last */
	size_t done_n;
	int64_t done_at;
};

/* The tenant of that name, created if it is missing. */
struct staging_tenant *staging_tenant(
    struct staging *in, const char *name, size_t len);
void staging_tenant_free(void *tenant);

/* Removes the unfinished snapshot from memory. */
void staging_clear_snapshot(struct staging_tenant *t);
/* Removes what is remembered of others from memory. */
void staging_clear_done(struct staging_tenant *t);

void staging_begin_part(struct staging_tenant *t, unsigned part);
/* All its lines came, and it is not published. */
bool staging_is_part_whole(const struct staging_part *p);
size_t staging_count_whole_parts(const struct staging_tenant *t);
/* The snapshot, or a part of it, may be published now. */
bool staging_is_ready(const struct staging *in, const struct staging_tenant *t);

/* That part of that snapshot was published before, or is ignored. */
bool staging_is_done(
    const struct staging_tenant *t, struct text id, unsigned part);
bool staging_is_dropped(const struct staging_tenant *t, struct text id);

/* Makes a piece of the lines of the message being read. */
void staging_end_message(struct staging_tenant *t);

/* Logs why, and sets in->code. Returns OUTCOME_NEVER. */
enum outcome staging_fail(
    struct staging *in, enum exit_code code, const char *why);

/* Appends the lines so far to the spool, and syncs it. */
enum outcome staging_sync_spool(struct staging *in, struct staging_tenant *t)
    __attribute__((warn_unused_result));
enum outcome staging_remove_spool(struct staging *in, struct staging_tenant *t)
    __attribute__((warn_unused_result));
enum outcome staging_remove_done(struct staging *in, struct staging_tenant *t)
    __attribute__((warn_unused_result));

/* Writes to TENANT.done that what is being published is published; that the
 * unfinished snapshot is dropped: what comes again of it is then ignored; or
 * that a snapshot is ignored, whatever comes of it. */
enum outcome staging_record_published(struct staging *in,
    struct staging_tenant *t) __attribute__((warn_unused_result));
enum outcome staging_record_dropped(struct staging *in,
    struct staging_tenant *t) __attribute__((warn_unused_result));
enum outcome staging_record_ignored(
    struct staging *in, struct staging_tenant *t, struct text id)
    __attribute__((warn_unused_result));

/* Syncs what came so far of all snapshots, and publishes the whole ones. */
enum outcome staging_write(struct staging *in)
    __attribute__((warn_unused_result));

/* Reads the folder; in->dir is set and locked. */
int staging_load(struct staging *in, struct buf *why)
    __attribute__((warn_unused_result));

#endif
