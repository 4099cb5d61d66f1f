/*
 * pipeline: see pipeline.h.
 */
#include "aggregator/tenant/pipeline.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"

#include "aggregator/state/state.h"

void
future_init(struct future *f, const struct conf *conf)
{
	memset(f, 0, sizeof *f);
	f->bounded =
	    strcmp(conf_text(conf, "aggregator", "clock"), "system") == 0;
	f->ahead_ms = conf_int(conf, "aggregator", "ahead");
	f->allowed = CLOCK_NONE;
	(void)snprintf(f->why, sizeof f->why,
	    "ahead: its time is more than %" PRId64 " s after the system clock",
	    f->ahead_ms / 1000);
}

static bool
is_ahead(struct future *f, int64_t at)
{
	if (at <= f->allowed)
		return false;
	f->allowed = clock_now_ms() + f->ahead_ms;
	return at > f->allowed;
}

const char *
future_refuses(struct future *f, struct record *r)
{
	/* In a snapshot, a chat without a time has that of the snapshot. */
	int64_t at = r->snapshot.p == NULL ? model_record_time(r) : r->at;

	if (!f->bounded)
		return NULL;
	/* An end marker may be late, but its snapshot's time must not be in the
	 * future. */
	if (r->state != SNAPSHOT_END && is_ahead(f, at))
		return f->why;
	/* Such a record would override all later reports. */
	if (r->type == RECORD_OPERATOR && r->has_available &&
	    is_ahead(f, r->available_at))
		r->available_at = CLOCK_NONE;
	return NULL;
}

/* What the selected metrics read. */
struct needs {
	bool model;
	bool messages; /* a streaming metric takes each message as it arrives,
			* or its intervals */
	bool events;
};

static struct needs
needs_of(const struct metric_selection *c)
{
	struct needs n = { .model = false };
	const struct streaming_metric_ops *ops;
	size_t i;

	for (i = 0; i < c->n; i++) {
		ops = c->metrics[i]->streaming;
		n.model |= c->metrics[i]->emit != NULL &&
			   !c->metrics[i]->needs_no_chats;
		if (ops == NULL)
			continue;
		n.events |= ops->event != NULL;
		n.messages |= ops->add != NULL || ops->interval != NULL ||
			      ops->derived != NULL;
	}
	return n;
}

static void
open_allocation(struct pipeline *d, const struct pipeline_setup *setup)
{
	struct allocation_settings set;

	allocation_settings_read(&set, setup->job->conf);
	d->allocation =
	    allocation_new(d->model.tenant, &set, setup->reservations);
	allocation_clock(d->allocation, clock_now_ms());
}

void
pipeline_init(struct pipeline *d, const struct pipeline_setup *setup,
    struct text tenant, uint32_t number)
{
	const struct aggregator_job *job = setup->job;
	const struct needs needs = needs_of(&job->selection);
	struct model *m = &d->model;

	memset(d, 0, sizeof *d);
	d->job = job;
	model_init(m, tenant);
	m->ctx = d;
	m->definition = job->definition;
	m->terms = terms_of_tenant(job->terms, tenant);
	m->text_of = job->explain;
	m->incremental = m->stream = setup->state != NULL;
	m->window = setup->window_ms;
	m->by_clock = m->incremental && setup->future->bounded;
	m->identifies = setup->clocks;
	m->no_clocks = !needs.model && !needs.messages && !setup->clocks;
	m->no_events = !needs.events;
	if (job->selection.allocation && setup->state != NULL)
		open_allocation(d, setup);
	d->streaming =
	    streaming_metrics_open(job->selection.metrics, job->selection.n,
		&(struct streaming_metric_setup){
		    .conf = job->conf, .tenant = m->tenant },
		&(struct keyed_state_home){ .state = setup->state,
		    .tenant = number,
		    .window_ms = setup->window_ms,
		    .cache = setup->cache });
	if (needs.messages) {
		m->follower = &streaming_metrics_follower;
		m->follower_ctx = d->streaming;
	}
}

void
pipeline_seed(struct pipeline *d, const uint64_t seed[2])
{
	d->model.seed = seed[0];
	d->streaming->home.seed = seed[1];
}

void
pipeline_release(struct pipeline *d)
{
	streaming_metrics_close(d->streaming);
	allocation_free(d->allocation);
	model_release(&d->model);
}

enum model_result
pipeline_add(struct pipeline *d, const struct record *r)
{
	enum model_result taken = model_add(&d->model, r);

	if (d->allocation != NULL && taken != MODEL_LATE)
		allocation_record(d->allocation, r);
	if (taken == MODEL_NEW && r->type == RECORD_EVENT)
		streaming_metrics_event(d->streaming, r->user, r->event);
	return taken;
}

void
pipeline_begin_snapshot(struct pipeline *d, int64_t at)
{
	streaming_metrics_pass_time(d->streaming, at);
	model_begin_snapshot(&d->model, at);
}

void
pipeline_recompute(struct pipeline *d, bool refresh)
{
	if (refresh && d->model.incremental)
		model_mark_waits(&d->model);
	model_recompute(&d->model);
	streaming_metrics_advance(d->streaming, d->model.as_of);
}

void
pipeline_clear_changed(struct pipeline *d)
{
	keyed_state_home_clear_changed(&d->streaming->home);
	model_clear_changed(&d->model);
}

void
pipeline_list_all(struct pipeline *d)
{
	streaming_metrics_list_all(d->streaming);
	model_list_all(&d->model);
}
