/*
 * scan: a fast reader for large numbers of records. It reads a block of lines,
 * as returned by endpoint_read_block().
 *
 *     scan_block(s, block, len);
 *     while ((rc = scan_record(s, &r)) != 0)
 *             if (rc == -1) ... s->line is bad: buf_str(&s->why) ...
 *
 * Results, values and reasons are always those of record_parse(), to which
 * rows, snapshot markers, unknown types and every unusual line are passed.
 * scan.c explains how the others are read.
 *
 * Measured: aggregating the metrics of a million messages takes 0.42 s of CPU,
 * 0.84 with simdjson 3.0 on demand, which is C++, and 4.8 s with jansson
 * (`tests/bench/run parse`).
 *
 * A record's texts are borrowed until the next scan_block(), but r->flat only
 * until the next scan_record(). r->flat is set for rows, snapshot markers and
 * unknown types; it may be NULL for all others.
 */
#ifndef COMMON_RECORDS_SCAN_H
#define COMMON_RECORDS_SCAN_H

#include "common/base/buf.h"
#include "common/records/keywords.h"
#include "common/records/record.h"

#include <stddef.h>
#include <stdint.h>

/* Number of tenants whose names are remembered. */
#define SCAN_TENANTS 16

struct scan_index; /* opaque: where the strings of some lines end */

struct scan {
	/* For the last scan_record(): its line without newline, borrowed from
	 * the block; after a bad line, the reason and the fields that could be
	 * read (flat.n is 0 if none). */
	const char *line;
	size_t len;
	struct buf why;
	struct flat flat;

	/* May be set after scan_init(): the caller does not use r->text, so its
	 * escapes need not be replaced. */
	bool skips_text;

	uint64_t fast, slow; /* number of records read here, and by
			      * record_parse() */

	/* Private. */
	const char *at, *end; /* the next line, and the block's end */
	const char *window;   /* end of the indexed text */
	struct scan_index *index;
	size_t k; /* the next closing quote in it */
	/* Tenants of previous records, if their names are short; the last
	 * one. */
	struct keyword tenants[SCAN_TENANTS];
	size_t tenant;
};

void scan_init(struct scan *s);
void scan_release(struct scan *s);

/* For tests, after scan_init(): uses the code that runs on any processor. */
void scan_use_plain_code(struct scan *s);

/* Begins a block of complete lines, each with its newline; it may be empty.
 * LINES_BEFORE bytes (lines.h) before it and LINES_BEHIND after it must be
 * readable. Borrowed until the next call. */
void scan_block(struct scan *s, const char *block, size_t len);

/* Returns 1: a record (also RECORD_UNKNOWN), 0: the end of the block, -1: a bad
 * line. */
int scan_record(struct scan *s, struct record *r)
    __attribute__((warn_unused_result));

#endif
