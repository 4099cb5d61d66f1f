/*
 * zone: a time zone by its IANA name, from the system's tzdata, which Debian
 * updates: when the clocks of a place were, and will be, how far from UTC.
 *
 * localtime_r(3) knows one zone a process. ICU brings zones of its own, as old
 * as the library; GLib's GTimeZone takes paths and rules for names. A zone here
 * is only read once it is open, so any number of threads may use it.
 */
#ifndef SINK_CALENDAR_ZONE_H
#define SINK_CALENDAR_ZONE_H

#include "common/base/buf.h"

#include <stddef.h>
#include <stdint.h>

#define ZONE_NAME_MAX 64

/* Changes after this year are not known: the last offset stays. */
#define ZONE_LAST_YEAR 2200

struct zone;

/* Opens "Europe/Lisbon". Names have letters, digits, _ + - and slashes between
 * parts, so they cannot lead out of the folder. UTC needs no tzdata. Owned;
 * NULL and *why (NULL: not wanted) when there is no such zone. */
struct zone *zone_open(const char *name, struct buf *why)
    __attribute__((warn_unused_result));

/* The same from the bytes of a file of tzdata (RFC 9636, version 2 and later);
 * NULL: they are no such file. */
struct zone *zone_read(const void *data, size_t len)
    __attribute__((warn_unused_result));

/* NULL is fine. */
void zone_close(struct zone *z);

/* A stretch of time with one offset. */
struct zone_span {
	int64_t since, until; /* ms; INT64_MIN, INT64_MAX: no end */
	int64_t offset;       /* ms, positive in the east */
};

/* The stretch that a time is in. */
struct zone_span zone_find(const struct zone *z, int64_t ms);

#endif
