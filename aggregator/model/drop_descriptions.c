/*
 * drop_descriptions: see drop_records.h.
 */
#include "aggregator/model/drop_records.h"

#include "aggregator/model/chat_descriptions.h"
#include "aggregator/model/model_private.h"

/* If a chat has more descriptions than this, repeated ones are dropped before
 * the window has passed: a poll each minute would leave a thousand a day for
 * every chat. */
#define DESCRIPTIONS 64

/* Returns bits for the fields present among those that a newer description
 * inherits from an older one. */
static unsigned
fields_of(const struct description *d)
{
	unsigned fields = d->opened_at != CLOCK_NONE;
	size_t i;

	for (i = 1; i < DESCRIPTION_NAMES; i++)
		fields |= (d->names[i] != 0 ? 1u : 0u) << i;
	return fields;
}

static bool
is_same_state(const struct description *a, const struct description *b)
{
	return a != NULL && a->status == b->status &&
	       a->assignee == b->assignee && a->opened_at == b->opened_at &&
	       a->closed_at == b->closed_at;
}

/* True if a message between them changed the status or the assignee. */
static bool
has_change_between(const struct chat *c, const struct description *older,
    const struct description *newer)
{
	const struct dropped_history *f = &c->dropped;
	const struct message *x;
	size_t i;

	/* Only the last status of dropped messages is known. */
	if (f->at != CLOCK_NONE &&
	    ((f->at >= older->at && f->at < newer->at) ||
		(f->status_at >= older->at && f->status_at <= newer->at)))
		return true;
	/* Messages that are not sorted yet are at the end. */
	for (i = c->n; i > 0; i--) {
		x = &c->messages[i - 1];
		if (i <= c->sorted && x->at < older->at)
			break;
		if (x->from == FROM_SYSTEM && x->is != KIND_OTHER &&
		    x->is != KIND_HANDOFF && x->at >= older->at &&
		    x->at <= newer->at)
			return true;
	}
	return false;
}

void
descriptions_prune(struct model *m, struct chat *c)
{
	const bool many = c->descriptions_n > DESCRIPTIONS;
	const int64_t limit = model_window_start(m);
	struct description **at, *d, *newer = NULL;
	unsigned newer_fields = 0;

	for (at = &c->descriptions; (d = *at) != NULL;) {
		if (newer != NULL && (fields_of(d) & ~newer_fields) == 0 &&
		    is_same_state(d->next, d) &&
		    (d->at < limit || (many && is_same_state(newer, d))) &&
		    !has_change_between(c, d->next, d)) {
			*at = d->next;
			description_free(m, d);
			c->descriptions_n--;
			continue;
		}
		newer_fields |= fields_of(d);
		newer = d;
		at = &d->next;
	}
}
