/*
 * model_merge: merges one model into another: a snapshot to which a stream is
 * added (model_copy()), or which corrects a stream (model_merge()). It also
 * lists objects as changed at the caller's request.
 */
#include "aggregator/model/model_impl.h"

#include <stdlib.h>
#include <string.h>

#include "aggregator/model/model_pack.h"
#include "common/base/clock.h"

static void
copy_descriptions(struct model *to, struct chat *c, const struct model *from,
    const struct chat *old)
{
	const struct description *d;
	struct description new;
	size_t i;

	if (from->as_of > c->listed_at)
		c->listed_at = from->as_of;
	for (d = old->descriptions; d != NULL; d = d->next) {
		new = *d;
		for (i = 0; i < DESCRIPTION_NAMES; i++)
			new.names[i] =
			    model_translate_name(to, from, d->names[i]);
		chats_recompute_before(to, c, &new);
		chats_add_description(to, c, &new);
	}
}

static void
copy_message(struct model *to, const struct model *from,
    const struct message *old, struct message *new)
{
	char buf[MESSAGE_ID_TEXT];

	*new = *old;
	new->id = message_id_make(&to->lexicon.message_ids,
	    message_id_text(&from->lexicon.message_ids, old->id, buf));
	new->user = model_translate_name(to, from, old->user);
	new->operator_id = model_translate_name(to, from, old->operator_id);
	new->channel = lexicon_channel(&to->lexicon,
			   lexicon_channel_text(&from->lexicon, old->channel)) &
		       LEXICON_CHANNELS;
	new->kind = lexicon_kind(&to->lexicon,
			model_name(from, from->lexicon.kinds[old->kind])) &
		    127u;
}

/* Returns the operator of the other model in this one, created if new. */
static struct operator_info *
get_operator(
    struct model *to, const struct model *from, const struct operator_info *x)
{
	uint32_t id = model_translate_name(to, from, x->id);
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
	o->name = model_translate_name(to, from, x->name);
	interner_drop(&to->lexicon.names, old);
}

static void
copy_operator(
    struct model *to, const struct model *from, const struct operator_info *x)
{
	struct operator_info *o = get_operator(to, from, x);

	copy_operator_name(to, from, o, x);
	if (from->as_of > o->at)
		o->at = from->as_of;
	o->nameless = x->nameless;
	model_operators_set_available(
	    o, x->has_available, x->available, x->available_at);
	o->reported_open_chats = x->reported_open_chats;
	o->max_chats = x->max_chats;
	interner_drop(&to->lexicon.names, o->tags);
	o->tags = model_translate_name(to, from, x->tags);
	model_operators_set_listed(to, o, true);
}

/* A bot is not listed, but the chats assigned to it show its name. */
static void
copy_unlisted_name(
    struct model *to, const struct model *from, const struct operator_info *x)
{
	struct operator_info *o = get_operator(to, from, x);

	if (!o->listed)
		copy_operator_name(to, from, o, x);
}

static bool
is_listed(const struct model *m, struct text id)
{
	uint32_t name = interner_find(&m->lexicon.names, id);
	const struct operator_info *o =
	    name != 0 ? interner_at(&m->lexicon.names, name)->operator_info
		      : NULL;

	return o != NULL && o->listed;
}

static void
copy_texts(struct model *to, const struct model *from)
{
	struct strmap *texts = &to->private->texts;
	const struct strmap_entry *e;
	struct text text;
	size_t i = 0;
	void **slot;

	while ((e = strmap_next(&from->private->texts, &i)) != NULL) {
		slot = strmap_put(texts, e->key, e->key_len);
		if (*slot != NULL && strcmp(*slot, e->value) >= 0)
			continue;
		free(*slot);
		text.p = e->value;
		text.len = strlen(text.p);
		*slot = text_dup(text);
	}
}

/* True if a message with that time belongs to an episode that was, or may have
 * been, dropped. */
static bool
is_past_episode(const struct chat *c, int64_t at, bool late)
{
	return at <= c->dropped.at || (late && c->descriptions != NULL &&
					  at < c->descriptions->opened_at);
}

