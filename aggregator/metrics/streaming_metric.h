/*
 * streaming_metric: metrics that count while messages and events pass:
 * conversations, users, alerts, trends and others. Other metrics are computed
 * from the whole model. A streaming metric takes each message once, keeps
 * counts by key (keyed_state.h) and lists which of its rows have changed, so
 * the cost of a flush depends on the changes. A one-shot run has a single
 * flush, at its end. struct metric points to its struct streaming_metric_ops;
 * metrics with the same ops share their counts.
 *
 * The model passes each message and event on exactly once: its first version
 * determines time, user and channel. Results depend only on the messages and
 * the tenant's newest time, not on the order of messages or on the calls of
 * streaming_metrics_advance(); metric_user_stats.c names an exception.
 *
 * There is one struct streaming_metrics for each tenant's stream, or for one
 * snapshot. It is used by one thread.
 */
#ifndef AGGREGATOR_METRICS_STREAMING_METRIC_H
#define AGGREGATOR_METRICS_STREAMING_METRIC_H

#include "common/conf/conf.h"
#include "common/records/record.h"

#include "aggregator/keyed_state/keyed_state.h"
#include "aggregator/metrics/metric.h"

/* The parts of a message that streaming metrics read, if messaging-metrics(7)
 * counts it: from a customer, operator or bot, neither private nor automated.
 * Texts are borrowed for the call. */
struct streaming_metric_message {
	struct text chat, user, channel, text;
	int64_t at;
	enum message_from from;
};

/* The argument of open(); it outlives the metric. */
struct streaming_metric_setup {
	const struct conf *conf;
	const char *tenant; /* for log lines */
	struct keyed_state_home *home;
};

/* All but size, open and row may be NULL. */
struct streaming_metric_ops {
	/* The size of the context, which begins with the struct keyed_state
	 * whose entries have rows. */
	size_t size;
	/* Opens the tables and timer queues of the zeroed context. */
	void (*open)(void *ctx, const struct streaming_metric_setup *setup);
	/* Releases what the context has besides these. */
	void (*close)(void *ctx);
	/* Counts a message. */
	void (*add)(void *ctx, const struct streaming_metric_message *m);
	/* Counts an event. */
	void (*event)(void *ctx, struct text user, struct text event);
	/* See struct model_follower. */
	void (*interval)(void *ctx, const struct model *m, const struct chat *c,
	    const struct interval *i, bool withdrawn);
	void (*derived)(void *ctx, const struct model *m, const struct chat *c);
	void (*drop)(
	    void *ctx, const struct model *m, const struct chat *c, size_t n);
	/* The tenant's newest time advances: windows end. Afterwards the set
	 * of changed rows is complete. */
	void (*advance)(void *ctx, int64_t newest);
	/* Adds the row of an entry, if it has one. Called for all entries in
	 * memory, in the order of their keys, or for the changed ones, in any
	 * order. */
	void (*row)(void *ctx, const void *entry, struct rowset *to,
	    enum metric_rows which);
};

/* The streaming metrics of a tenant. */
struct streaming_metrics {
	struct keyed_state_home home; /* their tables */
	/* Private. */
	struct streaming_metric_setup setup;
	struct streaming_metric *v;
	size_t n;
};

/* Opens the streaming metrics among the n metrics. The home has the tenant's
 * number, the state, the cache and the window; it is copied. A one-shot run has
 * no state, only memory, and no message is too late. setup->home is set here.
 * All that the setup and the home point to must outlive the result. Never
 * returns NULL. */
struct streaming_metrics *streaming_metrics_open(
    const struct metric *const *list, size_t n,
    const struct streaming_metric_setup *setup,
    const struct keyed_state_home *home);
/* Closes without saving. */
void streaming_metrics_close(struct streaming_metrics *f);

/* Passes what the model reports to the metrics; the context is the struct
 * streaming_metrics. */
extern const struct model_follower streaming_metrics_follower;

/* Call before the first message, with the tenant's newest time at the last save
 * of the state. */
void streaming_metrics_resume(struct streaming_metrics *f, int64_t newest);

/* Call before a snapshot is merged, with the tenant's newest time including the
 * snapshot. Calls of streaming_metrics_advance() therefore do not affect which
 * messages are too old. */
void streaming_metrics_pass_time(struct streaming_metrics *f, int64_t newest);

/* Takes a new event. */
void streaming_metrics_event(
    struct streaming_metrics *f, struct text user, struct text event);

/* A flush of a stream calls streaming_metrics_advance(), saves the home, calls
 * streaming_metrics_emit() and clears what has changed in the home. A one-shot
 * run calls advance and emit. newest: the tenant's as_of; CLOCK_NONE: not yet
 * known. */
void streaming_metrics_advance(struct streaming_metrics *f, int64_t newest);
/* Adds the rows of a selected metric. ROWS_ALL covers only entries in memory,
 * so it is for one-shot runs. */
void streaming_metrics_emit(
    struct streaming_metrics *f, struct rowset *to, enum metric_rows which);

/* Lists the rows of all entries in the state as changed. */
void streaming_metrics_list_all(struct streaming_metrics *f);

/* The counts of metric_event_counts.c, for an input whose publisher expects
 * them back (stream_eventcounter.c). The metric must be selected, and its
 * counts must be saved in a state. The first function calls back for each pair
 * of user and event; the texts are valid until keyed_state_home_drop(). The
 * second moves the counts of a user to an alias, which may already have some.
 */
void event_counts_each(struct streaming_metrics *f,
    void (*each)(void *ctx, struct text user, struct text event, uint64_t n),
    void *ctx);
void event_counts_rename(
    struct streaming_metrics *f, struct text user, struct text alias);

/* The rest is only for the files of the metrics. */

/* Returns the context of these ops; NULL if no selected metric has them. */
void *streaming_metrics_find(
    const struct streaming_metrics *f, const struct streaming_metric_ops *ops);

/* Returns a duration or number from [aggregator]. */
int64_t streaming_metric_conf(
    const struct streaming_metric_setup *s, const char *key);

/* Returns the start of the span that contains `at`. Spans have the given length
 * and are counted from the epoch; all in ms. */
int64_t streaming_metric_span(int64_t at, int64_t length);

#endif
