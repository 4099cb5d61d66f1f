/*
 * drive: see drive.h.
 */
#include "aggregator/drive.h"

#include <string.h>

#include "aggregator/state.h"

/* Figures that are made of the clocks' intervals. */
static bool
needs_clocks(const struct choice *c)
{
	return choice_has(c, "operator_metrics") ||
	       choice_has(c, "chat_metrics") ||
	       choice_has(c, "tenant_metrics") || choice_has(c, "intervals") ||
	       choice_has(c, "response_hours") ||
	       choice_has(c, "response_histogram");
}

static bool
has_flows(const struct choice *c)
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
	struct drive *d = ctx;

	flows_model_interval(d->flows, m, c, i, withdrawn);
}

/* As flow_message_read() reads a record. */
static struct flow_message
message_of(const struct model *m, const struct message *x)
{
	struct flow_message f = { .user = model_name(m, x->user) };

	if (f.user.p == NULL && x->from == FROM_OPERATOR)
		f.user = model_name(m, x->operator_id);
	f.at = x->at;
	f.from = (enum message_from)x->from;
	f.counted = x->from != FROM_SYSTEM && !x->is_private && !x->automated;
	return f;
}

/* A message that came with a snapshot, and without its text. */
static void
take_merged(void *ctx, const struct model *m, const struct chat *c,
    const struct message *x, enum model_taken taken)
{
	struct drive *d = ctx;
	struct flow_message now = message_of(m, x), old;

	now.chat = chat_id(c);
	if (c->descriptions != NULL)
		now.channel = model_name(m, c->descriptions->channel);
	if (taken == MODEL_NEW) {
		flows_message(d->flows, &now, NULL);
	} else if (m->replaces) {
		old = message_of(m, &m->replaced);
		old.chat = now.chat;
		old.channel = now.channel;
		flows_message(d->flows, &now, &old);
	}
}

static void
open_allocation(struct drive *d, const struct conf *conf)
{
	struct allocation_settings set;

	allocation_settings_read(&set, conf);
	d->allocation = allocation_new(d->model.tenant, &set, NULL);
	allocation_clock(d->allocation, clock_now_ms());
}

/* What is refused or was there before tells nothing. */
static void
tell_allocation(struct drive *d, const struct record *r, enum model_taken taken)
{
	if (taken != MODEL_LATE && taken != MODEL_AHEAD &&
	    taken != MODEL_AGAIN && !(r->type == RECORD_MESSAGE && r->stale))
		allocation_record(d->allocation, r);
}

void
drive_init(struct drive *d, const struct drive_setup *setup, struct text tenant,
    bool stream, int64_t as_of, uint32_t number)
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
	m->ahead = setup->ahead_ms;
	/* Flows need to know which version of a message was there. */
	m->no_clocks =
	    !needs_clocks(d->choice) && !has_flows(d->choice) && !setup->clocks;
	m->no_events = !choice_has(d->choice, "event_counts");
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
drive_release(struct drive *d)
{
	flows_close(d->flows);
	allocation_free(d->allocation);
	model_release(&d->model);
}

enum model_taken
drive_add(struct drive *d, const struct record *r)
{
	const struct model *model = &d->model;
	enum model_taken taken = model_add(&d->model, r);
	struct flow_message m, old;

	if (d->allocation != NULL)
		tell_allocation(d, r, taken);
	if (d->flows == NULL || r->type != RECORD_MESSAGE ||
	    (taken != MODEL_NEW && taken != MODEL_VERSION))
		return taken;
	flow_message_read(&m, r);
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
		old.channel = m.channel;
		old.text = m.text;
		flows_message(d->flows, &m, &old);
	}
	return taken;
}

void
drive_settle(struct drive *d, const struct rules *rules, bool refresh)
{
	if (refresh && d->model.lasting)
		model_mark_waits(&d->model);
	model_settle(&d->model, rules);
	if (d->flows != NULL)
		flows_settle(d->flows, d->model.as_of, refresh);
}

void
drive_sent(struct drive *d)
{
	if (d->flows != NULL)
		flows_sent(d->flows);
	model_clear_changed(&d->model);
}
