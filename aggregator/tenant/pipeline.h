/*
 * pipeline: combines one tenant's model, streaming metrics and allocation,
 * which take records and make rows (tenant_rows.h). One-shot runs and streams
 * both use it: a one-shot run has no state and a single flush, at its end.
 * Records from the future are refused before that.
 */
#ifndef AGGREGATOR_TENANT_PIPELINE_H
#define AGGREGATOR_TENANT_PIPELINE_H

#include "aggregator/allocation/allocation.h"
#include "aggregator/metrics/streaming_metric.h"
#include "aggregator/model/model.h"
#include "aggregator/tenant/job.h"

/* Refuses records whose time is far ahead of the system clock. Such a time is
 * due to a wrong clock at the publisher; it would make all later records of its
 * tenant late, and waits longer than they are. With [aggregator] clock =
 * records, which suits a replay of artificial times, no time is refused. */
struct future {
	bool bounded;     /* the system clock is the bound */
	int64_t ahead_ms; /* how far ahead of it a time may be */
	/* Private: times up to this one were accepted when the clock was last
	 * read, so for most records it is not read again. */
	int64_t allowed;
	char why[80];
};

void future_init(struct future *f, const struct conf *conf);

/* Returns the reason why the record is refused, valid until the next call, or
 * NULL. Removes available_at from an accepted operator record if it is in the
 * future. */
const char *future_refuses(struct future *f, struct record *r);

struct pipeline {
	struct model model;
	struct streaming_metrics *streaming;
	struct allocation *allocation; /* NULL: not selected, or no state */
	const struct aggregator_job *job;
};

/* Shared by all pipelines of a run, which it outlives. */
struct pipeline_setup {
	const struct aggregator_job *job;
	struct keyed_state_cache *cache;
	struct state *state; /* NULL: one-shot run */
	int64_t window_ms;   /* 0: one-shot run, in which nothing is too
			      * late */
	/* Gets the reservations of streams; NULL: chats are not assigned. */
	const struct allocation_listener *reservations;
	struct future *future; /* decides which records are refused before the
				* model */
	bool clocks;           /* keeps chats even if no metric needs them */
};

/* number: the tenant's number in the state. Afterwards the caller may set
 * fields of the model, as after model_init(). */
void pipeline_init(struct pipeline *d, const struct pipeline_setup *setup,
    struct text tenant, uint32_t number);
/* Sets the seeds of stored hashes. Call it before anything is added or read
 * from the state; without this call they are random. */
void pipeline_seed(struct pipeline *d, const uint64_t seed[2]);
void pipeline_release(struct pipeline *d);

/* Adds a record to the model, and passes new data to the streaming metrics and
 * the allocation. */
enum model_result pipeline_add(struct pipeline *d, const struct record *r);

/* Calls model_begin_snapshot(). */
void pipeline_begin_snapshot(struct pipeline *d, int64_t at);

/* Recomputes all changes, including the streaming metrics. refresh: also
 * figures that change only with time. */
void pipeline_recompute(struct pipeline *d, bool refresh);

/* Call when the changed rows are made: none counts as changed after that. */
void pipeline_clear_changed(struct pipeline *d);

/* Lists all rows as changed. Call before the first record, after everything has
 * been read from the state. */
void pipeline_list_all(struct pipeline *d);

#endif
