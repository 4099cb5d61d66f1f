/*
 * chat_change: see chat_change.h.
 */
#include "aggregator/model/chat_change.h"

#include "common/base/prog.h"

#include "aggregator/model/chat_credits.h"
#include "aggregator/model/chat_descriptions.h"
#include "aggregator/model/chat_table.h"
#include "aggregator/model/drop_records.h"
#include "aggregator/model/model_private.h"

/* Bringing a chat up to date. */

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

/* Recomputes the chat if something must be dropped before the description or
 * (NULL) the records of a snapshot are added. */
static void
recompute_before(struct model *m, struct chat *c, const struct description *d)
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

/* The entry. */

/* Lists the chat in the snapshot before its first record there. */
static void
list_in_snapshot(struct model *m, struct chat *c)
{
	if (c->listed_at >= m->snapshot_at)
		return;
	recompute_before(m, c, NULL);
	c->listed_at = m->snapshot_at;
	touch_chat(m, c, true);
}

/* Returns the chat of the record, with its messages. */
static struct chat *
get_chat(struct model *m, const struct record *r)
{
	struct chat *c = chats_get(m, r->chat);

	chat_load(m, c);
	if (model_in_snapshot(m))
		list_in_snapshot(m, c);
	return c;
}

enum model_result
chat_take_message(struct model *m, const struct record *r, struct chat **to)
{
	struct message new;
	struct chat *c;

	texts_keep(m, r);
	c = *to = get_chat(m, r);
	message_read(&m->lexicon, &new, r, c->name_hints);
	return messages_add(m, c, &new);
}

/* Returns the content of a chat record, with references to its names. */
static struct description
read_description(struct model *m, const struct record *r, int64_t at)
{
	struct interner *n = &m->lexicon.names;
	struct description d = { .next = NULL };

	d.at = at != CLOCK_NONE ? at : m->as_of;
	d.opened_at = r->opened_at;
	d.status = r->status;
	d.closed_at = CLOCK_NONE;
	if (r->status == CHAT_CLOSED)
		d.closed_at = r->closed_at != CLOCK_NONE ? r->closed_at : d.at;
	d.assignee = interner_get(n, r->operator_id);
	d.channel = interner_get(n, r->channel);
	d.customer = interner_get(n, r->customer);
	d.customer_name = interner_get(n, r->customer_name);
	d.customer_phone = interner_get(n, r->customer_phone);
	d.tag = interner_get(n, r->tag);
	d.tags = interner_get(n, r->tags);
	return d;
}

void
chat_take_record(struct model *m, const struct record *r, int64_t at)
{
	struct chat *c = get_chat(m, r);
	struct description d = read_description(m, r, at);

	/* Its first messages are probably from the assignee and the
	 * customer. */
	if (c->name_hints[0] == 0)
		c->name_hints[0] = d.customer;
	if (c->name_hints[1] == 0)
		c->name_hints[1] = d.assignee;
	recompute_before(m, c, &d);
	descriptions_add(m, c, &d);
	if (m->incremental)
		descriptions_prune(m, c);
	touch_chat(m, c, true);
}

/* Marks chats that are not in the snapshot to be recomputed. A chat with a
 * record newer than the snapshot will not change. */
void
chats_end_snapshot(struct model *m)
{
	struct chat *c;
	size_t i;

	for (i = 0; i < m->chats_n; i++) {
		c = m->chats[i];
		if (c->gone || c->listed_at >= m->snapshot_at ||
		    (!c->dirty && status_is_over(c->now.status)))
			continue;
		chat_load(m, c);
		touch_chat(m, c, true);
	}
}
