/*
 * streaming_metric: see streaming_metric.h. The streaming metrics of one
 * tenant, and their shared data.
 */
#include "aggregator/metrics/streaming_metric.h"

#include <stdlib.h>

#include "common/base/xalloc.h"
#include "common/digest/random.h"

struct streaming_metric {
	const struct streaming_metric_ops *ops;
	void *ctx;
};

void *
streaming_metrics_find(
    const struct streaming_metrics *f, const struct streaming_metric_ops *ops)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (f->v[i].ops == ops)
			return f->v[i].ctx;
	return NULL;
}

static void
open_metric(struct streaming_metrics *f, const struct streaming_metric_ops *ops)
{
	struct streaming_metric *to;

	if (ops == NULL || streaming_metrics_find(f, ops) != NULL)
		return;
	to = &f->v[f->n++];
	to->ops = ops;
	to->ctx = xcalloc(1, ops->size);
	ops->open(to->ctx, &f->setup);
}

struct streaming_metrics *
streaming_metrics_open(const struct metric *const *list, size_t n,
    const struct streaming_metric_setup *setup,
    const struct keyed_state_home *home)
{
	struct streaming_metrics *f = xcalloc(1, sizeof *f);
	size_t i;

	f->home = *home;
	/* Outsiders cannot choose keys that collide. */
	f->home.seed = random_64();
	f->home.newest = f->home.now = CLOCK_NONE;
	f->setup = *setup;
	f->setup.home = &f->home;
	f->v = xcalloc(n + 1, sizeof *f->v);
	for (i = 0; i < n; i++)
		open_metric(f, list[i]->streaming);
	return f;
}

void
streaming_metrics_close(struct streaming_metrics *f)
{
	size_t i;

	keyed_state_home_close(&f->home);
	for (i = 0; i < f->n; i++) {
		if (f->v[i].ops->close != NULL)
			f->v[i].ops->close(f->v[i].ctx);
		free(f->v[i].ctx);
	}
	free(f->v);
	free(f);
}

void
streaming_metrics_event(
    struct streaming_metrics *f, struct text user, struct text event)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (f->v[i].ops->event != NULL)
			f->v[i].ops->event(f->v[i].ctx, user, event);
}

void
streaming_metrics_pass_time(struct streaming_metrics *f, int64_t newest)
{
	if (newest > f->home.now)
		f->home.now = newest;
}

static void
take_message(void *ctx, const struct model *m, const struct chat *c,
    const struct message *x, struct text text)
{
	const struct streaming_metric_message taken = { .chat = chat_id(c),
		.user = model_name(m, message_writer(x)),
		.channel = lexicon_channel_text(&m->lexicon, x->channel),
		.text = text,
		.at = x->at,
		.from = (enum message_from)x->from };
	struct streaming_metrics *f = ctx;
	size_t i;

	streaming_metrics_pass_time(f, m->as_of);
	for (i = 0; i < f->n && message_counts(x); i++)
		if (f->v[i].ops->add != NULL)
			f->v[i].ops->add(f->v[i].ctx, &taken);
}

static void
take_interval(void *ctx, const struct model *m, const struct chat *c,
    const struct interval *x, bool withdrawn)
{
	struct streaming_metrics *f = ctx;
	size_t i;

	for (i = 0; i < f->n; i++)
		if (f->v[i].ops->interval != NULL)
			f->v[i].ops->interval(f->v[i].ctx, m, c, x, withdrawn);
}

static void
take_derived(void *ctx, const struct model *m, const struct chat *c)
{
	struct streaming_metrics *f = ctx;
	size_t i;

	for (i = 0; i < f->n; i++)
		if (f->v[i].ops->derived != NULL)
			f->v[i].ops->derived(f->v[i].ctx, m, c);
}

static void
take_drop(void *ctx, const struct model *m, const struct chat *c, size_t n)
{
	struct streaming_metrics *f = ctx;
	size_t i;

	for (i = 0; i < f->n; i++)
		if (f->v[i].ops->drop != NULL)
			f->v[i].ops->drop(f->v[i].ctx, m, c, n);
}

const struct model_follower streaming_metrics_follower = { take_message,
	take_interval, take_derived, take_drop };

void
streaming_metrics_resume(struct streaming_metrics *f, int64_t newest)
{
	streaming_metrics_pass_time(f, newest);
	if (newest > f->home.newest)
		f->home.newest = newest;
}

void
streaming_metrics_advance(struct streaming_metrics *f, int64_t newest)
{
	size_t i;

	streaming_metrics_resume(f, newest);
	for (i = 0; i < f->n; i++)
		if (f->v[i].ops->advance != NULL)
			f->v[i].ops->advance(f->v[i].ctx, newest);
	keyed_state_home_expire(&f->home);
}

void
streaming_metrics_emit(
    struct streaming_metrics *f, struct rowset *to, enum metric_rows which)
{
	const struct streaming_metric_ops *ops = to->metric->streaming;
	void *ctx = streaming_metrics_find(f, ops), **entries;
	size_t n, i;

	entries = keyed_state_list(ctx, which == ROWS_ALL, &n);
	for (i = 0; i < n; i++)
		ops->row(ctx, entries[i], to, which);
	free(entries);
}

static void
list_row(void *ctx, struct keyed_state *k, void *payload)
{
	(void)ctx;
	keyed_state_emit(k, payload);
}

void
streaming_metrics_list_all(struct streaming_metrics *f)
{
	size_t i;

	for (i = 0; i < f->home.tables_n; i++)
		keyed_state_each_saved(
		    f->home.tables[i], NULL, 0, list_row, NULL);
}

int64_t
streaming_metric_conf(const struct streaming_metric_setup *s, const char *key)
{
	return conf_int(s->conf, "aggregator", key);
}

int64_t
streaming_metric_span(int64_t at, int64_t length)
{
	int64_t rest = at % length;

	return at - (rest < 0 ? rest + length : rest);
}
