/*
 * interval_filter: the parameters of /api/v1/intervals that choose by more than
 * a column, as /api/v1/figure does:
 *
 *   weekday, hour    of their end, by the clock in `zone`; need from and to
 *   open=1           of the present episode of chats that are open; of their
 *                    whole life by the definition of Chatwoot, which `sink
 *                    --migrate` stores (sink/tables/thresholds.h)
 */
#ifndef SINK_RESPONSES_INTERVAL_FILTER_H
#define SINK_RESPONSES_INTERVAL_FILTER_H

#include "sink/api/question.h"

/* Up to NULL. */
extern const char *const interval_parameters[];

/* Appends the conditions, on columns of intervals: " AND ...". False: the
 * answer is a problem. */
bool interval_filter_add(struct question *q, struct buf *sql)
    __attribute__((warn_unused_result));

/* Appends those of these parameters that the question has: "&open=1". */
void interval_filter_link(const struct question *q, struct buf *to);

#endif
