/*
 * peak: the largest of many times or lengths, of which some may be taken back
 * because a message was edited. Remembers the few largest alone, so that it
 * fits a row that is kept for a million keys: exact unless all that it
 * remembers are taken back and nothing larger came since; then it is the
 * largest of the others, or a little more.
 *
 * The smallest is the peak of the negated. A zeroed struct is empty.
 */
#ifndef AGGREGATOR_PEAK_H
#define AGGREGATOR_PEAK_H

#include "common/clock.h"

#include <stdint.h>

enum {
	PEAK_KEPT = 4,
};

struct peak {
	int64_t v[PEAK_KEPT]; /* the largest first */
	int64_t rest;         /* the others are not larger than this */
	uint32_t n;           /* of v */
	uint32_t more;        /* 1: there are or were others */
};

void peak_add(struct peak *p, int64_t x);
void peak_remove(struct peak *p, int64_t x);

/* CLOCK_NONE: empty. */
int64_t peak_get(const struct peak *p);

#endif
