/*
 * drive: one tenant's model and the flows beside it, as one thing that takes
 * records and has rows (report.h writes them). The same by hand and in a
 * stream: by hand there is no state and one tick, at the end.
 */
#ifndef AGGREGATOR_DRIVE_H
#define AGGREGATOR_DRIVE_H

#include "common/conf.h"

#include "aggregator/allocation.h"
#include "aggregator/choice.h"
#include "aggregator/flow.h"
#include "aggregator/model.h"
#include "aggregator/part.h"

struct drive {
	struct model model;
	struct flows *flows;           /* NULL: none is wanted */
	struct allocation *allocation; /* the same; in a stream alone */
	const struct choice *choice;
	struct part part;
};

/* What all drives of a run share; it outlives them. */
struct drive_setup {
	const struct conf *conf;
	const struct rules *rules;
	const struct choice *choice;
	struct part part;
	struct keyed_pool *pool;
	struct state *state; /* NULL: by hand */
	int64_t window_ms;   /* 0: by hand, nothing is too late */
	int64_t ahead_ms;    /* 0: by hand, any time is believed */
	bool no_flows;       /* of what only corrects another one */
	bool clocks;         /* chats are kept, even if no figure needs them */
};

/* number: of the tenant in the state. The model is as after model_init() and
 * the setting of what the figures need of it. */
void drive_init(struct drive *d, const struct drive_setup *setup,
    struct text tenant, bool stream, int64_t as_of, uint32_t number);
void drive_release(struct drive *d);

/* One record: into the model, and what is new of it to the flows. */
enum model_taken drive_add(struct drive *d, const struct record *r);

/* Derives what changed; of the flows too. refresh: also what changes by the
 * mere course of time. */
void drive_settle(struct drive *d, const struct rules *rules, bool refresh);

/* They are safe: what changed begins anew. */
void drive_sent(struct drive *d);

#endif
