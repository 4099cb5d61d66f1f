/*
 * metric_selection: which metrics a run computes, by the names of -a and
 * [aggregator] metrics. A metric is one table or more; messages, views and
 * eventlog have none of their own making: those records are passed on as they
 * came.
 */
#ifndef AGGREGATOR_TENANT_METRIC_SELECTION_H
#define AGGREGATOR_TENANT_METRIC_SELECTION_H

#include "common/base/buf.h"

#include "aggregator/rows/metric.h"

struct metric_selection {
	const struct metric *metrics[METRICS_MAX]; /* in the registry's order */
	size_t n;
	bool allocation;                /* it is among them */
	bool messages, views, eventlog; /* passed on */
};

/* From a NULL-ended list of names; "all" is all of them. 0, or -1 and *why. */
int metric_selection_parse(struct metric_selection *c, char *const *names,
    struct buf *why) __attribute__((warn_unused_result));

/* What a report for people, or one table alone, is made of, whatever was
 * chosen: adds those metrics. */
void metric_selection_add(struct metric_selection *c, const char *table);

/* As one of several aggregators makes them: what cannot be told in parts is
 * left out, and what views make it of is added. */
void metric_selection_set_part(struct metric_selection *c);

/* True when rows of that table are wanted. */
bool metric_selection_has(const struct metric_selection *c, const char *table);

/* Records of that type are passed on. */
bool metric_selection_passes(
    const struct metric_selection *c, enum record_type type);

/* Some metric reads what was said. */
bool metric_selection_needs_text(const struct metric_selection *c);

#endif
