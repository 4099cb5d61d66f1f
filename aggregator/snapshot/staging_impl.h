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
 */
#ifndef AGGREGATOR_SNAPSHOT_STAGING_IMPL_H
#define AGGREGATOR_SNAPSHOT_STAGING_IMPL_H

#include "common/records/bucket.h"

#include "aggregator/containers/dedup.h"
#include "aggregator/snapshot/staging.h"

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
/* and first, if it is ignored, this. */
#define STAGING_DONE_IGNORED "\tignored "
/* The line that names the tenant whose file it is. */
#define STAGING_DONE_OF "\tof "

/* A snapshot that was published, or is ignored, as one that was dropped is. */
struct staging_done {
	char *id;
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
	struct dedup lines; /* what came of it */
	bool published;     /* rows are written, and not yet confirmed */
	struct bucket_set publishing; /* the parts that are in these rows */

	struct buf pending; /* lines that are not in the spool yet */

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

/* That line of the unfinished snapshot came before. */
bool staging_has_line(
    const struct staging_tenant *t, const char *line, size_t len);
/* Registers a line of the unfinished snapshot. False: it came before. */
bool staging_is_new_line(
    struct staging_tenant *t, const char *line, size_t len);

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

/* Writes to TENANT.done that what is being published is published; or that a
 * snapshot is ignored, whatever comes of it. */
enum outcome staging_record_published(struct staging *in,
    struct staging_tenant *t) __attribute__((warn_unused_result));
enum outcome staging_record_ignored(
    struct staging *in, struct staging_tenant *t, struct text id)
    __attribute__((warn_unused_result));

/* Reads the folder; in->dir is set and locked. */
int staging_load(struct staging *in, struct buf *why)
    __attribute__((warn_unused_result));

#endif
