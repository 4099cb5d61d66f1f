/*
 * sink_row: reads rows for the tests of the sink.
 */
#ifndef TESTS_UNIT_SINK_ROW_H
#define TESTS_UNIT_SINK_ROW_H

#include "tests/unit/unit.h"

#include <string.h>

#include "common/base/xalloc.h"
#include "sink/rows/batch.h"
#include "sink/rows/row_record.h"

enum { PADDING = 64 }; /* behind a line, for record_parse() */

/* Reads a line into the batch's arena; NULL and *why if it is refused. */
static struct sink_row *
read_row(struct row_batch *b, struct flat *f, const char *line, struct buf *why)
{
	char *copy = arena_take(&b->arena, strlen(line) + PADDING);
	struct record r;

	memcpy(copy, line, strlen(line));
	if (record_parse(&r, f, copy, strlen(line), why) != 0)
		return NULL;
	return row_read(&r, copy, strlen(line), &b->arena, why);
}

#endif
