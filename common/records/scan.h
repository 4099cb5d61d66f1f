/*
 * scan: reads the records of a block of lines, as returned by
 * endpoint_read_block().
 *
 *     scan_block(s, block, len);
 *     while ((rc = scan_record(s, &r)) != 0)
 *             if (rc == -1) ... s->line is bad: buf_str(&s->why) ...
 *
 * Each line is read by record_parse(). A record's texts are borrowed until the
 * next scan_block(), but r->flat only until the next scan_record().
 */
#ifndef COMMON_RECORDS_SCAN_H
#define COMMON_RECORDS_SCAN_H

#include "common/base/buf.h"
#include "common/records/record.h"

#include <stddef.h>

struct scan {
	/* For the last scan_record(): its line without newline, borrowed from
	 * the block; after a bad line, the reason and the fields that could be
	 * read (flat.n is 0 if none). */
	const char *line;
	size_t len;
	struct buf why;
	struct flat flat;

	/* Private: the next line, and the block's end. */
	const char *at, *end;
};

void scan_init(struct scan *s);
void scan_release(struct scan *s);

/* Begins a block of complete lines, each with its newline; it may be empty.
 * LINES_BEHIND bytes (lines.h) after it must be readable. Borrowed until the
 * next call. */
void scan_block(struct scan *s, const char *block, size_t len);

/* Returns the number of bytes that are not read yet, which begin at *at, with a
 * line, and belong to the block. scan_block() can continue at any line of
 * them. */
size_t scan_rest(const struct scan *s, const char **at);

/* Returns 1: a record (also RECORD_UNKNOWN), 0: the end of the block, -1: a bad
 * line. */
int scan_record(struct scan *s, struct record *r)
    __attribute__((warn_unused_result));

#endif
