/*
 * inbox_store: what the files of the inbox share, and nobody else needs.
 */
#ifndef AGGREGATOR_INBOX_STORE_H
#define AGGREGATOR_INBOX_STORE_H

#include "common/bucket.h"

#include "aggregator/inbox.h"

/* Where the lines of a snapshot are counted that is not in parts. */
#define INBOX_WHOLE BUCKET_PARTS

struct inbox_part {
	bool begun, done; /* done: published */
	int64_t records;  /* by its end marker; -1: not come yet */
	uint64_t lines;
};

/* What a line of TENANT.done begins with when it tells of parts: which of the
 * buckets, in hexadecimal, and 1 or 0 for what concerns all, before the id. */
#define INBOX_DONE_PARTS "\t"

/* What was published of a snapshot. */
struct inbox_done {
	char *id;
	bool spread; /* these parts; else all of it */
	struct bucket_set parts;
};

struct inbox_tenant {
	char *name, *path, *done_path;

	/* The unfinished snapshot; id NULL: there is none. */
	char *id;
	int64_t at;
	bool spread; /* it is in parts */
	struct inbox_part parts[BUCKET_PARTS + 1];
	struct strmap seen; /* message id -> its last line in the spool */
	/* Written, not yet confirmed. */
	bool published;
	struct bucket_set publishing; /* the parts, of one that has some */

	/* Not in the spool yet: whole pieces, and the lines of the message
	 * being read. */
	struct buf pending, run;
	char *run_id;
	uint64_t run_line;

	/* Published, the newest last. */
	struct inbox_done done[INBOX_DONE];
	size_t done_n;
	int64_t done_at;
	char *ignored; /* an old one whose lines are passed over */
};

/* The tenant of that name, created if need be. */
struct inbox_tenant *inbox_tenant(
    struct inbox *in, const char *name, size_t len);
void inbox_forget(struct inbox_tenant *t);

/* Counts a line of its part, which begins, ends, or has a line more. */
void inbox_begin_part(struct inbox_tenant *t, unsigned part);
bool inbox_is_part_whole(const struct inbox_part *p);
/* Something of it may be published. */
bool inbox_is_ready(const struct inbox *in, const struct inbox_tenant *t);

/* That part of that snapshot was published already. */
bool inbox_is_done(const struct inbox_tenant *t, struct text id, unsigned part);

/* Reads the folder; in->dir is set and locked. */
int inbox_load(struct inbox *in, struct buf *why)
    __attribute__((warn_unused_result));

/* Makes a piece of the lines of the message being read. */
void inbox_end_run(struct inbox_tenant *t);

enum outcome inbox_remove_spool(struct inbox *in, struct inbox_tenant *t)
    __attribute__((warn_unused_result));

#endif