/* Adds a message from the other model as if it arrived now. */
static void
merge_message(struct model *to, struct chat *c, const struct model *from,
    const struct message *old)
{
	char buf[MESSAGE_ID_TEXT];
	struct text id =
	    message_id_text(&from->lexicon.message_ids, old->id, buf);
	struct fingerprint f;
	struct message new;
	bool late = model_is_late(to, old->at);
	enum model_result result = MODEL_NEW;

	if (is_past_episode(c, old->at, late))
		return;
	copy_message(to, from, old, &new);
	if (to->dedup_on_add) {
		f = dedup_fingerprint(model_identities(to), chat_id(c), id);
		result = messages_take(to, c, f, &new);
	} else {
		*messages_append(to, c) = new;
	}
	if (to->follower != NULL && !late && result == MODEL_NEW)
		to->follower->message(
		    to->follower_ctx, to, c, &new, model_text(from, c, old));
}

static bool
has_late_message(const struct model *m, const struct chat *old)
{
	uint32_t i;

	for (i = 0; i < old->n; i++)
		if (model_is_late(m, old->messages[i].at))
			return true;
	return false;
}

static struct chat *
copy_chat(struct model *to, const struct model *from, const struct chat *old)
{
	struct chat *c = chats_get(to, chat_id(old));
	size_t i;

	chats_load(to, c);
	if (has_late_message(to, old))
		chats_recompute_before_late(to, c);
	copy_descriptions(to, c, from, old);
	for (i = 0; i < old->n; i++)
		merge_message(to, c, from, &old->messages[i]);
	chats_touch(to, c, true);
	return c;
}

/* Returns the time of the chat's newest record, sorted or not. */
static int64_t
newest_of(const struct chat *c)
{
	int64_t at = c->newest;
	size_t i;

	for (i = c->sorted; i < c->n; i++)
		if (c->messages[i].at > at)
			at = c->messages[i].at;
	if (c->descriptions != NULL && c->descriptions->at > at)
		at = c->descriptions->at;
	return at;
}

/* A chat that is missing from a complete snapshot with that time becomes
 * CHAT_GONE, unless it has a newer record or is closed. */
static bool
leaves_by_absence(const struct chat *c, int64_t at)
{
	return newest_of(c) <= at &&
	       (c->dirty || !status_is_over(c->now.status));
}

/* Marks chats that are not in the snapshot to be recomputed, if that changes
 * them. Some records may be newer than the snapshot. */
static void
touch_missing_chats(struct model *m, const struct model *snapshot,
    const struct bucket_set *part)
{
	int64_t at = snapshot->as_of;
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
		    (part != NULL && !bucket_set_has(part, c->bucket)))
			continue;
		if (leaves_by_absence(c, at)) {
			chats_load(m, c);
			chats_touch(m, c, true);
		}
	}
}

/* Takes from the snapshot the fields that the stream has not reported. */
static void
complete_operator(
    struct model *to, const struct model *from, const struct operator_info *x)
{
	struct operator_info *o = get_operator(to, from, x);

