/*
 * streaming_metric: how a metric is kept that is a matter of counting as
 * messages go by: conversations, users, alerts, trends. Unlike the metrics that
 * a settled model is asked for, a streaming metric takes in each message once,
 * keeps counts by key (keyed_state.h) and knows which of its rows changed, so
 * that a tick costs what changed and a batch is the same with one tick at the
 * end. One file a metric; struct metric names the struct streaming_metric_ops.
 *
 * Exactly once is the model's business: a streaming metric is told of a message
 * when it is new, and of a later version together with the version it replaces.
 * Nothing here depends on the order in which messages come, nor on when
 * streaming_metrics_settle() is called in between: what holds in the end
 * follows from the messages and the tenant's newest time. What has a cap is
 * exact below it.
 *
 * One struct streaming_metrics for a tenant's stream, or for one snapshot. One
 * thread.
 */
#ifndef AGGREGATOR_METRICS_STREAMING_METRIC_H
#define AGGREGATOR_METRICS_STREAMING_METRIC_H

#include "common/conf/conf.h"
#include "common/records/record.h"

#include "aggregator/rows/metric.h"
#include "aggregator/state/keyed_state.h"

/* What streaming metrics know of a message. Text is borrowed for the time of
 * the call. */
struct streaming_metric_message {
	struct text chat, id, user, channel, text;
	int64_t at;
	enum message_from from;
	/* One that messaging-metrics(7) counts: of customer, operator or bot,
	 * neither private nor automated. */
	bool counted;
};

struct streaming_metric_interval {
	enum interval_kind kind;
	struct text chat, message; /* message: whose arrival ended it */
	struct text operator_id;   /* p NULL: nobody's */
	int64_t start, end, ms;
};

/* What a streaming metric is opened with; lives longer than the flow. */
struct streaming_metric_setup {
	const struct conf *conf;
	const char *tenant; /* for messages to people */
	struct keyed_state_home *home;
};

/* Each may be NULL but open, close and emit. */
struct streaming_metric_ops {
	void *(*open)(const struct streaming_metric_setup *setup);
	void (*close)(void *ctx);
	/* Such a message comes next: fetches what it will need, so that the
	 * waits for memory of all streaming metrics fall together. Called
	 * twice: what leads to the entries (near false), then the entries. */
	void (*prepare)(
	    void *ctx, const struct streaming_metric_message *m, bool near);
	/* A new message; or a new version, and the one it replaces. */
	void (*message)(void *ctx, const struct streaming_metric_message *m,
	    const struct streaming_metric_message *old);
	/* One that was counted by another generation of parts: it is not
	 * counted, but known from now on. */
	void (*before)(void *ctx, const struct streaming_metric_message *m);
	void (*interval)(void *ctx, const struct streaming_metric_interval *i,
	    bool withdrawn);
	/* The tenant's newest time, which is the home's, too: windows end,
	 * things expire. After it the set of changed rows stands. refresh: tell
	 * also of what is still going on. */
	void (*settle)(void *ctx, int64_t newest, bool refresh);
	/* Adds rows, in the order of their keys. */
	void (*emit)(void *ctx, struct rowset *to, enum metric_rows which);
	/* The changed rows were written. */
	void (*sent)(void *ctx);
};

struct streaming_metrics;

/* Where streaming metrics keep what they count. By hand there is only a pool:
 * all is in memory, nothing too late. */
struct streaming_metrics_home {
	struct keyed_state_pool *pool; /* see keyed_state.h */
	struct state *state;
	uint32_t number;   /* the tenant's in the state */
	int64_t window_ms; /* in which messages are taken */
};

/* streaming metrics for those of the n metrics that have one. All but the
 * metrics' array and *at must outlive the streaming. Never NULL. */
struct streaming_metrics *streaming_metrics_open(
    const struct metric *const *list, size_t n, const struct conf *conf,
    const char *tenant, const struct streaming_metrics_home *at);
/* Without saving. NULL is fine. */
void streaming_metrics_close(struct streaming_metrics *f);

/* What the tenant's newest time was when the state was last saved: before the
 * first message. */
void streaming_metrics_resume(struct streaming_metrics *f, int64_t newest);

/* Fills in what a message record tells. */
void streaming_metric_message_read(
    struct streaming_metric_message *m, const struct record *r);

/* old is NULL for a new one. Of the version that no longer counts neither the
 * text nor the id is needed. */
void streaming_metrics_message(struct streaming_metrics *f,
    const struct streaming_metric_message *m,
    const struct streaming_metric_message *old);
/* Of one that was counted before. */
void streaming_metrics_before(
    struct streaming_metrics *f, const struct streaming_metric_message *m);
/* Of one chat the withdrawn ones come first. streaming_metrics_model_interval()
 * is what a model calls, with the streaming as context. */
void streaming_metrics_interval(struct streaming_metrics *f,
    const struct streaming_metric_interval *i, bool withdrawn);
void streaming_metrics_model_interval(void *streaming, const struct model *m,
    const struct chat *c, const struct interval *i, bool withdrawn);

/* A tick: settle; save, with what streaming_metrics_unsent() gives, in one
 * commit of the state; write what streaming_metrics_emit() gives; then, once
 * that is confirmed, sent. By hand: settle and emit. newest: the tenant's
 * as_of; CLOCK_NONE: no time yet.
 */
void streaming_metrics_settle(
    struct streaming_metrics *f, int64_t newest, bool refresh);
bool streaming_metrics_changed(
    const struct streaming_metrics *f); /* there are rows to write */
void streaming_metrics_save(struct streaming_metrics *f);
/* ROWS_ALL is by hand only: all that is in memory. */
void streaming_metrics_emit(
    struct streaming_metrics *f, struct rowset *to, enum metric_rows which);
void streaming_metrics_sent(struct streaming_metrics *f);

/* The keys of changed rows, added to *to; and, after a crash, back: these rows
 * are changed again. -1: these are no such bytes. */
void streaming_metrics_unsent(
    const struct streaming_metrics *f, struct buf *to);
int streaming_metrics_unsent_back(struct streaming_metrics *f, const void *data,
    size_t len) __attribute__((warn_unused_result));

/* For the streaming. */

/* A limit on what a metric keeps: a key of [aggregator]. */
struct streaming_metric_cap {
	const struct streaming_metric_setup *setup;
	const char *key;
	uint64_t limit;
	bool told;
};

void streaming_metric_cap_init(struct streaming_metric_cap *c,
    const struct streaming_metric_setup *s, const char *key);

/* True while one more than n is allowed; else says so, once: what reads like
 * "a user with more chats than that". */
bool streaming_metric_cap_allows(
    struct streaming_metric_cap *c, uint64_t n, const char *what);

/* A duration or a number of [aggregator]. */
int64_t streaming_metric_conf(
    const struct streaming_metric_setup *s, const char *key);

/* True for one of several aggregators. */
bool streaming_metric_in_parts(const struct streaming_metric_setup *s);

/* The begin of the span of that length in which the time lies. */
int64_t streaming_metric_span(int64_t at, int64_t length);

/* The cell with this text; the next one. */
struct cell *streaming_metric_cell(struct cell *c, struct text t);

#endif
