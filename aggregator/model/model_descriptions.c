/*
 * model_descriptions: the chat records of a chat: which of two is newer, which
 * ones need not be kept, and their packed form. An incremental model inserts
 * each description in its place; any other model sorts them once, when the chat
 * is derived.
 */
#include "aggregator/model/model_impl.h"

#include <string.h>

#include "common/base/xalloc.h"
#include "common/containers/pack.h"

/* If a chat has more descriptions than this, repeated ones are dropped before
 * the window has passed: a poll each minute would leave a thousand a day for
 * every chat. */
#define DESCRIPTIONS 64

/* One to be filled in. */
static struct description *
new_description(struct model *m)
{
	struct model_private *p = m->private;
	struct description *d = p->free_descriptions;

	if (d == NULL)
		return arena_take_lines(&p->arena, sizeof *d);
	p->free_descriptions = d->next;
	return d;
}

static void
free_description(struct model *m, struct description *d)
{
	size_t i;

	for (i = 0; i < DESCRIPTION_NAMES; i++)
		interner_drop(&m->lexicon.names, d->names[i]);
	d->next = m->private->free_descriptions;
	m->private->free_descriptions = d;
}

/* Compares by time; with the same time, the one with the greater (status,
 * assignee, ...) is newer. */
static int
compare_descriptions(const struct model *m, const struct description *a,
    const struct description *b)
{
	const struct interner *n = &m->lexicon.names;
	int c = (a->at > b->at) - (a->at < b->at);
	size_t i;

	if (c == 0)
		c = strcmp(record_status_name(status_or_open(a)),
		    record_status_name(status_or_open(b)));
	if (c == 0)
		c = interner_compare_bytes(n, a->assignee, b->assignee);
	if (c == 0)
		c = (a->opened_at > b->opened_at) -
		    (a->opened_at < b->opened_at);
	if (c == 0)
		c = (a->closed_at > b->closed_at) -
		    (a->closed_at < b->closed_at);
	for (i = 1; c == 0 && i < DESCRIPTION_NAMES; i++)
		c = interner_compare_bytes(n, a->names[i], b->names[i]);
	return c;
}

/* The newest description counts. Constant fields, which are all names except
 * the assignee, are inherited from older descriptions, because the record of a
 * closing seldom repeats them. */
void
chats_describe(struct chat *c)
{
	const struct description *d = c->descriptions;
	size_t i;

	memset(&c->now, 0, sizeof c->now);
	c->now.at = CLOCK_NONE;
	c->now.opened_at = CLOCK_NONE;
	if (d != NULL) {
		c->now = *d;
		c->now.next = NULL;
		c->now.status = status_or_open(d);
	}
	for (; d != NULL; d = d->next) {
		if (c->now.opened_at == CLOCK_NONE)
			c->now.opened_at = d->opened_at;
		for (i = 1; i < DESCRIPTION_NAMES; i++)
			if (c->now.names[i] == 0)
				c->now.names[i] = d->names[i];
	}
}

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

/* Drops descriptions that repeat the previous one, if no further record can
 * come between the two. The first and last of equal consecutive descriptions
 * are kept. */
static void
prune_descriptions(struct model *m, struct chat *c)
{
	const bool many = c->descriptions_n > DESCRIPTIONS;
	int64_t limit = m->window > 0 && m->as_of != CLOCK_NONE
			    ? m->as_of - m->window
			    : INT64_MIN;
	struct description **at, *d, *newer = NULL;
	unsigned newer_fields = 0;

	for (at = &c->descriptions; (d = *at) != NULL;) {
		if (newer != NULL && (fields_of(d) & ~newer_fields) == 0 &&
		    is_same_state(d->next, d) &&
		    (d->at < limit || (many && is_same_state(newer, d))) &&
		    !has_change_between(c, d->next, d)) {
			*at = d->next;
			free_description(m, d);
			c->descriptions_n--;
			continue;
		}
		newer_fields |= fields_of(d);
		newer = d;
		at = &d->next;
	}
}

void
chats_add_description(
    struct model *m, struct chat *c, const struct description *d)
{
	struct description *new = new_description(m), **at = &c->descriptions;
	int order = 1;

