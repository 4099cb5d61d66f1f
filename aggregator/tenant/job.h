/*
 * job: what one run of the aggregator is asked to do.
 */
#ifndef AGGREGATOR_TENANT_JOB_H
#define AGGREGATOR_TENANT_JOB_H

#include "common/conf/conf.h"
#include "common/endpoint/endpoint.h"
#include "common/text/out.h"

#include "aggregator/tenant/report.h"

struct aggregator_job {
	const struct conf *conf;
	const char *from, *to;
	enum out_format format; /* resolved */
	const struct rules *rules;
	const struct metric *table; /* of CSV */
	const char *tenant;         /* only that one; NULL: all */
	const char *explain;        /* a chat; NULL: the tables */
	const char *state;          /* of a queue */
	const char *assign_to; /* reservations; NULL: by hand among the rows */
	int64_t limit; /* everybody's, by hand; RECORD_NO_NUMBER: as told */
	struct metric_selection selection;
	struct shard part;
	bool until_empty;
	bool export;
};

#endif
