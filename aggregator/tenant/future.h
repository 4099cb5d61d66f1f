/*
 * future: refuses records of the future. One whose time is far after the system
 * clock is an error of the publisher's clock: it would make all later records
 * of its tenant late, and waits longer than they are. With [aggregator] clock =
 * records, as for a replay of made-up times, no time is refused.
 */
#ifndef AGGREGATOR_TENANT_FUTURE_H
#define AGGREGATOR_TENANT_FUTURE_H

#include "common/conf/conf.h"
#include "common/records/record.h"

struct future {
	bool bounded;     /* by the system clock */
	int64_t ahead_ms; /* so long after it a time may be */
	/* Private: no time up to this one was refused when the clock was read
	 * last, so that it is read for few records. */
	int64_t allowed;
	char why[80];
};

void future_init(struct future *f, const struct conf *conf);

/* Why the record is refused, until the next call; NULL: it is not. Removes from
 * a record that is not a time in the future since when its operator is
 * available. */
const char *future_refuses(struct future *f, struct record *r);

#endif
