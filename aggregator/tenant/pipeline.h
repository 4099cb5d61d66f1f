/*
 * pipeline: one tenant's model and the streaming metrics beside it, as one
 * thing that takes records and has rows (report.h writes them). The same by
 * hand and in a stream: by hand there is no state and one tick, at the end.
 */
#ifndef AGGREGATOR_TENANT_PIPELINE_H
#define AGGREGATOR_TENANT_PIPELINE_H

#include "common/conf/conf.h"

#include "aggregator/allocation/allocation.h"
#include "aggregator/metrics/streaming_metric.h"
#include "aggregator/model/model.h"
#include "aggregator/rows/shard.h"
#include "aggregator/tenant/metric_selection.h"

struct pipeline {
	struct model model;
	struct streaming_metrics *streaming; /* NULL: none is wanted */
	struct allocation *allocation;       /* the same; in a stream alone */
	const struct metric_selection *selection;
	struct shard part;
};

/* What all pipelines of a run share; it outlives them. */
struct pipeline_setup {
	const struct conf *conf;
	const struct rules *rules;
	const struct metric_selection *selection;
	struct shard part;
	struct keyed_state_pool *pool;
	struct state *state; /* NULL: by hand */
	int64_t window_ms;   /* 0: by hand, nothing is too late */
	int64_t memory_ms;   /* so long a chat that is over is known */
	int64_t ahead_ms;    /* 0: by hand, any time is believed */
	bool no_streaming;   /* of what only corrects another one */
	bool clocks;         /* chats are kept, even if no metric needs them */
};

/* number: of the tenant in the state. The model is as after model_init() and
 * the setting of what the metrics need of it. */
void pipeline_init(struct pipeline *d, const struct pipeline_setup *setup,
    struct text tenant, bool stream, int64_t as_of, uint32_t number);
void pipeline_release(struct pipeline *d);

/* One record: into the model, and what is new of it to the flows. */
enum model_result pipeline_add(struct pipeline *d, const struct record *r);

/* Derives what changed; of the flows too. refresh: also what changes by the
 * mere course of time. */
void pipeline_settle(
    struct pipeline *d, const struct rules *rules, bool refresh);

/* They are safe: what changed begins anew. */
void pipeline_sent(struct pipeline *d);

#endif
