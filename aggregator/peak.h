/*
 * peak: the largest of many times or lengths, of which some may be taken back
 * because a message was edited or came late. Remembers the few largest alone,
 * so that it fits a row that is kept for a million keys: exact unless all that
 * it remembers are taken back and nothing larger came since; then it is the
 * largest of the others, or a little more.
 *
 * The smallest is the peak of the negated. Zeroed structs are empty.
 */
#ifndef AGGREGATOR_PEAK_H
#define AGGREGATOR_PEAK_H

#include "common/clock.h"

#include <stdint.h>

enum {
	PEAK_KEPT = 4,
	PEAK_KEPT_LONG = 64,
};

/* What is not remembered. */
struct peak_rest {
	int64_t most;  /* none of it is larger */
	uint32_t kept; /* how many are remembered */
	uint32_t any;  /* 1: there are or were others */
};

struct peak {
	struct peak_rest rest;
	int64_t v[PEAK_KEPT]; /* the largest first */
};

/* For few keys from which much is taken back. */
struct peak_long {
	struct peak_rest rest;
	int64_t v[PEAK_KEPT_LONG];
};

void peak_add(struct peak *p, int64_t x);
void peak_remove(struct peak *p, int64_t x);
void peak_add_long(struct peak_long *p, int64_t x);
void peak_remove_long(struct peak_long *p, int64_t x);

/* CLOCK_NONE: empty. */
int64_t peak_get(const struct peak *p);
int64_t peak_get_long(const struct peak_long *p);

#endif
