/*
 * job: what one run of the aggregator has to do; of the mode that runs, which
 * outlives all that reads it. What it points to is borrowed.
 */
#ifndef AGGREGATOR_TENANT_JOB_H
#define AGGREGATOR_TENANT_JOB_H

#include "common/conf/conf.h"
#include "common/endpoint/endpoint.h"
#include "common/output/output_table.h"

#include "aggregator/tenant/tenant_rows.h"

struct aggregator_job {
	const struct conf *conf;
	const char *from, *to;
	enum output_format format; /* resolved */
	const struct definition *definition;
	const struct metric *table; /* the one of CSV */
	const char *tenant;         /* only that one; NULL: all */
	const char *explain;        /* a chat's id; NULL: the tables */
	const char *state;          /* folder; of a queue */
	const char *assign_to; /* where reservations go; NULL: among the rows of
				  a one-shot run */
	int64_t limit;         /* of everybody, in a one-shot run;
				  RECORD_NO_NUMBER: as in the records */
	struct metric_selection selection;
	struct shard part;
	bool until_empty;
};

#endif
