/*
 * row_reader: reads lines of the input into rows of the workers' batches. A
 * line that is not a valid row becomes a dead letter with its reason, and is
 * counted as refused in its snapshot. A message is stored even if a bad
 * analysis in it makes its line a dead letter.
 */
#ifndef SINK_READ_ROW_READER_H
#define SINK_READ_ROW_READER_H

#include "common/endpoint/endpoint.h"
#include "common/records/scan.h"
#include "common/stage/deadletter.h"
#include "sink/store/workers.h"

/* The progress of a snapshot: it has begun, some of its rows are missing, or it
 * is stored. */
struct snapshot_progress {
	char *snapshot;
	int64_t as_of, arrived, records;
	bool stored;
};

struct row_reader {
	uint64_t lines;     /* lines read, including bad ones */
	uint64_t rows;      /* lines that are rows of a table */
	uint64_t cut;       /* texts truncated to the width of their
			     * column */
	uint64_t skipped;   /* records that are not rows */
	struct strmap open; /* tenant -> progress of its current snapshot */

	/* private */
	struct endpoint *in;
	struct deadletter *dead;
	struct workers *workers;
	struct scan scan;
	struct flat flat;
	struct buf why;
	uint32_t warned_cut[TABLES]; /* bit k: the warning for column k was
				      * logged */
	struct endpoint_mark mark;   /* for the lines before the block */
	bool inside;                 /* the block has lines left */
};

/* The arguments are borrowed and must outlive t. */
void row_reader_init(struct row_reader *t, struct endpoint *in,
    struct deadletter *dead, struct workers *workers);

/* Reads a block, or the rest of one, until a batch is full. Returns the
 * endpoint's status; RECORD and TOOLONG mean that lines were read. *o is DONE,
 * or the outcome of a dead letter that could not be written: then stop. */
enum endpoint_status row_reader_read(
    struct row_reader *t, int timeout_ms, enum outcome *o);

/* Returns how far the input may be acknowledged once all rows read so far are
 * safe. */
struct endpoint_mark row_reader_mark(const struct row_reader *t);

void row_reader_release(struct row_reader *t);

/* For a map from tenants to struct snapshot_progress: the first stores a copy
 * of *what with the snapshot's name, replacing the tenant's previous one; the
 * second frees a value of that map (NULL is allowed). */
void snapshot_progress_put(struct strmap *map, struct text tenant,
    struct text snapshot, const struct snapshot_progress *what);
void snapshot_progress_free(void *p);

#endif
