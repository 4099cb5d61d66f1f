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

struct flat;

/* Messages of another program, read in the place of records: each becomes one
 * record (aggregator/eventcounter/eventcounter.h). */
struct foreign_input {
	void *ctx;
	const char *exchange, *binding; /* see endpoint.h */
	int64_t idle_exit_ms; /* the run ends when no message came for so long
				 and the queue is empty; -1: it does not */
	/* Makes a record of a message, borrowed from it and the scratch; -1
	 * and *why: it is none. */
	int (*read)(void *ctx, struct record *r, struct flat *scratch,
	    struct text routing_key, struct text body, struct buf *why);
	/* What the model has is committed: publishes it. */
	enum exit_code (*publish)(void *ctx, const struct model *m);
};

struct aggregator_job {
	const struct conf *conf;
	const char *from, *to;
	enum output_format format; /* resolved */
	const struct definition *definition;
	const struct metric *table; /* the one of CSV */
	const char *tenant;         /* only that one; NULL: all */
	const char *explain;        /* a chat's id; NULL: the tables */
	const char *state;     /* folder, of a queue; NULL: of this run alone */
	const char *assign_to; /* where reservations go; NULL: among the rows of
				  a one-shot run */
	int64_t limit;         /* of everybody, in a one-shot run;
				  RECORD_NO_NUMBER: as in the records */
	const struct foreign_input *foreign; /* NULL: records are read */
	struct metric_selection selection;
	struct shard part;
	bool until_empty;
};

#endif
