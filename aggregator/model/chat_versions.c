/*
 * chat_versions: see chat_versions.h.
 */
#include "aggregator/model/chat_versions.h"

#include "common/base/xalloc.h"

#include "aggregator/model/changes.h"
#include "aggregator/model/chat_messages.h"
#include "aggregator/model/identities.h"
#include "aggregator/model/model_times.h"

/* Remembers a version of a message that has no updated_at. */
static bool
remember_version(struct model *m, const struct chat *c, const struct message *x)
{
	const struct lexicon *w = &m->lexicon;
	char buf[MESSAGE_ID_TEXT], flags[4];
	uint32_t named =
	    x->from == FROM_OPERATOR ? message_operator(x) : x->operator_id;
	struct text parts[] = { chat_id(c),
		message_id_text(&w->message_ids, x->id, buf),
		model_name(m, message_writer(x)), model_name(m, named),
		model_name(m, w->kinds[x->kind]),
		lexicon_channel_text(w, x->channel), { flags, 3 } };

	flags[0] = (char)('0' + x->from);
	flags[1] = (char)('0' + x->is_private);
	flags[2] = (char)('0' + x->automated);
	flags[3] = '\0';
	return remember_arrival(m, 'm', parts, ARRAY_LEN(parts));
}

/* Compares a version with the one before it; > 0: it replaces that one. Of
 * versions without updated_at, the later arrival counts, but one that is
 * delivered again is older. */
static int
compare_to_known(struct model *m, const struct chat *c,
    const struct message *new, const struct message *old)
{
	int newer = message_compare_version(&m->lexicon, new, old);

	if (newer == 0 || message_updated_at(new) != CLOCK_NONE ||
	    message_updated_at(old) != CLOCK_NONE)
		return newer;
	(void)remember_version(m, c, old);
	return remember_version(m, c, new) ? 1 : -1;
}

/* Handles another version of the i-th message of the chat: takes it over,
 * except for its time, or drops it. */
static enum model_result
revise_message(
    struct model *m, struct chat *c, size_t i, const struct message *new)
{
	struct lexicon *w = &m->lexicon;
	struct message *old = &c->messages[i];
	struct message now = *new;
	int newer = compare_to_known(m, c, new, old);

	m->known_at = newer < 0 ? CLOCK_NONE : old->at;
	if (newer <= 0) {
		m->known_revision = message_revision(old);
		message_drop(w, new);
		return MODEL_DUPLICATE;
	}
	message_set_at(&now, old->at);
	if (message_updated_at(new) == CLOCK_NONE)
		message_set_revision(&now, message_revision(old) + 1);
	m->known_revision = message_revision(&now);
	/* Intervals already reported have the old message's id. */
	now.id = old->id;
	interner_drop(&w->names, old->user);
	interner_drop(&w->names, old->operator_id);
	message_id_drop(&w->message_ids, new->id);
	*old = now;
	if (i < c->clean)
		c->clean = (uint32_t)i;
	touch_chat(m, c, true);
	return MODEL_VERSION;
}

/* True if a message with that time, before the window, belongs to an episode
 * that was, or may have been, dropped. */
static bool
is_past_episode(const struct chat *c, int64_t at)
{
	return at <= c->dropped.at ||
	       (c->descriptions != NULL && at < c->descriptions->opened_at);
}

/* If nobody follows the messages, those of a chat are searched once for
 * repeated ones, when the chat is derived and in the processor's cache: that
 * takes a quarter less time if ids are texts. */
static bool
identifies_later(const struct model *m)
{
	return !m->incremental && m->follower == NULL && !m->identifies;
}

/* Appends a message to its chat or, if it is another version of a known
 * message, replaces that message or drops it. Only in a snapshot may it be
 * older than the window. */
static enum model_result
take_message(struct model *m, struct chat *c, const struct message *new)
{
	size_t i = messages_find(c, new->id);

	if (i < c->n &&
	    (model_in_snapshot(m) || !model_is_late(m, c->messages[i].at)))
		return revise_message(m, c, i, new);
	/* A message has the time of its first version, which is older than the
	 * window, or so old that the message may have been dropped. */
	if (i < c->n ||
	    (model_is_late(m, new->at) && is_past_episode(c, new->at))) {
		message_drop(&m->lexicon, new);
		return MODEL_LATE;
	}
	*messages_append(m, c) = *new;
	messages_note_id(c, new->id);
	touch_chat(m, c, true);
	return MODEL_NEW;
}

enum model_result
messages_add(struct model *m, struct chat *c, const struct message *new)
{
	if (!identifies_later(m))
		return take_message(m, c, new);
	*messages_append(m, c) = *new;
	return MODEL_NEW;
}

void
messages_identify(struct model *m, struct chat *c)
{
	uint32_t i, n = c->n;
	struct message x;

	if (!identifies_later(m))
		return;
	messages_moved(c);
	c->n = 0;
	for (i = 0; i < n; i++) {
		x = c->messages[i];
		(void)take_message(m, c, &x);
	}
	messages_moved(c);
}
