/*
 * job: the task of one run of the aggregator: which records it reads, which
 * metrics it computes of them, and where their rows go. It belongs to the mode
 * that runs and outlives all users. Its pointers are borrowed.
 */
#ifndef AGGREGATOR_TENANT_JOB_H
#define AGGREGATOR_TENANT_JOB_H

#include "common/conf/conf.h"
#include "common/endpoint/endpoint.h"
#include "common/hours/terms.h"
#include "common/output/output_table.h"

#include "aggregator/metrics/metric.h"

/* The metrics by the names in -a and [aggregator] metrics. A name selects one
 * or more tables; messages, views and eventlog select no table: those records
 * are passed through unchanged. */
struct metric_selection {
	/* In the order of the table of metrics. */
	const struct metric *metrics[METRICS_MAX];
	size_t n;
	bool overview;   /* people asked for operators, chats or the tenant,
			  * which the overview shows together */
	bool allocation; /* allocation is selected */
	bool messages, views, eventlog; /* passed through */
};

/* Events of another publisher are counted; see stream_eventcounter.c. */
struct eventcounter_job {
	const char *exchange; /* declared and bound if missing */
	const char *json_dir; /* where files with the counts go; NULL: none */
	const char *to;       /* endpoint of the rows; NULL: no rows */
	int64_t idle_exit_ms; /* the run ends if the queue is empty and no
			       * message has arrived for this long; -1: never */
};

/* Who has the state of a stream. */
enum keep_state {
	KEEP_LOCAL,      /* only its folder */
	KEEP_AS_BEFORE,  /* as the last run; without one, as the database */
	KEEP_IN_DATABASE /* the database too; see stream_log.c */
};

struct aggregator_job {
	const struct conf *conf;
	const char *config;             /* the file that -c names, or NULL */
	const struct terms_book *terms; /* hours and targets */
	const char *from, *to;
	enum output_format format; /* resolved */
	const struct definition *definition;
	const struct metric *table; /* the table to write as CSV */
	const char *tenant;         /* only this tenant; NULL: all */
	const char *explain;        /* a chat's id to explain; NULL: write
				     * tables */
	const char *state;          /* folder of a stream; NULL: only this run's
				     * memory */
	const char *assign_to;      /* where a stream's reservations go */
	const char *notices_to;     /* where a stream's notices go; NULL: there
				     * are no rules */
	int64_t limit;              /* for every operator, in a one-shot run;
				     * RECORD_NO_NUMBER: as in the records */
	const struct eventcounter_job *counter; /* NULL: records are read */
	struct metric_selection selection;
	bool until_empty;
	enum keep_state keep;
	bool rewrite; /* replaces what the database has of a stream's state if
		       * that is older */
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

/* True if rows of that table are selected. */
bool metric_selection_has(const struct metric_selection *c, const char *table);

/* Selects everything that the overview shows. */
void metric_selection_add_overview(struct metric_selection *c);

/* True if records of this type are selected and therefore passed through. */
bool metric_selection_passes(
    const struct metric_selection *c, const struct record *r);

#endif
