/*
 * streaming_metric: the metrics that count while messages pass: conversations,
 * users, alerts, trends and others. Other metrics are made of the whole
 * recomputed model; a streaming metric takes in each message once, keeps counts
 * by key (keyed_state.h) and lists which of its rows changed. So a flush costs
 * what changed, and a one-shot run is the same with one flush, at its end.
 * struct metric names its struct streaming_metric_ops; metrics with the same
 * one share what they count.
 *
 * The model sees to it that each message comes exactly once: its first version
 * fixes what is counted by time, user and channel. No result depends
 * on the order in which messages come, nor on when streaming_metrics_advance()
 * is called in between: it follows from the messages and the tenant's newest
 * time; metric_user_stats.c names an exception. What has a cap is exact below
 * it.
 *
 * One struct streaming_metrics for a tenant's stream, or for one snapshot. One
 * thread.
 */
#ifndef AGGREGATOR_COUNTING_STREAMING_METRIC_H
#define AGGREGATOR_COUNTING_STREAMING_METRIC_H

#include "common/conf/conf.h"
#include "common/records/record.h"

#include "aggregator/keyed_state/keyed_state.h"
#include "aggregator/rows/metric.h"

/* What streaming metrics use of a message. Text is borrowed for the call. */
struct streaming_metric_message {
	struct text chat, user, channel, text;
	int64_t at;
	enum message_from from;
	/* It is from a customer, operator or bot, neither private nor
	 * automated: what messaging-metrics(7) counts. */
	bool counted;
};

struct streaming_metric_interval {
	enum interval_kind kind;
	struct text chat, message; /* message: whose arrival ended it */
	struct text operator_id;   /* p NULL: nobody's */
	struct text channel;       /* of that message; p NULL: none */
	int64_t start, end, ms;
};

/* What a streaming metric is opened with; it outlives the metric. */
struct streaming_metric_setup {
	const struct conf *conf;
	const char *tenant; /* for log lines */
	struct keyed_state_home *home;
};

/* Each may be NULL but open, close and emit. */
struct streaming_metric_ops {
	void *(*open)(const struct streaming_metric_setup *setup);
	void (*close)(void *ctx);
	/* This message comes next: fetches the memory it will need, so that
	 * the waits of all streaming metrics overlap. Called twice: for what
	 * leads to the entries (near false), then for the entries. */
	void (*prepare)(
	    void *ctx, const struct streaming_metric_message *m, bool near);
	/* A message that counts. */
	void (*add)(void *ctx, const struct streaming_metric_message *m);
	void (*interval)(void *ctx, const struct streaming_metric_interval *i,
	    bool withdrawn);
	/* It follows the walks over chats instead of counting messages; its
	 * context is that of open(). At most one set of operations may. */
	const struct model_walk_ops *walk;
	/* The tenant's newest time, also in the home, moves on: windows end,
	 * entries expire. After it the set of changed rows is complete.
	 * refresh: rows of what is still going on change, too. */
	void (*advance)(void *ctx, int64_t newest, bool refresh);
	/* Adds rows, in the order of their keys. */
	void (*emit)(void *ctx, struct rowset *to, enum metric_rows which);
	/* The changed rows were written. */
	void (*sent)(void *ctx);
};

struct streaming_metrics;

/* Where streaming metrics keep what they count. A one-shot run has only a
 * cache: all is in memory, and nothing is too late. */
struct streaming_metrics_home {
	struct keyed_state_cache *cache; /* see keyed_state.h */
	struct state *state;
	uint32_t number;   /* the tenant's in the state */
	int64_t window_ms; /* how late a message may come */
};

/* Opens those of the n metrics that are streaming ones. All arguments but the
 * array of metrics and *at must outlive the result. Never NULL. */
struct streaming_metrics *streaming_metrics_open(
    const struct metric *const *list, size_t n, const struct conf *conf,
    const char *tenant, const struct streaming_metrics_home *at);
/* Without saving. NULL is fine. */
void streaming_metrics_close(struct streaming_metrics *f);

/* Who follows the walks over chats; set as the model's walker. */
struct model_walker streaming_metrics_walker(const struct streaming_metrics *f);

/* Before the first message: the tenant's newest time when the state was last
 * saved. */
void streaming_metrics_resume(struct streaming_metrics *f, int64_t newest);

/* Before each message: the tenant's newest time, that of its record included.
 * So what is too old does not depend on when streaming_metrics_advance() came.
 */
void streaming_metrics_pass_time(struct streaming_metrics *f, int64_t newest);

/* Fills in *m from a message record; borrows from it. */
void streaming_metric_message_read(
    struct streaming_metric_message *m, const struct record *r);

/* A new message. */
void streaming_metrics_message(
    struct streaming_metrics *f, const struct streaming_metric_message *m);
/* Of one chat the withdrawn intervals come first. A model calls
 * streaming_metrics_model_interval(), with the streaming metrics as context. */
void streaming_metrics_model_interval(void *streaming, const struct model *m,
    const struct chat *c, const struct interval *i, bool withdrawn);

/* A flush of a stream calls streaming_metrics_advance(); commits to the state
 * what streaming_metrics_save() and streaming_metrics_pending() give; writes
 * the rows of streaming_metrics_emit(); and calls streaming_metrics_sent() once
 * they are confirmed. A one-shot run calls advance and emit. newest: the
 * tenant's as_of; CLOCK_NONE: no time yet. */
void streaming_metrics_advance(
    struct streaming_metrics *f, int64_t newest, bool refresh);
/* There are rows to write. */
bool streaming_metrics_changed(const struct streaming_metrics *f);
void streaming_metrics_save(struct streaming_metrics *f);
/* ROWS_ALL gives what is in memory, so it is for one-shot runs only. */
void streaming_metrics_emit(
    struct streaming_metrics *f, struct rowset *to, enum metric_rows which);
void streaming_metrics_sent(struct streaming_metrics *f);
/* After it: drops from memory what the state has. */
void streaming_metrics_drop_saved(struct streaming_metrics *f);

/* Appends the keys of changed rows to *to. After a crash the same bytes mark
 * these rows as changed again: 0, or -1 when they are malformed. */
void streaming_metrics_pending(
    const struct streaming_metrics *f, struct buf *to);
int streaming_metrics_restore_pending(struct streaming_metrics *f,
    const void *data, size_t len) __attribute__((warn_unused_result));

/* The rest is for the metrics' own files. */

/* A limit on what a metric keeps, from a key of [aggregator]. */
struct streaming_metric_cap {
	const struct streaming_metric_setup *setup;
	const char *key;
	uint64_t limit;
	bool reported;
};

void streaming_metric_cap_init(struct streaming_metric_cap *c,
    const struct streaming_metric_setup *s, const char *key);

/* True while one more than n is allowed; else logs that, once. `what` reads
 * like "a user with more chats than that". */
bool streaming_metric_cap_allows(
    struct streaming_metric_cap *c, uint64_t n, const char *what);

/* A duration or a number of [aggregator]. */
int64_t streaming_metric_conf(
    const struct streaming_metric_setup *s, const char *key);

/* It is one of several aggregators that share the tenants' chats. */
bool streaming_metric_in_parts(const struct streaming_metric_setup *s);

/* The start of the span of that length, counted from the epoch, in which the
 * time lies; both in ms. */
int64_t streaming_metric_span(int64_t at, int64_t length);

#endif
