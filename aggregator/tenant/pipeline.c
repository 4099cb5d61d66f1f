/*
 * pipeline: see pipeline.h.
 */
#include "aggregator/tenant/pipeline.h"

#include <string.h>

#include "aggregator/state/state.h"

/* Figures that are made of the clocks' intervals. */
static bool
needs_clocks(const struct metric_selection *c)
{
	return metric_selection_has(c, "operator_metrics") ||
	       metric_selection_has(c, "chat_metrics") ||
	       metric_selection_has(c, "tenant_metrics") ||
	       metric_selection_has(c, "intervals") ||
	       metric_selection_has(c, "response_hours") ||
	       metric_selection_has(c, "response_histogram");
}

static bool
has_flows(const struct metric_selection *c)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (c->figures[i]->flow != NULL)
			return true;
	return false;
}

static void
pass_interval(void *ctx, const struct model *m, const struct chat *c,
    const struct interval *i, bool withdrawn)
{
	struct pipeline *d = ctx;

	flows_model_interval(d->flows, m, c, i, withdrawn);
}

/* As streaming_metric_message_read() reads a record. */
static struct streaming_metric_message
message_of(const struct model *m, const struct message *x)
{
	struct streaming_metric_message f = { .user = model_name(m, x->user),
		.channel = lexicon_channel_text(&m->lexicon, x->channel) };

	if (f.user.p == NULL && x->from == FROM_OPERATOR)
		f.user = model_name(m, x->operator_id);
	f.at = x->at;
	f.from = (enum message_from)x->from;
	f.counted = x->from != FROM_SYSTEM && !x->is_private && !x->automated;
	return f;
}

/* A message that came with a snapshot. */
static void
take_merged(void *ctx, const struct model *m, const struct chat *c,
    const struct message *x, const char *text, enum model_taken taken)
{
	struct pipeline *d = ctx;
	struct streaming_metric_message now = message_of(m, x), old;
	char id[MESSAGE_ID_TEXT];

	now.chat = chat_id(c);
	now.id = message_id_text(&m->lexicon.idents, x->id, id);
	now.text.p = text;
	now.text.len = text != NULL ? strlen(text) : 0;
	if (taken == MODEL_NEW) {
		flows_message(d->flows, &now, NULL);
	} else if (m->replaces) {
		old = message_of(m, &m->replaced);
		old.chat = now.chat;
		flows_message(d->flows, &now, &old);
	}
}

static void
open_allocation(struct pipeline *d, const struct conf *conf)
{
	struct allocation_settings set;

	allocation_settings_read(&set, conf);
	d->allocation = allocation_new(d->model.tenant, &set, NULL);
	allocation_clock(d->allocation, clock_now_ms());
}

/* What is refused or was there before tells nothing. */
static void
tell_allocation(
    struct pipeline *d, const struct record *r, enum model_taken taken)
{
	if (taken != MODEL_LATE && taken != MODEL_AHEAD &&
	    taken != MODEL_AGAIN && !(r->type == RECORD_MESSAGE && r->stale))
		allocation_record(d->allocation, r);
}

void
pipeline_init(struct pipeline *d, const struct pipeline_setup *setup,
    struct text tenant, bool stream, int64_t as_of, uint32_t number)
{
	struct model *m = &d->model;

	memset(d, 0, sizeof *d);
	d->choice = setup->choice;
	d->part = setup->part;
	model_init(m, tenant, stream, as_of);
	m->ctx = d;
	m->rules = setup->rules;
	m->lasting = setup->state != NULL;
	if (setup->state != NULL)
		state_seed(setup->state, m->seed.k);
	m->window = setup->window_ms;
	m->memory = setup->memory_ms;
	/* A snapshot may be put into a stream, whose words count. */
	m->keeps_texts = !stream && metric_selection_needs_text(d->choice);
	m->ahead = setup->ahead_ms;
	/* Flows need to know which version of a message was there. */
	m->no_clocks =
	    !needs_clocks(d->choice) && !has_flows(d->choice) && !setup->clocks;
	m->no_events = !metric_selection_has(d->choice, "event_counts");
	m->event_pairs =
	    (size_t)conf_int(setup->conf, "aggregator", "event_pairs");
	if (d->choice->allocation && stream && setup->state != NULL)
		open_allocation(d, setup->conf);
	if (!has_flows(d->choice) || setup->no_flows)
		return;
	d->flows =
	    flows_open(d->choice->figures, d->choice->n, setup->conf, m->tenant,
		&(struct flows_home){
		    setup->pool, setup->state, number, setup->window_ms });
	m->prompt = true;
	m->interval = pass_interval;
	m->merged = take_merged;
}

void
pipeline_release(struct pipeline *d)
{
	flows_close(d->flows);
	allocation_free(d->allocation);
	model_release(&d->model);
}

enum model_taken
pipeline_add(struct pipeline *d, const struct record *r)
{
	const struct model *model = &d->model;
	enum model_taken taken = model_add(&d->model, r);
	struct streaming_metric_message m, old;

	if (d->allocation != NULL)
		tell_allocation(d, r, taken);
	if (d->flows == NULL || r->type != RECORD_MESSAGE ||
	    (taken != MODEL_NEW && taken != MODEL_VERSION))
		return taken;
	streaming_metric_message_read(&m, r);
	if (r->stale) {
		if (taken == MODEL_NEW)
			flows_before(d->flows, &m);
		return taken;
	}
	if (taken == MODEL_NEW) {
		flows_message(d->flows, &m, NULL);
	} else if (model->replaces) {
		old = message_of(model, &model->replaced);
		old.chat = m.chat;
		flows_message(d->flows, &m, &old);
	}
	return taken;
}

void
pipeline_settle(struct pipeline *d, const struct rules *rules, bool refresh)
{
	if (refresh && d->model.lasting)
		model_mark_waits(&d->model);
	model_settle(&d->model, rules);
	if (d->flows != NULL)
		flows_settle(d->flows, d->model.as_of, refresh);
}

void
pipeline_sent(struct pipeline *d)
{
	if (d->flows != NULL)
		flows_sent(d->flows);
	model_clear_changed(&d->model);
}
