/*
 * inbox_store: what the files of the inbox share, and nobody else needs.
 */
#ifndef AGGREGATOR_INBOX_STORE_H
#define AGGREGATOR_INBOX_STORE_H

#include "aggregator/inbox.h"

struct inbox_tenant {
	char *name, *path, *done_path;

	/* The unfinished snapshot; id NULL: there is none. */
	char *id;
	int64_t at;
	int64_t records; /* by its end marker; -1: not come yet */
	uint64_t lines;
	struct strmap seen; /* message id -> its last line in the spool */
	bool published;     /* its rows were written, not yet confirmed */

	/* Not in the spool yet: whole pieces, and the lines of the message
	 * being read. */
	struct buf pending, run;
	char *run_id;
	uint64_t run_line;

	/* Published, the newest last. */
	char *done[INBOX_DONE];
	size_t done_n;
	int64_t done_at;
	char *ignored; /* an old one whose lines are passed over */
};

/* The tenant of that name, created if need be. */
struct inbox_tenant *inbox_tenant(
    struct inbox *in, const char *name, size_t len);
void inbox_forget(struct inbox_tenant *t);
bool inbox_is_whole(const struct inbox_tenant *t);

/* Reads the folder; in->dir is set and locked. */
int inbox_load(struct inbox *in, struct buf *why)
    __attribute__((warn_unused_result));

/* Makes a piece of the lines of the message being read. */
void inbox_end_run(struct inbox_tenant *t);

enum outcome inbox_remove_spool(struct inbox *in, struct inbox_tenant *t)
    __attribute__((warn_unused_result));

#endif
