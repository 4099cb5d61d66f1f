/*
 * job: what one run of the aggregator is asked to do.
 */
#ifndef AGGREGATOR_JOB_H
#define AGGREGATOR_JOB_H

#include "common/conf.h"
#include "common/endpoint.h"
#include "common/out.h"

#include "aggregator/report.h"

struct job {
	const struct conf *conf;
	const char *from, *to;
	enum out_format format; /* resolved */
	const struct rules *rules;
	const struct figure *table; /* of CSV */
	const char *tenant;         /* only that one; NULL: all */
	const char *explain;        /* a chat; NULL: the tables */
	const char *state;          /* of a queue */
	const char *assign_to;      /* promises; NULL: by hand among the rows */
	int64_t limit; /* everybody's, by hand; RECORD_NO_NUMBER: as told */
	struct choice choice;
	struct part part;
	bool until_empty;
	bool export;
};

/* From a file or a pipe: reads to the end, then writes. batch.c */
enum exit_code batch_run(const struct job *job);

/* From a queue: each snapshot when it is whole. queue.c */
enum exit_code queue_run(const struct job *job);

/* From a queue: a stream, and snapshots that correct it. stream.c */
enum exit_code stream_run(const struct job *job);

/* Writes the state of a stream as records. stream.c, stream_export.c */
enum exit_code stream_export(const struct job *job);

/* Passes records on, if all are good. publish.c */
enum exit_code publish_run(const struct job *job);

/* A report_line_fn into an endpoint, the context. */
int job_write_line(void *endpoint, const char *line, size_t len);

#endif
