/*
 * top_values: the largest of many times or lengths, of which some may be
 * removed again because a message was edited or came late. Only the few largest
 * are kept, so that it fits a row that is kept for a million keys. The result
 * is exact unless all that are kept were removed and no larger one came since;
 * then it is an upper bound of the others.
 *
 * For the smallest, add negated values. Zeroed structs are empty.
 */
#ifndef AGGREGATOR_CONTAINERS_TOP_VALUES_H
#define AGGREGATOR_CONTAINERS_TOP_VALUES_H

#include "common/base/clock.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	TOP_VALUES_KEPT = 4,
	TOP_VALUES_KEPT_LONG = 64,
};

/* The values that are not kept. */
struct top_values_rest {
	int64_t most;  /* none of them is larger */
	uint32_t kept; /* how many are in v */
	uint32_t any;  /* 1: there are or were such values */
};

struct top_values {
	struct top_values_rest rest;
	int64_t v[TOP_VALUES_KEPT]; /* the largest first */
};

/* For few keys with many removals. */
struct top_values_long {
	struct top_values_rest rest;
	int64_t v[TOP_VALUES_KEPT_LONG];
};

void top_values_add(struct top_values *p, int64_t x);
void top_values_remove(struct top_values *p, int64_t x);
void top_values_add_long(struct top_values_long *p, int64_t x);
void top_values_remove_long(struct top_values_long *p, int64_t x);

/* The largest value; CLOCK_NONE: empty. */
int64_t top_values_get(const struct top_values *p);
/* Whether that is a bound only, unless there are no values any more. */
bool top_values_is_bound(const struct top_values *p);
int64_t top_values_get_long(const struct top_values_long *p);

#endif
