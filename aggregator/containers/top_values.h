/*
 * top_values: the largest of many times or lengths, of which some may be taken
 * back because a message was edited or came late. Remembers the few largest
 * alone, so that it fits a row that is kept for a million keys: exact unless
 * all that it remembers are taken back and nothing larger came since; then it
 * is the largest of the others, or a little more.
 *
 * The smallest is the peak of the negated. Zeroed structs are empty.
 */
#ifndef AGGREGATOR_CONTAINERS_TOP_VALUES_H
#define AGGREGATOR_CONTAINERS_TOP_VALUES_H

#include "common/base/clock.h"

#include <stdint.h>

enum {
	TOP_VALUES_KEPT = 4,
	TOP_VALUES_KEPT_LONG = 64,
};

/* What is not remembered. */
struct top_values_rest {
	int64_t most;  /* none of it is larger */
	uint32_t kept; /* how many are remembered */
	uint32_t any;  /* 1: there are or were others */
};

struct top_values {
	struct top_values_rest rest;
	int64_t v[TOP_VALUES_KEPT]; /* the largest first */
};

/* For few keys from which much is taken back. */
struct top_values_long {
	struct top_values_rest rest;
	int64_t v[TOP_VALUES_KEPT_LONG];
};

void top_values_add(struct top_values *p, int64_t x);
void top_values_remove(struct top_values *p, int64_t x);
void top_values_add_long(struct top_values_long *p, int64_t x);
void top_values_remove_long(struct top_values_long *p, int64_t x);

/* CLOCK_NONE: empty. */
int64_t top_values_get(const struct top_values *p);
int64_t top_values_get_long(const struct top_values_long *p);

#endif
