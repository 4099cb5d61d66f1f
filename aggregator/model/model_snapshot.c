/*
 * model_snapshot: complete snapshots. One corrects a stream as its records are
 * added between model_begin_snapshot() and model_end_snapshot(). In a one-shot
 * run, a stream continues a snapshot, which has a model of its own
 * (model_copy()).
 */
#include "aggregator/model/model_impl.h"

#include "common/base/clock.h"

void
model_begin_snapshot(struct model *m, int64_t at)
{
	m->snapshot_at = at;
}

/* Only the name of an operator who has left the directory is kept. */
static void
unlist_operator(struct model *m, struct operator_info *o)
{
	if (m->snapshot_at > o->at)
		o->at = m->snapshot_at;
	model_operators_set_available(o, false, false, CLOCK_NONE);
	o->reported_open_chats = RECORD_NO_NUMBER;
	model_operators_set_listed(m, o, false);
}

/* Marks chats that are not in the snapshot to be recomputed. A chat with a
 * record newer than the snapshot will not change. */
static void
touch_missing_chats(struct model *m, const struct bucket_set *part)
{
	int64_t at = m->snapshot_at;
	struct chat *c;
	size_t i;

	for (i = 0; i < BUCKETS; i++) {
		if (at > m->whole_at[i] &&
		    (part == NULL || bucket_set_has(part, (unsigned)i)))
			m->whole_at[i] = at;
	}
	m->ahead = at > clock_now_ms() ? at - clock_now_ms() : 0;
	for (i = 0; i < m->chats_n; i++) {
		c = m->chats[i];
		if (c->gone || c->listed_at >= at ||
		    (part != NULL && !bucket_set_has(part, c->bucket)) ||
		    (!c->dirty && status_is_over(c->now.status)))
			continue;
		chats_load(m, c);
		chats_touch(m, c, true);
	}
}

/* The snapshot has been added, and the tenant's time is at least its time. */
static void
close_snapshot(struct model *m, const struct bucket_set *part)
{
	int64_t at = m->snapshot_at;

	touch_missing_chats(m, part);
	m->snapshot_at = CLOCK_NONE;
	model_pass_time(m, at);
}

void
model_end_snapshot(struct model *m, const struct bucket_set *part)
{
	bool has_operators = part == NULL || part->all;
	struct operator_info *o;
	size_t i;

	for (i = 0; i < m->operators_n; i++) {
		o = m->operators[i];
		if (has_operators && o->listed && !o->in_snapshot)
			unlist_operator(m, o);
		o->in_snapshot = false;
	}
	close_snapshot(m, part);
}

/* Returns the operator of the snapshot in the stream, created if new. */
static struct operator_info *
get_operator(
    struct model *to, const struct model *from, const struct operator_info *x)
{
	uint32_t id = interner_get(&to->lexicon.names, operator_id(from, x));
	struct operator_info *o = model_operators_get(to, id);

	interner_drop(&to->lexicon.names, id);
	return o;
}

/* A record without a name keeps the last name, which is shown after the
 * operator has left the directory. */
static void
copy_operator_name(struct model *to, const struct model *from,
    struct operator_info *o, const struct operator_info *x)
{
	uint32_t old = o->name;

	if (x->name == 0)
		return;
	o->name = interner_get(&to->lexicon.names, model_name(from, x->name));
	interner_drop(&to->lexicon.names, old);
}

/* Takes from the snapshot the fields that the stream, which came later, has not
 * reported. An operator who is not listed, such as a bot, has only a name,
 * which may come from a message. */
static void
copy_operator(
    struct model *to, const struct model *from, const struct operator_info *x)
{
	struct operator_info *o = get_operator(to, from, x);

	if (!o->listed || (x->listed && o->name == 0))
		copy_operator_name(to, from, o, x);
	if (!x->listed)
		return;
	if (!o->listed)
		o->nameless = x->nameless;
	if (!o->has_available || (o->available_at != CLOCK_NONE &&
				     o->available_at < x->available_at))
		model_operators_set_available(
		    o, x->has_available, x->available, x->available_at);
	if (o->reported_open_chats == RECORD_NO_NUMBER)
		o->reported_open_chats = x->reported_open_chats;
	model_operators_set_listed(to, o, true);
}

static void
copy_description(struct model *to, const struct model *from,
    const struct chat *c, const struct description *d)
{
	const struct record r = { .type = RECORD_CHAT,
		.chat = chat_id(c),
		.at = d->at,
		.opened_at = d->opened_at,
		.closed_at = d->closed_at,
		.status = d->status,
		.operator_id = model_name(from, d->assignee),
		.channel = model_name(from, d->channel),
		.customer = model_name(from, d->customer),
		.customer_name = model_name(from, d->customer_name),
		.customer_phone = model_name(from, d->customer_phone),
		.tag = model_name(from, d->tag),
		.tags = model_name(from, d->tags) };

	(void)model_add(to, &r);
}

static void
copy_message(struct model *to, const struct model *from, const struct chat *c,
    const struct message *x)
{
	const struct lexicon *w = &from->lexicon;
	char buf[MESSAGE_ID_TEXT];
	const struct record r = { .type = RECORD_MESSAGE,
		.chat = chat_id(c),
		.id = message_id_text(&w->message_ids, x->id, buf),
		.at = x->at,
		.updated_at = message_updated_at(x),
		.from = (enum message_from)x->from,
		.user = model_name(from, x->user),
		.operator_id = model_name(from, x->operator_id),
		.channel = lexicon_channel_text(w, x->channel),
		.kind = model_name(from, w->kinds[x->kind]),
		.text = model_text(from, c, x),
		.is_private = x->is_private,
		.automated = x->automated };

	(void)model_add(to, &r);
}

static void
copy_chat(struct model *to, const struct model *from, const struct chat *c)
{
	const struct description *d;
	size_t i;

	for (d = c->descriptions; d != NULL; d = d->next)
		copy_description(to, from, c, d);
	for (i = 0; i < c->n; i++)
		copy_message(to, from, c, &c->messages[i]);
}

void
model_copy(struct model *to, const struct model *snapshot)
{
	size_t i;

	model_begin_snapshot(to, snapshot->as_of);
	for (i = 0; i < snapshot->operators_n; i++)
		copy_operator(to, snapshot, snapshot->operators[i]);
	for (i = 0; i < snapshot->chats_n; i++)
		copy_chat(to, snapshot, snapshot->chats[i]);
	close_snapshot(to, NULL);
}
