/*
 * chat_descriptions: see chat_descriptions.h.
 */
#include "aggregator/model/chat_descriptions.h"

#include <stdio.h>
#include <string.h>

#include "common/base/xalloc.h"

#include "aggregator/model/model_private.h"

struct description *
descriptions_new(struct model *m)
{
	struct model_private *p = m->private;
	struct description *d = p->free_descriptions;

	if (d == NULL)
		return arena_take_lines(&p->arena, sizeof *d);
	p->free_descriptions = d->next;
	return d;
}

void
description_free(struct model *m, struct description *d)
{
	size_t i;

	for (i = 0; i < DESCRIPTION_NAMES; i++)
		interner_drop(&m->lexicon.names, d->names[i]);
	d->next = m->private->free_descriptions;
	m->private->free_descriptions = d;
}

static bool
has_same_content(const struct description *a, const struct description *b)
{
	return status_or_open(a) == status_or_open(b) &&
	       a->opened_at == b->opened_at && a->closed_at == b->closed_at &&
	       memcmp(a->names, b->names, sizeof a->names) == 0;
}

static bool
remember_description(
    struct model *m, const struct chat *c, const struct description *d)
{
	struct text parts[2 + DESCRIPTION_NAMES];
	char numbers[96];
	size_t i;

	(void)snprintf(numbers, sizeof numbers, "%d %lld %lld %lld",
	    status_or_open(d), (long long)d->at, (long long)d->opened_at,
	    (long long)d->closed_at);
	parts[0] = chat_id(c);
	parts[1] = text_from(numbers);
	for (i = 0; i < DESCRIPTION_NAMES; i++)
		parts[2 + i] = model_name(m, d->names[i]);
	return remember_arrival(m, 'c', parts, ARRAY_LEN(parts));
}

/* Puts a description before an older one or in the place of one with the same
 * time, whose fields it inherits as in derive_description(): of these, the
 * later arrival counts, unless it is delivered again. */
static void
put_description(struct model *m, struct chat *c, struct description **at,
    struct description *new)
{
	struct description *old = *at;
	size_t i;

	if (old == NULL || old->at != new->at) {
		new->next = old;
		*at = new;
		c->descriptions_n++;
		return;
	}
	if (!has_same_content(old, new))
		(void)remember_description(m, c, old);
	if (has_same_content(old, new) || !remember_description(m, c, new)) {
		description_free(m, new);
		return;
	}
	if (new->opened_at == CLOCK_NONE)
		new->opened_at = old->opened_at;
	for (i = 1; i < DESCRIPTION_NAMES; i++)
		if (new->names[i] == 0) {
			new->names[i] = old->names[i];
			old->names[i] = 0;
		}
	new->next = old->next;
	*at = new;
	description_free(m, old);
}

void
descriptions_add(struct model *m, struct chat *c, const struct description *d)
{
	struct description *new = descriptions_new(m), **at = &c->descriptions;

	*new = *d;
	if (!m->incremental) {
		new->next = *at;
		*at = new;
		c->descriptions_n++;
		return;
	}
	while (*at != NULL && (*at)->at > new->at)
		at = &(*at)->next;
	put_description(m, c, at, new);
}

/* Both are sorted, newest first; of descriptions with the same time, those of a
 * come first. */
static struct description *
merge_descriptions(struct description *a, struct description *b)
{
	struct description *first = NULL, **at = &first, **from;

	while (a != NULL && b != NULL) {
		from = a->at >= b->at ? &a : &b;
		*at = *from;
		at = &(*from)->next;
		*from = *at;
	}
	*at = a != NULL ? a : b;
	return first;
}

static struct description *
sort_descriptions(struct description *list, size_t n)
{
	struct description *last = list, *half;
	size_t i;

	if (n < 2)
		return list;
	for (i = 1; i < n / 2; i++)
		last = last->next;
	half = last->next;
	last->next = NULL;
	return merge_descriptions(
	    sort_descriptions(list, n / 2), sort_descriptions(half, n - n / 2));
}

static struct description *
reverse_descriptions(struct description *list)
{
	struct description *reversed = NULL, *next;

	for (; list != NULL; list = next) {
		next = list->next;
		list->next = reversed;
		reversed = list;
	}
	return reversed;
}

void
descriptions_sort(struct model *m, struct chat *c)
{
	struct description *d, *next;

	if (c->descriptions_n < 2)
		return;
	d = reverse_descriptions(
	    sort_descriptions(c->descriptions, c->descriptions_n));
	c->descriptions = NULL;
	c->descriptions_n = 0;
	for (; d != NULL; d = next) {
		next = d->next;
		put_description(m, c, &c->descriptions, d);
	}
}

void
descriptions_free(struct model *m, struct chat *c)
{
	struct description *d;

	while ((d = c->descriptions) != NULL) {
		c->descriptions = d->next;
		description_free(m, d);
	}
	c->descriptions_n = 0;
}
