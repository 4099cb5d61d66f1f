/*
 * zone: a time zone by its IANA name, from the system's tzdata, which Debian
 * updates: the difference between local clocks and UTC, in the past and the
 * future. Alternatives: localtime_r(3) knows one zone for each process; ICU
 * brings its own zones, which are as old as the library; GLib's GTimeZone
 * accepts paths and rules as names. An open zone is only read, so any number of
 * threads may use it.
 */
#ifndef COMMON_HOURS_ZONE_H
#define COMMON_HOURS_ZONE_H

#include "common/base/buf.h"

#include <stddef.h>
#include <stdint.h>

#define ZONE_NAME_MAX 64

/* Files of tzdata list the changes up to this year, unless they were built with
 * zic -b slim; those are refused. */
#define ZONE_LAST_YEAR 2037

struct zone;

/* Opens a zone such as "Europe/Lisbon". Names consist of letters, digits, _ + -
 * and slashes between parts, so they cannot leave the folder. UTC needs no
 * tzdata. Owned; returns NULL and *why (why may be NULL) if there is no such
 * zone. */
struct zone *zone_open(const char *name, struct buf *why)
    __attribute__((warn_unused_result));

/* The same from the bytes of a tzdata file (RFC 9636, version 2 and later);
 * NULL if they are not such a file. */
struct zone *zone_read(const void *data, size_t len)
    __attribute__((warn_unused_result));

/* NULL is allowed. */
void zone_close(struct zone *z);

/* A period with one offset. */
struct zone_span {
	int64_t since, until; /* ms; INT64_MIN, INT64_MAX: unlimited */
	int64_t offset;       /* ms, positive in the east */
};

/* Returns the period that contains the time. */
struct zone_span zone_find(const struct zone *z, int64_t ms);

/* Local times are ms since 1970 as the clock shows them. Of a time that it
 * shows twice, zone_first() returns the first instant and zone_last() the last;
 * for a time that it skips, both return the instant of the change. */
int64_t zone_first(const struct zone *z, int64_t local);
int64_t zone_last(const struct zone *z, int64_t local);

#endif
