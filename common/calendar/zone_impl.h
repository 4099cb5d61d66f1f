/*
 * zone_impl: what the files of zone share.
 */
#ifndef COMMON_CALENDAR_ZONE_IMPL_H
#define COMMON_CALENDAR_ZONE_IMPL_H

#include "common/calendar/zone.h"

#include <stdbool.h>

/* A rule makes at most two changes a year. */
#define ZONE_RULE_CHANGES (2 * (ZONE_LAST_YEAR - 1970 + 1))

struct zone_change {
	int64_t at, after; /* seconds; the offset from then on */
};

struct zone {
	struct zone_change *changes; /* in order; each changes the offset */
	size_t n, room;
	int64_t first; /* the offset while there is no change */
};

/* Adds a change behind the others; nothing when it changes nothing. False: it
 * lies before them, or there is no room. */
static inline bool
zone_add(struct zone *z, int64_t at, int64_t offset)
{
	int64_t before = z->first;

	if (z->n > 0) {
		before = z->changes[z->n - 1].after;
		if (at <= z->changes[z->n - 1].at)
			return false;
	}
	if (offset == before)
		return true;
	if (z->n == z->room)
		return false;
	z->changes[z->n++] = (struct zone_change){ at, offset };
	return true;
}

/* Adds the changes from the last one on by the rule that ends a file, such as
 * WET0WEST,M3.5.0/1,M10.5.0 (POSIX TZ). False: it is not a rule. */
bool zone_add_rule(struct zone *z, const char *rule);

#endif
