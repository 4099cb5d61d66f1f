/*
 * metric_selection: which metrics a run computes, by the names in -a and
 * [aggregator] metrics. A name selects one or more tables; messages, views and
 * eventlog select no table: those records are passed through unchanged.
 */
#ifndef AGGREGATOR_TENANT_METRIC_SELECTION_H
#define AGGREGATOR_TENANT_METRIC_SELECTION_H

#include "common/base/buf.h"

#include "aggregator/metrics/metrics.h"

struct metric_selection {
	/* In the order of the table of metrics. */
	const struct metric *metrics[METRICS_MAX];
	size_t n;
	bool overview;   /* people asked for operators, chats or the tenant,
			  * which the overview shows together */
	bool allocation; /* allocation is selected */
	bool messages, views, eventlog; /* passed through */
};

/* Reads a list of names that ends with NULL; "all" selects all metrics except
 * those with side effects. Returns 0, or -1 and *why. */
int metric_selection_parse(struct metric_selection *c, char *const *names,
    struct buf *why) __attribute__((warn_unused_result));

/* Removes allocation from the selection. Returns false if nothing is left. */
bool metric_selection_leave_out_allocation(struct metric_selection *c)
    __attribute__((warn_unused_result));

/* Also selects the metric of that table, because a report for people, or of one
 * table, always needs it. */
void metric_selection_add(struct metric_selection *c, const char *table);

/* Adapts the selection to one of several aggregators: replaces a metric that
 * cannot be added up by the one from which a view computes it. */
void metric_selection_set_part(struct metric_selection *c);

/* True if rows of that table are selected. */
bool metric_selection_has(const struct metric_selection *c, const char *table);

/* True if the overview for people shows the rows of the metric. */
bool metric_is_in_overview(const struct metric *f);

/* Selects everything that the overview shows. */
void metric_selection_add_overview(struct metric_selection *c);

/* True if records of this type are selected and therefore passed through. */
bool metric_selection_passes(
    const struct metric_selection *c, const struct record *r);

/* True if a selected metric reads the text of messages. */
bool metric_selection_needs_text(const struct metric_selection *c);

#endif
