/*
 * stretch: see stretch.h. Stretches of one key never overlap, and are linked
 * from the newest to the oldest. One is as long as [aggregator] forget was when
 * it was made, cut where a neighbour begins: the setting may change.
 */
#include "aggregator/metrics/stretch.h"

#include <string.h>

void
stretches_open(struct stretches *x, const struct streaming_metric_setup *setup,
    struct keyed_state *heads, const char *name, size_t size)
{
	x->heads = heads;
	x->size = size;
	x->forget = streaming_metric_conf(setup, "forget");
	x->window = setup->home->window_ms;
	keyed_state_open(&x->past, setup->home, name, size);
}

void
stretches_close(struct stretches *x)
{
	keyed_state_close(&x->past);
}

static struct key
past_key(const void *head, int64_t start)
{
	struct text own = keyed_state_key(head);
	struct key k;

	memcpy(k.bytes, own.p, own.len);
	k.len = own.len;
	key_time(&k, start);
	return k;
}

void *
stretches_before(struct stretches *x, const void *head, const void *s)
{
	const struct stretch *of = s;
	struct key k;

	if (of->has_before == 0)
		return NULL;
	k = past_key(head, of->before);
	return keyed_state_find(&x->past, k.bytes, k.len);
}

void
stretches_change(struct stretches *x, const void *head, void *s)
{
	keyed_state_change(s == head ? x->heads : &x->past, s);
}

/* Where one lies that is made for a time between two, each of which may be
 * missing. */
static void
lay(const struct stretches *x, struct stretch *s, int64_t at,
    const struct stretch *before, const struct stretch *behind)
{
	s->start = streaming_metric_span(at, x->forget);
	s->end = s->start + x->forget;
	if (before != NULL && before->end > s->start)
		s->start = before->end;
	if (behind != NULL && behind->start < s->end)
		s->end = behind->start;
	s->has_before = before != NULL;
	if (before != NULL)
		s->before = before->start;
}

/* The head's stretch moves to the past ones. */
static void *
push(struct stretches *x, void *head)
{
	struct key k = past_key(head, ((struct stretch *)head)->start);
	void *moved = keyed_state_get(&x->past, k.bytes, k.len, NULL);

	memcpy(moved, head, x->size);
	keyed_state_change(&x->past, moved);
	memset(head, 0, x->size);
	return moved;
}

static void *
insert(struct stretches *x, void *head, int64_t at,
    const struct stretch *before, struct stretch *behind)
{
	struct stretch laid = { 0 }, *made;
	struct key k;

	lay(x, &laid, at, before, behind);
	k = past_key(head, laid.start);
	made = keyed_state_get(&x->past, k.bytes, k.len, NULL);
	*made = laid;
	behind->has_before = 1;
	behind->before = laid.start;
	stretches_change(x, head, behind);
	stretches_change(x, head, made);
	return made;
}

void *
stretches_at(struct stretches *x, void *head, int64_t at, bool make)
{
	struct stretch *s = head, *behind = NULL;

	/* It is new, or everything was taken back. */
	if (s->messages == 0 && s->has_before == 0) {
		if (!make)
			return NULL;
		memset(head, 0, x->size);
		lay(x, s, at, NULL, NULL);
		return s;
	}
	for (; s != NULL && at < s->start; s = stretches_before(x, head, s))
		behind = s;
	if (s != NULL && at < s->end)
		return s;
	if (!make)
		return NULL;
	if (behind != NULL)
		return insert(x, head, at, s, behind);
	lay(x, head, at, push(x, head), NULL);
	return head;
}

void
stretch_add(struct stretch *s, int64_t at)
{
	s->messages++;
	top_values_add(&s->last, at);
	top_values_add(&s->first, -at);
}

void
stretch_remove(struct stretch *s, int64_t at)
{
	s->messages--;
	top_values_remove(&s->last, at);
	top_values_remove(&s->first, -at);
}

void
stretches_drop_empty(struct stretches *x, void *head, void *s)
{
	struct stretch *gone = s, *behind, *before;

	if (gone->messages > 0)
		return;
	before = stretches_before(x, head, gone);
	if (s == head && before == NULL) {
		gone->has_before = 0;
		return;
	}
	if (s == head) {
		memcpy(head, before, x->size);
		keyed_state_delete(&x->past, before);
		return;
	}
	behind = head;
	while (behind->before != gone->start) {
		struct stretch *next = stretches_before(x, head, behind);

		if (next == NULL)
			return; /* none leads to it, so nobody counts it */
		behind = next;
	}
	behind->has_before = gone->has_before;
	behind->before = gone->before;
	stretches_change(x, head, behind);
	keyed_state_delete(&x->past, gone);
}

static int64_t
first_of(const struct stretch *s)
{
	return -top_values_get(&s->first);
}

void *
stretches_joined(struct stretches *x, const void *head, const void *s)
{
	const struct stretch *before = stretches_before(x, head, s);

	if (before == NULL ||
	    first_of(s) - top_values_get(&before->last) > x->forget)
		return NULL;
	return (void *)(uintptr_t)before;
}

struct stretch_sum
stretches_sum(struct stretches *x, const void *head)
{
	struct stretch_sum sum = { 0, CLOCK_NONE, CLOCK_NONE };
	const struct stretch *s = head;

	if (s->messages == 0)
		return sum;
	sum.last = top_values_get(&s->last);
	for (; s != NULL; s = stretches_joined(x, head, s)) {
		sum.messages += s->messages;
		sum.first = first_of(s);
	}
	return sum;
}

int64_t
stretches_due(const struct stretches *x, int64_t last)
{
	return last + x->forget + x->window + 1;
}

/* Deletes all before one. */
static void
delete_before(struct stretches *x, void *head, struct stretch *s,
    stretch_dropped *dropped, void *ctx)
{
	struct stretch *gone = stretches_before(x, head, s), *next;

	if (gone == NULL)
		return;
	s->has_before = 0;
	stretches_change(x, head, s);
	for (; gone != NULL; gone = next) {
		next = stretches_before(x, head, gone);
		if (dropped != NULL)
			dropped(ctx, keyed_state_key(head), gone);
		keyed_state_delete(&x->past, gone);
	}
}

void
stretches_tidy(
    struct stretches *x, void *head, stretch_dropped *dropped, void *ctx)
{
	/* Of a message that is older no later version is taken: it is known
	 * for a window and a part of one. */
	int64_t settled = x->heads->home->newest - 2 * x->window;
	struct stretch *s, *before;

	for (s = head; s != NULL; s = before) {
		before = stretches_before(x, head, s);
		if (before == NULL || first_of(s) >= settled ||
		    stretches_joined(x, head, s) != NULL)
			continue;
		delete_before(x, head, s, dropped, ctx);
		return;
	}
}

void
stretches_delete_past(
    struct stretches *x, void *head, stretch_dropped *dropped, void *ctx)
{
	delete_before(x, head, head, dropped, ctx);
}
