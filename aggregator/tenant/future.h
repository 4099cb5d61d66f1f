/*
 * future: refuses records whose time is far ahead of the system clock. Such a
 * time is due to a wrong clock at the publisher; it would make all later
 * records of its tenant late, and waits longer than they are. With [aggregator]
 * clock = records, which suits a replay of artificial times, no time is
 * refused.
 */
#ifndef AGGREGATOR_TENANT_FUTURE_H
#define AGGREGATOR_TENANT_FUTURE_H

#include "common/conf/conf.h"
#include "common/records/record.h"

struct future {
	bool bounded;     /* the system clock is the bound */
	int64_t ahead_ms; /* how far ahead of it a time may be */
	/* Private: times up to this one were accepted when the clock was last
	 * read, so for most records it is not read again. */
	int64_t allowed;
	char why[80];
};

void future_init(struct future *f, const struct conf *conf);

/* Returns the reason why the record is refused, valid until the next call, or
 * NULL. Removes available_at from an accepted operator record if it is in the
 * future. */
const char *future_refuses(struct future *f, struct record *r);

#endif
