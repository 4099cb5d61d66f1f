/*
 * counted_elsewhere: the responses that an earlier generation of aggregators
 * counted, of the chats that it handed over. Its rows stay as they are, so one
 * that a record of today withdraws remains counted there: it leaves a vacancy,
 * which the next response with the same begin, or else the same message at its
 * end, fills without being counted; a reply also that of a first response, and
 * the other way round. So the number of responses stays right, and what is lost
 * is only how long that one took, whose it was, and whether it was the first.
 */
#ifndef AGGREGATOR_COUNTING_COUNTED_ELSEWHERE_H
#define AGGREGATOR_COUNTING_COUNTED_ELSEWHERE_H

#include "aggregator/counting/streaming_metric.h"

struct counted_elsewhere {
	bool parts; /* false: not one of several; no table */
	struct keyed_state table;
};

/* name: of its table in the state. */
void counted_elsewhere_open(struct counted_elsewhere *t,
    const struct streaming_metric_setup *setup, const char *name);
void counted_elsewhere_close(struct counted_elsewhere *t);

/* Notes that an interval begins to exist, or ceases to (withdrawn). True: an
 * earlier generation counts it, or one that it stands for; it is not to be
 * counted, nor taken off. */
bool counted_elsewhere_change(struct counted_elsewhere *t,
    const struct streaming_metric_interval *i, bool withdrawn);

/* Forgets the responses that ended, and the vacancies that began, before. */
void counted_elsewhere_expire(struct counted_elsewhere *t, int64_t before);

#endif
