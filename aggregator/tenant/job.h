/*
 * job: the task of one run of the aggregator. It belongs to the mode that runs
 * and outlives all users. Its pointers are borrowed.
 */
#ifndef AGGREGATOR_TENANT_JOB_H
#define AGGREGATOR_TENANT_JOB_H

#include "common/conf/conf.h"
#include "common/endpoint/endpoint.h"
#include "common/output/output_table.h"

#include "aggregator/rows/shard.h"
#include "aggregator/tenant/metric_selection.h"

struct eventcounter_job;

struct aggregator_job {
	const struct conf *conf;
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
	int64_t limit;              /* for every operator, in a one-shot run;
				     * RECORD_NO_NUMBER: as in the records */
	/* Set if messages from another program are read instead of records. */
	const struct eventcounter_job *counter;
	struct metric_selection selection;
	struct shard part;
	bool until_empty;
};

#endif
