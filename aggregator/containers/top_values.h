/*
 * top_values: the largest of many lengths. A length may be removed again if a
 * message is edited or arrives late. Only the largest lengths are kept. The
 * result is exact unless all stored values have been removed and no larger one
 * has been added since; it is then an upper bound of the others.
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
	int64_t most;               /* an upper bound of the values that were
				     * not kept */
	uint32_t kept;              /* number of values in v */
	uint32_t any;               /* 1: some values are not kept, now or
				     * earlier */
	int64_t v[TOP_VALUES_KEPT]; /* in descending order */
};

void top_values_add(struct top_values *p, int64_t x);
void top_values_remove(struct top_values *p, int64_t x);

/* Returns the largest value; CLOCK_NONE if there is none. */
int64_t top_values_get(const struct top_values *p);

#endif
