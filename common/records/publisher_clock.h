/*
 * publisher_clock: of the lines that are published to an exchange the newest
 * time of each tenant. Each aggregator behind an exchange sees a part of a
 * tenant's records (bucket.h), but windows, lateness and activity depend on the
 * newest time of all records. So the publisher sends that time to all of them,
 * in records of the type `clock`, whenever it has moved. They go through the
 * same queues as the records, so that a queue read to its end has both. A time
 * that the aggregators refuse as too far ahead does not move it.
 */
#ifndef COMMON_RECORDS_PUBLISHER_CLOCK_H
#define COMMON_RECORDS_PUBLISHER_CLOCK_H

#include "common/base/buf.h"
#include "common/containers/strmap.h"
#include "common/text/flat.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A zeroed one is valid. */
struct publisher_clock {
	struct flat flat;
	struct buf line;
	int64_t ahead_ms;    /* [aggregator] ahead; 0: any time counts */
	struct strmap times; /* tenant -> struct publisher_time */
	bool moved;          /* a time has moved since added_ms */
	int64_t added_ms;    /* of the last clock records */
};

void publisher_clock_release(struct publisher_clock *s);

/* Remembers the time of the line, and returns its bucket, for which the line is
 * read anyway. */
unsigned publisher_clock_bucket(
    struct publisher_clock *s, const char *line, size_t len);

/* Appends a `clock` record, with its newline, for every tenant whose time has
 * moved; nothing if the last ones were appended less than pause_ms ago. */
void publisher_clock_add_records(
    struct publisher_clock *s, struct buf *to, int64_t pause_ms);

#endif
