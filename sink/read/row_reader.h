/*
 * row_reader: lines in, rows in a load. What is no row that can be stored goes
 * to the dead letters with its reason, and is accounted for in its snapshot.
 */
#ifndef SINK_READ_ROW_READER_H
#define SINK_READ_ROW_READER_H

#include "common/endpoint/deadletter.h"
#include "common/endpoint/endpoint.h"
#include "common/records/scan.h"
#include "sink/store/batch_group.h"

/* A snapshot that has begun, or that lacks rows. */
struct seen {
	char *snapshot;
	int64_t as_of, arrived, records;
};

struct row_reader {
	uint64_t lines;     /* read, bad ones included */
	uint64_t rows;      /* in them */
	uint64_t cut;       /* texts cut to the width of their column */
	uint64_t skipped;   /* records that are no rows */
	struct strmap open; /* tenant -> struct seen that has begun */

	/* private */
	struct endpoint *in;
	struct deadletter *dead;
	struct scan scan;
	struct flat flat;
	struct buf why;
	uint32_t said_cut[TABLES]; /* of which columns that was said */
	char *block_end;           /* of the endpoint's block */
	const char *copy_end;      /* of ours */
	struct endpoint_mark mark; /* of what was returned before the block */
	bool inside;               /* lines of the block are left */
	bool bad, long_line;       /* of which no letter was sent yet */
	struct batch_group *load;  /* that holds our block */
};

/* Both are borrowed. */
void row_reader_init(
    struct row_reader *t, struct endpoint *in, struct deadletter *dead);

/* Reads a block, or what is left of one, until the load has `full` rows or
 * bytes. The endpoint's answer; RECORD and TOOLONG: something was taken.
 * *o: DONE; else what the dead letters say: call again to go on with the same
 * line. */
enum endpoint_status row_reader_read(struct row_reader *t,
    struct batch_group *l, size_t full_rows, size_t full_bytes, int timeout_ms,
    enum outcome *o);

/* How far the input may be acknowledged when all that was read is safe. */
struct endpoint_mark row_reader_mark(const struct row_reader *t);

void row_reader_release(struct row_reader *t);

/* A map from tenants to snapshots. */
void seen_put(struct strmap *map, struct text tenant, struct text snapshot,
    const struct seen *what);
void seen_free(void *p);

#endif
