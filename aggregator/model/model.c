/*
 * model: takes records; see model.h. model_recompute.c derives the figures.
 */
#include "aggregator/model/model_impl.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"

void
model_init(struct model *m, struct text tenant, bool stream, int64_t as_of)
{
	/* All models of the process have the same seed, so that identities can
	 * be copied between them. */
	static struct dedup_seed seed;
	static bool seeded;
	size_t i;

	if (!seeded)
		seed = dedup_new_seed();
	seeded = true;
	memset(m, 0, sizeof *m);
	m->tenant = text_dup(tenant);
	m->stream = stream;
	m->as_of = m->now = as_of;
	m->since = CLOCK_NONE;
	m->seed = seed;
	m->totals.longest_wait = TALLY_NONE;
	for (i = 0; i < BUCKETS; i++)
		m->whole_at[i] = CLOCK_NONE;
	lexicon_init(&m->lexicon);
	m->private = xcalloc(1, sizeof *m->private);
	m->private->identities_until = CLOCK_NONE;
}

void
model_release(struct model *m)
{
	struct model_private *p = m->private;

	model_operators_free(m);
	order_stats_release(&m->totals.waits);
	chats_free_all(m);
	pieces_release(&p->pieces);
	dedup_release(&p->identities);
	strmap_release(&p->texts, free);
	free(p->fresh);
	derivation_release(&p->derivation);
	free(p);
	lexicon_release(&m->lexicon);
	free(m->tenant);
	memset(m, 0, sizeof *m);
}

/* Returns the time to which a record refers. */
static int64_t
time_of_record(const struct record *r)
{
	return r->type == RECORD_CHAT && r->at == CLOCK_NONE ? r->opened_at
							     : r->at;
}

static enum model_result
add_chat(struct model *m, const struct record *r)
{
	struct interner *n = &m->lexicon.names;
	struct description d = { .next = NULL };
	struct chat *c;

	if (m->no_clocks)
		return MODEL_NEW;
	c = chats_get(m, r->chat);
	chats_load(m, c);
	d.at = time_of_record(r);
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
	/* Its first messages are probably from the assignee and the
	 * customer. */
	if (c->name_hints[0] == 0)
		c->name_hints[0] = d.customer;
	if (c->name_hints[1] == 0)
		c->name_hints[1] = d.assignee;
	chats_recompute_before(m, c, &d);
	chats_add_description(m, c, &d);
	chats_touch(m, c, true);
	return MODEL_NEW;
}

/* Sets *to to the message's chat, unless the model has no chats. */
static enum model_result
add_message(struct model *m, const struct record *r, struct chat **to)
{
	struct fingerprint f = { 0, 0 };
	struct message new;
	struct chat *c;

	if (m->no_clocks && !m->dedup_on_add)
		return MODEL_SKIPPED;
	if (m->dedup_on_add)
		f = identities_make(m, r->chat, r->id);
	if (m->no_clocks)
		return identities_add(m, f, r->at) == DEDUP_NEW
			   ? MODEL_NEW
			   : MODEL_DUPLICATE;
	if (r->text.p != NULL &&
	    (m->keeps_texts ||
		(m->text_of != NULL && text_is(r->chat, m->text_of))))
		messages_keep_text(m, r);
	c = *to = chats_get(m, r->chat);
	chats_load(m, c);
	message_read(&m->lexicon, &new, r, c->name_hints);
	if (m->dedup_on_add)
		return messages_take(m, c, f, &new);
	*messages_append(m, c) = new;
	return MODEL_NEW;
}

/* CLOCK_NONE is before every time. Identities expire here, so the result does
 * not depend on when a flush happens. */
void
model_pass_time(struct model *m, int64_t at)
{
	bool first = m->as_of == CLOCK_NONE;

	if (at <= m->as_of)
		return;
	m->as_of = at;
	if (first)
		m->since = model_by_clock(m, at);
	if (first && m->incremental)
		identities_date(m);
	if (m->incremental && m->window > 0 &&
	    at >= m->private->identities_until)
		identities_expire(m);
}

/* The first event with an id counts. Events without a user are skipped. */
static enum model_result
add_event(struct model *m, const struct record *r)
{
	const struct text no_chat = { NULL, 0 };
	int64_t at = r->at;

	if (r->user.p == NULL || (m->no_events && !m->dedup_on_add))
		return MODEL_SKIPPED;
	/* An event without a time is as old as the newest record, or as the
	 * first one that will have a time: identities_date(). */
	if (at == CLOCK_NONE)
		at = m->as_of != CLOCK_NONE ? m->as_of : 0;
	return identities_add(m, identities_make(m, no_chat, r->id), at) ==
		       DEDUP_NEW
		   ? MODEL_NEW
		   : MODEL_DUPLICATE;
}

static enum model_result
add_operator(struct model *m, const struct record *r)
{
	if (m->no_clocks)
		return MODEL_SKIPPED;
	return model_operators_add(m, r) ? MODEL_NEW : MODEL_DUPLICATE;
}

/* True if it is older than the window. Other types have their effect at any
 * time. */
static bool
is_refused_as_late(const struct model *m, enum record_type type, int64_t at)
{
	return at != CLOCK_NONE && model_is_late(m, at) &&
	       (type == RECORD_MESSAGE || type == RECORD_EVENT ||
		   type == RECORD_CHAT || type == RECORD_OPERATOR);
}

enum model_result
model_add(struct model *m, const struct record *r)
{
	enum model_result result = MODEL_SKIPPED;
	int64_t at = time_of_record(r);
	struct chat *c = NULL;

	m->known_at = r->at;
	/* A record about a message is not itself a message and has no time. */
	if (r->type == RECORD_MESSAGE && r->about)
		return MODEL_SKIPPED;
	if (is_refused_as_late(m, r->type, at))
		return MODEL_LATE;
	switch (r->type) {
	case RECORD_MESSAGE:
		result = add_message(m, r, &c);
		break;
	case RECORD_EVENT:
		result = add_event(m, r);
		break;
	case RECORD_OPERATOR:
		result = add_operator(m, r);
		break;
	case RECORD_CHAT:
		result = add_chat(m, r);
		break;
	case RECORD_UNKNOWN:
	case RECORD_SNAPSHOT:
	case RECORD_VIEW:
	case RECORD_ASSIGNMENT:
	case RECORD_LIMIT:
	case RECORD_ROW:
	case RECORD_TYPES:
		break;
	}
	if (m->stream)
		model_pass_time(m, at);
	/* A new message is the last of its chat. */
	if (c != NULL && result == MODEL_NEW && m->on_message != NULL)
		m->on_message(
		    m->ctx, m, c, &c->messages[c->n - 1], r->text);
	return result;
}

struct text
interval_operator(const struct model *m, const struct interval *i)
{
	return model_name(m, i->operator_id);
}

struct text
interval_message(
    const struct model *m, const struct interval *i, char buf[MESSAGE_ID_TEXT])
{
	struct text none = { NULL, 0 }, empty = { "", 0 };

	if (i->running)
		return none;
	return i->by_record
		   ? empty
		   : message_id_text(&m->lexicon.message_ids, i->message, buf);
}
