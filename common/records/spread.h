/*
 * spread: what an exchange does with a line: which lane it goes to (bucket.h),
 * and which time it tells. Aggregators behind an exchange see a part of a
 * tenant's records each, but windows, what is late and what is active go by
 * the newest time of all of them. So whoever publishes tells all of them that
 * time, in records of the type `clock`, each time it has moved: with the
 * records themselves, so that nobody has to ask, and a queue that was read to
 * its end has all of it.
 */
#ifndef COMMON_RECORDS_SPREAD_H
#define COMMON_RECORDS_SPREAD_H

#include "common/base/buf.h"
#include "common/containers/strmap.h"
#include "common/text/flat.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A zeroed one is valid. */
struct spread {
	struct flat flat;
	struct buf line;
	struct strmap times; /* tenant -> struct spread_time */
	bool moved;          /* some of them did */
	int64_t added_ms;    /* when they were told last */
};

void spread_release(struct spread *s);

/* The lane of the line; its time is noted. */
unsigned spread_bucket(struct spread *s, const char *line, size_t len);

/* Appends a line, each with its newline, for every tenant whose time has moved
 * since it was told; nothing if that was less than pause_ms ago. */
void spread_add_clocks(struct spread *s, struct buf *to, int64_t pause_ms);

#endif