	/* The name of an unlisted operator comes from a message. */
	if (o->name == 0 || !o->listed)
		copy_operator_name(to, from, o, x);
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

void
model_copy(struct model *to, const struct model *from)
{
	size_t i;

	for (i = 0; i < from->operators_n; i++)
		if (from->operators[i]->listed)
			complete_operator(to, from, from->operators[i]);
		else if (from->operators[i]->name != 0)
			copy_unlisted_name(to, from, from->operators[i]);
	for (i = 0; i < from->chats_n; i++)
		(void)copy_chat(to, from, from->chats[i]);
	touch_missing_chats(to, from, NULL);
	copy_texts(to, from);
	if (from->as_of > to->as_of)
		to->as_of = from->as_of;
}

void
model_continue(struct model *to, const struct model *from)
{
	struct chat *c;
	size_t i;

	/* The earlier row must be replaced, even if the operator has no row
	 * now. */
	for (i = 0; i < from->operators_n; i++)
		get_operator(to, from, from->operators[i])->shown =
		    operator_has_row(from->operators[i]);
	for (i = 0; i < from->chats_n; i++) {
		c = model_find_chat(to, chat_id(from->chats[i]));
		if (c != NULL)
			c->shown = from->chats[i]->shown;
	}
}

/* Only the name of an operator who has left the directory is kept. */
static void
unlist_operator(struct model *m, struct operator_info *o, int64_t at)
{
	if (at > o->at)
		o->at = at;
	model_operators_set_available(o, false, false, CLOCK_NONE);
	o->reported_open_chats = RECORD_NO_NUMBER;
	model_operators_set_listed(m, o, false);
}

static void
correct_operators(struct model *m, const struct model *snapshot)
{
	size_t i;

	for (i = 0; i < m->operators_n; i++)
		if (m->operators[i]->listed &&
		    !is_listed(snapshot, operator_id(m, m->operators[i])))
			unlist_operator(m, m->operators[i], snapshot->as_of);
	for (i = 0; i < snapshot->operators_n; i++)
		if (snapshot->operators[i]->listed)
			copy_operator(m, snapshot, snapshot->operators[i]);
		else if (snapshot->operators[i]->name != 0)
			copy_unlisted_name(m, snapshot, snapshot->operators[i]);
}

void
model_merge(struct model *m, const struct model *snapshot,
    const struct bucket_set *part)
{
	size_t i;

	if (part == NULL || part->all)
		correct_operators(m, snapshot);
	for (i = 0; i < snapshot->chats_n; i++)
		(void)copy_chat(m, snapshot, snapshot->chats[i]);
	touch_missing_chats(m, snapshot, part);
	model_pass_time(m, snapshot->as_of);
}

/* Compares the message with the chat's stored version, if any, and gives it the
 * time of the first version. */
static bool
lacks_held(struct model *m, struct chat *c, struct record *r, bool *held)
{
	uint32_t hints[2] = { c->name_hints[0], c->name_hints[1] };
	struct lexicon *w = &m->lexicon;
	const struct message *old;
	struct message new;
	bool lacks = false;
	size_t i;

	message_read(w, &new, r, hints);
	i = messages_find(m, c, new.at, new.id);
	*held = i < c->n;
	if (*held) {
		old = &c->messages[i];
		lacks = message_compare_version(w, &new, old) > 0;
		r->at = old->at;
	}
	message_drop(w, &new);
	return lacks;
}

bool
model_lacks(struct model *m, struct record *r)
{
	struct chat *c = model_find_chat(m, r->chat);
	struct dedup *s = model_identities(m);
	bool late = model_is_late(m, r->at), held, lacks;

	if (c != NULL && !c->gone) {
		chats_load(m, c);
		lacks = lacks_held(m, c, r, &held);
		if (held || is_past_episode(c, r->at, late))
			return lacks;
	}
	return late || dedup_find(s, dedup_fingerprint(s, r->chat, r->id),
			   r->at) != DEDUP_KNOWN;
}

void
model_list_all(struct model *m)
{
	size_t i;

	for (i = 0; i < m->chats_n; i++)
		chats_touch(m, m->chats[i], false);
	for (i = 0; i < m->operators_n; i++)
		model_operators_touch(m, m->operators[i]);
	m->changes.totals = true;
}

/* The next new chat reuses the memory of a freed one. */
void
model_clear_changed(struct model *m)
{
	struct model_changes *x = &m->changes;
	struct chat *c;
	size_t i;

	for (i = 0; i < x->chats_n; i++) {
		c = x->chats[i];
		c->listed = false;
		c->left = false;
		model_chat_packed(c);
		if (c->gone)
			chats_free(m, c);
	}
	for (i = 0; i < x->operators_n; i++)
		x->operators[i]->changed = false;
	m->private->identities.fresh_n = 0;
	x->chats_n = 0;
	x->operators_n = 0;
	x->totals = false;
}
