/*
 * top_values: the largest of many lengths. Lengths may be removed again, when a
 * message was edited or came late. Only the largest are kept. The
 * result is exact unless all that are kept were removed and no larger one came
 * since; then it is an upper bound of the others.
 */
#ifndef AGGREGATOR_CONTAINERS_TOP_VALUES_H
#define AGGREGATOR_CONTAINERS_TOP_VALUES_H

#include "common/base/clock.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	TOP_VALUES_KEPT = 64,
};

/* A zeroed struct is empty. */
struct top_values {
	int64_t most;               /* none that is not kept is larger */
	uint32_t kept;              /* how many are in v */
	uint32_t any;               /* 1: some are not kept, or were not */
	int64_t v[TOP_VALUES_KEPT]; /* the largest first */
};

void top_values_add(struct top_values *p, int64_t x);
void top_values_remove(struct top_values *p, int64_t x);

/* The largest value; CLOCK_NONE: empty. */
int64_t top_values_get(const struct top_values *p);

#endif
