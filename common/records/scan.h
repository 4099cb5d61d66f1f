/*
 * scan: reads the records of a block of lines, as fast as this machine can:
 * the way of everything that comes by the million. endpoint_read_block() gives
 * such blocks.
 *
 *     scan_block(s, block, len);
 *     while ((rc = scan_record(s, &r)) != 0)
 *             if (rc == -1) ... s->line is bad: buf_str(&s->why) ...
 *
 * Verdicts, values and reasons are record_parse()'s in every case; what is
 * unusual is handed to it, that record only. scan.c tells how the rest goes.
 *
 * simdjson 3.0 and jansson were weighed: the metrics of a million messages take
 * aggregator 0.42 s of CPU, 0.84 with simdjson on demand, which is C++ besides,
 * and 4.8 with jansson. `tests/bench/run parse` measures all three.
 *
 * What a record borrows stays where it is until the next scan_block(), with
 * one exception: r->flat, until the next scan_record(). It is there for rows
 * and for types that are not known, and may be NULL for all others.
 */
#ifndef COMMON_RECORDS_SCAN_H
#define COMMON_RECORDS_SCAN_H

#include "common/base/buf.h"
#include "common/containers/keywords.h"
#include "common/records/record.h"
#include "common/text/scan_index.h"

#include <stddef.h>
#include <stdint.h>

/* What must be readable before and behind a block. */
#define SCAN_BEFORE 64
#define SCAN_BEHIND 128

struct scan {
	/* Of the last scan_record(): its line, without newline, borrowed from
	 * the block; after a bad one the reason, and what could be read of it
	 * (flat.n is 0 if nothing). */
	const char *line;
	size_t len;
	struct buf why;
	struct flat flat;

	/* May be set after scan_init(): r->text is not read, and may stay as it
	 * is written, escapes and all. */
	bool skips_text;

	uint64_t fast, slow; /* how many went which way, since scan_init() */

	/* Private. */
	const char *at, *end; /* the next line, and the block's end */
	const char *window;   /* the index' end */
	struct scan_index index;
	size_t k;              /* the next closing quote in it */
	struct keyword tenant; /* the last good one, if it is short */
};

void scan_init(struct scan *s);
void scan_release(struct scan *s);

/* Begins a block: whole lines, each with its newline; empty is fine. Borrowed
 * until the next one. */
void scan_block(struct scan *s, const char *block, size_t len);

/* 1: a record (RECORD_UNKNOWN too), 0: the block is at its end, -1: a line
 * that is none. */
int scan_record(struct scan *s, struct record *r)
    __attribute__((warn_unused_result));

#endif
