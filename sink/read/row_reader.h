/*
 * row_reader: reads lines of the input into rows of the workers' batches. A
 * line that is not a valid row becomes a dead letter with its reason, and is
 * counted as refused in its snapshot. A message is stored even if a bad
 * analysis in it makes its line a dead letter. The lines of a flush go into one
 * batch, when the flush is complete, and a batch has one flush of a tenant.
 */
#ifndef SINK_READ_ROW_READER_H
#define SINK_READ_ROW_READER_H

#include "common/endpoint/endpoint.h"
#include "common/records/scan.h"
#include "common/stage/deadletter.h"
#include "sink/read/flush_answers.h"
#include "sink/read/flush_lines.h"
#include "sink/store/workers.h"

/* The progress of a snapshot: it has begun, some of its rows are missing, or it
 * is stored. */
struct snapshot_progress {
	char *snapshot;
	int64_t as_of, arrived, records;
	bool stored;
};

struct row_reader {
	uint64_t lines;     /* number of the current line */
	uint64_t rows;      /* lines that are rows of a table */
	uint64_t cut;       /* texts truncated to the width of their
			     * column */
	uint64_t skipped;   /* records that are not rows */
	struct strmap open; /* tenant -> progress of its current snapshot */

	/* private */
	struct endpoint *in;
	struct deadletter *dead;
	struct workers *workers;
	struct flush_answers *answers;
	struct flush_lines flushes;
	struct flush *flush; /* to which the current line belongs; NULL: none */
	bool ends_message;   /* the current block is the last of its message */
	struct scan scan;
	struct flat flat;
	struct buf why;
	uint32_t warned_cut[TABLES]; /* bit k: the warning for column k was
				      * logged */
};

/* The arguments are borrowed and must outlive t. */
void row_reader_init(struct row_reader *t, struct endpoint *in,
    struct deadletter *dead, struct workers *workers,
    struct flush_answers *answers);

/* Begins a block of lines, which is borrowed until it is read; `lines` precede
 * it. */
void row_reader_begin(
    struct row_reader *t, char *block, size_t len, uint64_t lines);

/* Reads lines of the block until a batch is full, or to the end; *more: there
 * are lines left. Returns DONE, or the outcome of a dead letter that could not
 * be written: then stop. */
enum outcome row_reader_lines(struct row_reader *t, bool *more);

void row_reader_release(struct row_reader *t);

/* For a map from tenants to struct snapshot_progress: the first stores a copy
 * of *what with the snapshot's name, replacing the tenant's previous one; the
 * second frees a value of that map (NULL is allowed). */
void snapshot_progress_put(struct strmap *map, struct text tenant,
    struct text snapshot, const struct snapshot_progress *what);
void snapshot_progress_free(void *p);

#endif