	*new = *d;
	for (; *at != NULL; at = &(*at)->next) {
		order = compare_descriptions(m, new, *at);
		if (order >= 0 || !m->incremental)
			break;
	}
	/* A duplicate. */
	if (*at != NULL && order == 0) {
		free_description(m, new);
		return;
	}
	new->next = *at;
	*at = new;
	c->descriptions_n++;
	if (m->incremental)
		prune_descriptions(m, c);
}

static struct description *
merge_descriptions(
    const struct model *m, struct description *a, struct description *b)
{
	struct description *first = NULL, **at = &first, **from;

	while (a != NULL && b != NULL) {
		from = compare_descriptions(m, a, b) >= 0 ? &a : &b;
		*at = *from;
		at = &(*from)->next;
		*from = *at;
	}
	*at = a != NULL ? a : b;
	return first;
}

static struct description *
sort_descriptions(const struct model *m, struct description *list, size_t n)
{
	struct description *last = list, *half;
	size_t i;

	if (n < 2)
		return list;
	for (i = 1; i < n / 2; i++)
		last = last->next;
	half = last->next;
	last->next = NULL;
	return merge_descriptions(m, sort_descriptions(m, list, n / 2),
	    sort_descriptions(m, half, n - n / 2));
}

void
chats_sort_descriptions(const struct model *m, struct chat *c)
{
	c->descriptions =
	    sort_descriptions(m, c->descriptions, c->descriptions_n);
}

void
chats_free_descriptions(struct model *m, struct chat *c)
{
	struct description *d;

	while ((d = c->descriptions) != NULL) {
		c->descriptions = d->next;
		free_description(m, d);
	}
	c->descriptions_n = 0;
}

static void
code_description(struct pack *k, struct model *m, struct description *d)
{
	size_t i;

	code_signed(k, &d->at);
	code_signed(k, &d->opened_at);
	code_signed(k, &d->closed_at);
	model_code_status(k, &d->status);
	for (i = 0; i < DESCRIPTION_NAMES; i++)
		model_code_name(k, m, &d->names[i]);
}

static bool
is_same_description(const struct description *a, const struct description *b)
{
	size_t i;

	if (b == NULL || b->at == CLOCK_NONE || a->status != b->status ||
	    a->opened_at != b->opened_at || a->closed_at != b->closed_at)
		return false;
	for (i = 0; i < DESCRIPTION_NAMES; i++)
		if (a->names[i] != b->names[i])
			return false;
	return true;
}

/* Adds a copy of the description after it. */
static void
repeat_description(struct model *m, struct chat *c, struct description *d)
{
	struct description *new = new_description(m);
	size_t i;

	*new = *d;
	d->next = new;
	c->descriptions_n++;
	for (i = 0; i < DESCRIPTION_NAMES; i++)
		interner_hold(&m->lexicon.names, d->names[i]);
}

/* A run of descriptions that differ only in their times. A busy chat gets a
 * description with each message, but most of them are equal. Returns the last
 * one. */
static struct description *
code_run(struct pack *k, struct model *m, struct chat *c, struct description *d)
{
	struct description *x;
	uint64_t n = 0, age;

	code_description(k, m, d);
	for (x = d; !pack_reads(k) && is_same_description(x, x->next);
	     x = x->next)
		n++;
	code_number(k, &n);
	for (; n > 0 && !k->bad; n--, d = d->next) {
		if (pack_reads(k))
			repeat_description(m, c, d);
		age = (uint64_t)d->at - (uint64_t)d->next->at;
		code_number(k, &age);
		d->next->at = (int64_t)((uint64_t)d->at - age);
	}
	return d;
}

void
descriptions_code(struct pack *k, struct model *m, struct chat *c)
{
	struct description **at = &c->descriptions;
	bool more;

	for (;; at = &code_run(k, m, c, *at)->next) {
		more = *at != NULL;
		code_flag(k, &more);
		if (!more)
			return;
		if (!pack_reads(k))
			continue;
		*at = new_description(m);
		**at = (struct description){ .next = NULL };
		c->descriptions_n++;
	}
}
