/*
 * row_reader: reads lines of the input into rows of a batch group. A line that
 * is not a row the tables can hold becomes a dead letter with its reason, and
 * is counted as refused in its snapshot; a message is stored even if the
 * analysis in it makes its line one.
 */
#ifndef SINK_READ_ROW_READER_H
#define SINK_READ_ROW_READER_H

#include "common/endpoint/endpoint.h"
#include "common/records/scan.h"
#include "common/stage/deadletter.h"
#include "sink/rows/batch_group.h"

/* How far a snapshot has come: it has begun, or rows of it are missing. */
struct snapshot_progress {
	char *snapshot;
	int64_t as_of, arrived, records;
};

struct row_reader {
	uint64_t lines;     /* read, bad ones included */
	uint64_t rows;      /* lines that are rows of a table */
	uint64_t cut;       /* texts cut to the width of their column */
	uint64_t skipped;   /* records that are not rows */
	struct strmap open; /* tenant -> progress of the snapshot that began */

	/* May be set: a block of messages behind rows, or of rows behind
	 * messages, is put off once, with ENDPOINT_WAIT, so that the group may
	 * be stored without it. */
	bool parts_kinds;

	/* private */
	struct endpoint *in;
	struct deadletter *dead;
	struct scan scan;
	struct flat flat;
	struct buf why;
	uint32_t
	    warned_cut[TABLES];    /* bit k: the warning for column k is out */
	char *block_end;           /* end of the endpoint's block */
	const char *lines_end;     /* the same, of the copy in `group` */
	struct endpoint_mark mark; /* of the lines before the block */
	bool inside;               /* lines of the block are left */
	bool bad, long_line;       /* its dead letter is still to be written */
	struct batch_group *group; /* that holds the copy; NULL: none yet */
};

/* `in` and `dead` are borrowed and outlive t. */
void row_reader_init(
    struct row_reader *t, struct endpoint *in, struct deadletter *dead);

/* Reads a block, or the rest of one, until the group has full_rows lines or
 * full_bytes bytes. Returns the endpoint's status; RECORD and TOOLONG mean that
 * lines were read. *o is DONE, or the outcome of a dead letter that could not
 * be written: call again to go on with the same line. */
enum endpoint_status row_reader_read(struct row_reader *t,
    struct batch_group *g, size_t full_rows, size_t full_bytes, int timeout_ms,
    enum outcome *o) __attribute__((nonnull(2)));

/* How far the input may be acknowledged once all rows read so far are safe. */
struct endpoint_mark row_reader_mark(const struct row_reader *t);

void row_reader_release(struct row_reader *t);

/* For a map from tenants to struct snapshot_progress: stores a copy of *what
 * with the snapshot's name, in place of the tenant's former one; and frees a
 * value of that map (NULL is fine). */
void snapshot_progress_put(struct strmap *map, struct text tenant,
    struct text snapshot, const struct snapshot_progress *what);
void snapshot_progress_free(void *p);

#endif
