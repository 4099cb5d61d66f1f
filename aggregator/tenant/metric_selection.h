/*
 * metric_selection: which metrics a run computes, by the names of -a and
 * [aggregator] metrics. A name selects one table or more; messages, views and
 * eventlog select none: those records are passed through as they came.
 */
#ifndef AGGREGATOR_TENANT_METRIC_SELECTION_H
#define AGGREGATOR_TENANT_METRIC_SELECTION_H

#include "common/base/buf.h"

#include "aggregator/metrics/metrics.h"

struct metric_selection {
	const struct metric *metrics[METRICS_MAX]; /* in the registry's order */
	size_t n;
	bool overview;   /* people asked for operators, chats or the tenant,
			    which one picture shows */
	bool allocation; /* allocation is selected */
	bool messages, views, eventlog; /* passed through */
};

/* Reads a list of names that ends with NULL; "all" selects all but those that
 * act. 0, or -1 and *why. */
int metric_selection_parse(struct metric_selection *c, char *const *names,
    struct buf *why) __attribute__((warn_unused_result));

/* Of what is selected keeps all but allocation. False: nothing is left. */
bool metric_selection_leave_out_allocation(struct metric_selection *c)
    __attribute__((warn_unused_result));

/* Selects the metric of that table, too: a report for people, or of one table,
 * needs it whatever was selected. */
void metric_selection_add(struct metric_selection *c, const char *table);

/* Changes the selection to that of one of several aggregators: a metric that
 * cannot be added up is replaced by the one that a view derives it from. */
void metric_selection_set_part(struct metric_selection *c);

/* Rows of that table are selected. */
bool metric_selection_has(const struct metric_selection *c, const char *table);

/* The overview for people shows the rows of the metric. */
bool metric_is_in_overview(const struct metric *f);

/* Selects all that the overview shows. */
void metric_selection_add_overview(struct metric_selection *c);

/* The record is passed through: its type is selected. */
bool metric_selection_passes(
    const struct metric_selection *c, const struct record *r);

/* A selected metric reads the messages' text. */
bool metric_selection_needs_text(const struct metric_selection *c);

#endif
