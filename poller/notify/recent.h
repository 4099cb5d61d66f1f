/*
 * recent: a set of texts that remembers each for at least a day, and at most
 * two.
 */
#ifndef POLLER_NOTIFY_RECENT_H
#define POLLER_NOTIFY_RECENT_H

#include "common/containers/strmap.h"

#include <stdbool.h>
#include <stdint.h>

/* A zeroed struct is empty. */
struct recent {
	struct strmap days[2]; /* the current day, and the one before */
	int64_t began_ms;
};

void recent_add(struct recent *r, const char *text);
bool recent_has(const struct recent *r, const char *text);
void recent_release(struct recent *r);

#endif
