/*
 * holidays: the days of an iCalendar file (RFC 5545), read by libical. A
 * holiday is an all-day event with all its days and repetitions (RRULE, RDATE,
 * EXDATE). Other events, such as meetings, are ignored, and listed as ignored.
 */
#ifndef COMMON_HOURS_HOLIDAYS_H
#define COMMON_HOURS_HOLIDAYS_H

#include "common/base/buf.h"

#include <stddef.h>
#include <stdint.h>

/* Files may have this many bytes, and days in total. */
#define HOLIDAYS_MAX_BYTES ((size_t)4 * 1024 * 1024)
#define HOLIDAYS_MAX_DAYS 100000

struct holiday {
	int64_t day; /* days since 1970-01-01 */
	char *name;  /* owned; "" if the event has none */
};

/* A zeroed struct is valid and empty. */
struct holidays {
	struct holiday *list; /* in order, one for each day */
	size_t n, cap;
	struct buf ignored; /* what was ignored and why, in lines */
};

/* Adds the holidays of a file, of which only the days from first to last are
 * kept. Returns 0, or -1 and *why if the text is not an iCalendar file. */
int holidays_add(struct holidays *h, const char *text, int64_t first,
    int64_t last, struct buf *why) __attribute__((warn_unused_result));
void holidays_release(struct holidays *h);

/* Returns the name of the holiday on that day, borrowed; NULL if it is not a
 * holiday. */
const char *holidays_name(const struct holidays *h, int64_t day);

#endif
