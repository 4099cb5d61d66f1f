/*
 * chat_recompute: see chat_recompute.h.
 */
#include "aggregator/model/chat_recompute.h"

#include "common/base/prog.h"

#include "aggregator/model/chat_credits.h"
#include "aggregator/model/chat_messages.h"
#include "aggregator/model/drop_episodes.h"
#include "aggregator/model/model_memory.h"
#include "aggregator/model/model_times.h"

/* What the derivation of a chat must know of its model. */
static struct derive_setting
setting_of(const struct model *m)
{
	return (struct derive_setting){ .definition = m->definition,
		.as_of = m->as_of,
		.window = m->window,
		.window_start =
		    m->incremental ? model_window_start(m) : INT64_MIN,
		.newest_snapshot_at = m->newest_snapshot_at,
		.stream = m->stream,
		.past_episodes = m->incremental || m->follower != NULL,
		.scratch = &m->private->scratch };
}

struct clocks_chat
model_clocks_chat(const struct model *m, const struct chat *c)
{
	const struct derive_setting s = setting_of(m);

	return derive_timeline(&s, c);
}

/* An interval that a chat record ends has the chat's channel. */
static void
set_channels(struct model *m, const struct chat *c, struct derived_figures *d)
{
	struct interval *i = d->intervals;

	for (; i < d->intervals + d->intervals_n; i++)
		if (i->by_record)
			i->channel = (uint16_t)lexicon_channel(
			    &m->lexicon, model_name(m, c->now.channel));
}

/* Derives the figures of a chat whose state is derived. */
static struct derived_figures
update_figures(struct model *m, struct chat *c, const struct derive_setting *s)
{
	struct derived_figures d = derive_figures(s, c);

	set_channels(m, c, &d);
	c->figures = d.figures;
	return d;
}

void
chat_recompute(struct model *m, struct chat *c)
{
	const struct derive_setting s = setting_of(m);
	struct derived_state state;
	struct derived_figures d;

	messages_sort(m, c);
	state = derive_state(&s, c);
	c->now = state.now;
	c->newest = state.newest;
	c->dirty = false;
	if (m->no_figures)
		return;
	d = update_figures(m, c, &s);
	if (m->follower != NULL)
		m->follower->derived(m->follower_ctx, m, c);
	c->left |= c->shown && !chat_is_open(c);
	c->shown = chat_is_open(c);
	credits_update(m, c, d.intervals, d.intervals_n);
	credits_update_open(m, c);
	episodes_drop(m, c, &d.old);
}

void
chat_recompute_before(
    struct model *m, struct chat *c, const struct description *d)
{
	if (episodes_must_be_dropped(m, c, d))
		chat_recompute(m, c);
}

void
chat_fetch(struct model *m, struct chat *c)
{
	c->loaded = true;
	m->fetch(m->ctx, m, c);
}

void
chat_load(struct model *m, struct chat *c)
{
	struct derived_figures d;
	struct derive_setting s;
	uint32_t i;

	if (c->loaded)
		return;
	if (m->fetch == NULL)
		prog_die(PROG_SOFTWARE, "there is no function to fetch a "
					"chat's messages");
	chat_fetch(m, c);
	c->sorted = c->n;
	c->clean = c->n;
	for (i = 0; i < c->n; i++)
		messages_note_id(c, c->messages[i].id);
	/* Of a packed chat, only the credited intervals are known. */
	s = setting_of(m);
	d = update_figures(m, c, &s);
	intervals_save(m, c, d.intervals, d.intervals_n);
}
