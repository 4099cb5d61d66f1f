/*
 * stretch: see stretch.h. Stretches of one key never overlap, and are linked
 * from the newest to the oldest. One is as long as [aggregator] forget was when
 * it was made, cut where a neighbour begins: the setting may change.
 */
#include "aggregator/counting/stretch.h"

#include <string.h>

void
stretches_open(struct stretches *x, const struct streaming_metric_setup *setup,
    struct keyed_state *heads, const struct stretches_kind *kind)
{
	x->kind = kind;
	x->heads = heads;
	x->expires = setup->home->state != NULL;
	x->forget = streaming_metric_conf(setup, "forget");
	x->window = setup->home->window_ms;
	keyed_state_open(&x->past, setup->home, kind->past, kind->size);
	timer_queue_open(&x->silent, setup->home, kind->silent);
}

void
stretches_close(struct stretches *x)
{
	keyed_state_close(&x->past);
	timer_queue_close(&x->silent);
}

/* When no message can join a stretch any more whose last one has that time. */
static int64_t
when_silent(const struct stretches *x, int64_t last)
{
	return last + x->forget + x->window + 1;
}

void
stretches_watch(struct stretches *x, const void *head, int64_t at)
{
	struct text key = keyed_state_key(head);

	if (x->expires)
		timer_queue_add(&x->silent, when_silent(x, at), key.p, key.len);
}

static struct key
past_key(const void *head, int64_t start)
{
	struct key k;

	key_begin_with(&k, keyed_state_key(head));
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

/* Deletes all stretches before this one. */
static void
delete_before(struct stretches *x, void *head, struct stretch *s)
{
	struct stretch *gone = stretches_before(x, head, s), *next;

	if (gone == NULL)
		return;
	s->has_before = 0;
	stretches_change(x, head, s);
	for (; gone != NULL; gone = next) {
		next = stretches_before(x, head, gone);
		keyed_state_delete(&x->past, gone);
	}
}

/* A key's newest messages are so old that none can follow them in time, so they
 * are dropped, whether or not stretches_expire() has come to them. */
static bool
is_dropped(const struct stretches *x, const struct stretch *newest)
{
	return x->expires && newest->messages > 0 &&
	       when_silent(x, newest->last) <= x->heads->home->now;
}

/* As if the head had been deleted and made again. */
static void
drop_head(struct stretches *x, void *head)
{
	delete_before(x, head, head);
	memset(head, 0, x->kind->size);
}

/* Sets the span of a new stretch that holds the time, and its link. The
 * neighbours may be NULL; they limit the span. */
static void
set_span(const struct stretches *x, struct stretch *s, int64_t at,
    const struct stretch *before, const struct stretch *after)
{
	s->start = streaming_metric_span(at, x->forget);
	s->end = s->start + x->forget;
	if (before != NULL && before->end > s->start)
		s->start = before->end;
	if (after != NULL && after->start < s->end)
		s->end = after->start;
	s->has_before = before != NULL;
	if (before != NULL)
		s->before = before->start;
}

/* Moves the head's stretch to the past ones; the head is zeroed. */
static void *
move_head_to_past(struct stretches *x, void *head)
{
	struct key k = past_key(head, ((struct stretch *)head)->start);
	void *moved = keyed_state_get(&x->past, k.bytes, k.len, NULL);

	memcpy(moved, head, x->kind->size);
	keyed_state_change(&x->past, moved);
	memset(head, 0, x->kind->size);
	return moved;
}

/* Makes a past stretch between two; before may be NULL. */
static void *
insert_past(struct stretches *x, void *head, int64_t at,
    const struct stretch *before, struct stretch *after)
{
	struct stretch made_for = { 0 }, *made;
	struct key k;

	set_span(x, &made_for, at, before, after);
	k = past_key(head, made_for.start);
	made = keyed_state_get(&x->past, k.bytes, k.len, NULL);
	*made = made_for;
	after->has_before = 1;
	after->before = made_for.start;
	stretches_change(x, head, after);
	stretches_change(x, head, made);
	return made;
}

void *
stretches_at(struct stretches *x, void *head, int64_t at)
{
	struct stretch *s = head, *after = NULL;

	if (is_dropped(x, s))
		drop_head(x, head);
	if (s->messages == 0) {
		set_span(x, s, at, NULL, NULL);
		return s;
	}
	for (; s != NULL && at < s->start; s = stretches_before(x, head, s))
		after = s;
	if (s != NULL && at < s->end)
		return s;
	if (after != NULL)
		return insert_past(x, head, at, s, after);
	set_span(x, head, at, move_head_to_past(x, head), NULL);
	return head;
}

void
stretch_add(struct stretch *s, int64_t at)
{
	if (s->messages == 0 || at < s->first)
		s->first = at;
	if (s->messages++ == 0 || at > s->last)
		s->last = at;
}

void *
stretches_joined(struct stretches *x, const void *head, const void *s)
{
	const struct stretch *before = stretches_before(x, head, s);

	if (before == NULL ||
	    ((const struct stretch *)s)->first - before->last > x->forget)
		return NULL;
	return (void *)(uintptr_t)before;
}

struct stretch_sum
stretches_sum(struct stretches *x, const void *head)
{
	const struct stretch *s = head;
	struct stretch_sum sum = { .last = s->last };

	for (; s != NULL; s = stretches_joined(x, head, s)) {
		sum.messages += s->messages;
		sum.first = s->first;
	}
	return sum;
}

/* Deletes what lies before a silence that nothing can fill or move any more. */
static void
delete_unreachable(struct stretches *x, void *head)
{
	/* No message as old as that comes any more. */
	int64_t reachable = x->heads->home->newest - 2 * x->window;
	struct stretch *s, *before;

	for (s = head; s != NULL; s = before) {
		before = stretches_before(x, head, s);
		if (before == NULL || s->first >= reachable ||
		    stretches_joined(x, head, s) != NULL)
			continue;
		delete_before(x, head, s);
		return;
	}
}

static void
delete_head(struct stretches *x, void *head)
{
	delete_before(x, head, head);
	keyed_state_delete(x->heads, head);
}

/* A key is due: it is deleted when it is silent, else it comes up again. */
static void
expire_key(struct stretches *x, struct text key, int64_t newest)
{
	void *head = keyed_state_find(x->heads, key.p, key.len);
	int64_t due;

	if (head == NULL)
		return;
	due = when_silent(x, x->kind->last(head));
	if (!keyed_state_is_pending(head)) {
		if (due <= newest &&
		    (x->kind->is_needed == NULL || !x->kind->is_needed(head))) {
			delete_head(x, head);
			return;
		}
		delete_unreachable(x, head);
	}
	if (due <= newest)
		due = newest + 1;
	timer_queue_add(&x->silent, due, key.p, key.len);
}

void
stretches_expire(struct stretches *x, int64_t newest)
{
	struct text key;
	int64_t due;

	if (!x->expires || newest == CLOCK_NONE)
		return;
	while (timer_queue_next(&x->silent, newest, &key, &due))
		expire_key(x, key, newest);
}
