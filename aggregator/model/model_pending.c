/*
 * model_pending: delays messages until some others have come, and prefetches
 * what they need meanwhile: most of their time is waiting for memory, that of
 * the chat's slot, the chat, and the end of its messages. For models that need
 * not say at once whether a message is new.
 */
#include "aggregator/model/model_impl.h"

#include "common/base/xalloc.h"

#include "common/containers/hash.h"

#define PENDING_TEXT 40 /* bytes; a record with longer ids is not delayed */

/* A message waits in a ring while each of three prefetches runs, for so many
 * others: when 128 were prefetched at once, they waited for each other. */
#define APART 16
#define PENDING 64

_Static_assert(PENDING > 3 * APART, "the ring holds all that wait");

struct pending_text {
	uint8_t len;
	bool given;
	char p[PENDING_TEXT];
};

struct pending {
	struct message m;
	struct chat *chat;
	uint32_t hash;
	struct text id, user, operator_id;
};

/* The texts of one that came as a record, which does not last. */
struct pending_copy {
	struct pending_text id, user, operator_id;
};

static void
copy_pending_text(struct pending_text *to, struct text t)
{
	to->given = t.p != NULL;
	to->len = (uint8_t)t.len;
	if (t.p != NULL)
		hash_copy(to->p, t.p, t.len);
}

static struct text
pending_text_of(const struct pending_text *t)
{
	struct text text = { t->given ? t->p : NULL, t->len };

	return text;
}

static void
append_message(struct model *m, struct chat *c, const struct message *new,
    struct text user, struct text operator_id)
{
	struct message *to = messages_append(m, c);

	*to = *new;
	message_name(&m->lexicon, to, user, operator_id, c->name_hints);
}

static struct pending *
pending_at(const struct model_private *p, size_t number)
{
	return &p->pending[number % PENDING];
}

static void
find_pending_chat(struct model *m, struct pending *x)
{
	uint32_t hint;

	x->chat = chats_get_hashed(m, x->id, x->hash);
	if (x->chat->n < x->chat->cap)
		__builtin_prefetch(&x->chat->messages[x->chat->n], 1);
	hint = x->chat->name_hints[x->m.from == FROM_OPERATOR];
	if (hint != 0)
		__builtin_prefetch(interner_at(&m->lexicon.names, hint), 1);
}

/* Takes each message a step on for which so many others are before the next
 * step. */
static void
advance_messages(struct model *m, size_t apart)
{
	struct model_private *p = m->private;
	struct pending *x;

	for (; p->pending_prefetched + apart < p->pending_added;
	     p->pending_prefetched++)
		chats_prefetch(m, pending_at(p, p->pending_prefetched)->hash);
	for (; p->pending_found + apart < p->pending_prefetched;
	     p->pending_found++)
		find_pending_chat(m, pending_at(p, p->pending_found));
	for (; p->pending_appended + apart < p->pending_found;
	     p->pending_appended++) {
		x = pending_at(p, p->pending_appended);
		append_message(m, x->chat, &x->m, x->user, x->operator_id);
	}
}

/* The next one to be delayed, and the prefetch of its chat's slot. */
static struct pending *
next_pending(struct model *m, uint32_t hash)
{
	struct model_private *p = m->private;
	struct pending *x;

	advance_messages(m, APART);
	if (p->pending == NULL)
		p->pending = xcalloc(PENDING, sizeof *p->pending);
	x = pending_at(p, p->pending_added++);
	x->hash = hash;
	chats_prefetch_slot(m, hash);
	return x;
}

/* The text as long as it is pending. */
static struct text
keep_pending_text(struct pending_text *copy, struct text t)
{
	copy_pending_text(copy, t);
	return pending_text_of(copy);
}

void
pending_add(struct model *m, const struct record *r)
{
	struct model_private *p = m->private;
	struct pending_copy *copy;
	struct message new;
	struct pending *x;

	if (r->chat.len > PENDING_TEXT || r->user.len > PENDING_TEXT ||
	    r->operator_id.len > PENDING_TEXT) {
		message_read(&m->lexicon, &new, r);
		append_message(
		    m, chats_get(m, r->chat), &new, r->user, r->operator_id);
		return;
	}
	if (p->pending_copies == NULL)
		p->pending_copies = xcalloc(PENDING, sizeof *copy);
	x = next_pending(m, chats_hash(m, r->chat));
	message_read(&m->lexicon, &x->m, r);
	copy = &p->pending_copies[x - p->pending];
	x->id = keep_pending_text(&copy->id, r->chat);
	x->user = keep_pending_text(&copy->user, r->user);
	/* An operator's user is most often the operator. */
	if (r->operator_id.p != NULL && r->operator_id.len == r->user.len &&
	    hash_same(r->operator_id.p, r->user.p, r->user.len))
		x->operator_id = x->user;
	else
		x->operator_id =
		    keep_pending_text(&copy->operator_id, r->operator_id);
}

void
pending_flush(struct model *m)
{
	advance_messages(m, 0);
}
