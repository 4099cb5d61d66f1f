/*
 * allocation_lines: which operators have free slots, and in which lines; and
 * the place of each chat, which is a treap of a line or of an operator. A line
 * is a set of tags, and a channel if that has a limit. An operator serves each
 * line whose tags the operator has, and is in the line's treap while they have
 * a free slot. A line with a chat and an operator is ready; ready lines are
 * ordered by their first chat.
 *
 * The treaps of unassigned chats, lines, operators and timers come first; all
 * elements of a treap differ in its order.
 */
#include "aggregator/allocation/allocation_impl.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"

/* This many paused chats queue again when an operator has a free slot. */
#define UNPAUSED 8

static int
compare_ids(struct text a, struct text b)
{
	return id_compare(a.p, a.len, b.p, b.len);
}

static int
by_arrival(const struct alloc_chat *a, const struct alloc_chat *b)
{
	if (a->arrival != b->arrival)
		return a->arrival < b->arrival ? -1 : 1;
	return compare_ids(a->entry.id, b->entry.id);
}

static int
compare_chats(const struct treap_node *x, const struct treap_node *y)
{
	return by_arrival(TREAP_OF(x, const struct alloc_chat, node),
	    TREAP_OF(y, const struct alloc_chat, node));
}

static int
compare_lines(const struct treap_node *x, const struct treap_node *y)
{
	return by_arrival(TREAP_OF(x, const struct alloc_line, node)->head,
	    TREAP_OF(y, const struct alloc_line, node)->head);
}

/* The operator who gets the next chat comes first. */
static int
compare_free(const struct treap_node *x, const struct treap_node *y)
{
	const struct alloc_operator *a =
	    TREAP_OF(x, const struct alloc_service, node)->owner;
	const struct alloc_operator *b =
	    TREAP_OF(y, const struct alloc_service, node)->owner;

	if (a->load != b->load)
		return a->load < b->load ? -1 : 1;
	if (a->last_reservation != b->last_reservation)
		return a->last_reservation < b->last_reservation ? -1 : 1;
	return compare_ids(a->entry.id, b->entry.id);
}

static int
compare_unanswered(const struct treap_node *x, const struct treap_node *y)
{
	return compare_ids(
	    TREAP_OF(x, const struct alloc_chat, in_unanswered)->entry.id,
	    TREAP_OF(y, const struct alloc_chat, in_unanswered)->entry.id);
}

static int
compare_timers(const struct treap_node *x, const struct treap_node *y)
{
	const struct alloc_timer *a =
	    TREAP_OF(x, const struct alloc_timer, node);
	const struct alloc_timer *b =
	    TREAP_OF(y, const struct alloc_timer, node);

	if (a->due != b->due)
		return a->due < b->due ? -1 : 1;
	return (a->order > b->order) - (a->order < b->order);
}

void
alloc_set_timer(struct allocation *a, struct alloc_timer *t, int64_t due)
{
	if (t->due == due)
		return;
	treap_remove(&a->timers, &t->node);
	t->due = due;
	t->order = a->timer_order++;
	if (due != INT64_MAX)
		treap_add(&a->timers, &t->node);
}

static bool
is_tag_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Splits the text at commas into copies. */
static void
split_tags(struct alloc_tags *t, struct text text)
{
	const char *p = text.p, *end = p + text.len, *comma, *stop;
	size_t cap = 0;

	for (; p < end; p = comma < end ? comma + 1 : end) {
		comma = memchr(p, ',', (size_t)(end - p));
		if (comma == NULL)
			comma = end;
		for (stop = comma; stop > p && is_tag_blank(stop[-1]);)
			stop--;
		while (p < stop && is_tag_blank(*p))
			p++;
		if (p == stop)
			continue;
		XGROW(t->tag, t->n, cap);
		t->tag[t->n++] = xstrndup(p, (size_t)(stop - p));
	}
}

static int
compare_tags(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
free_tags(void *p)
{
	struct alloc_tags *t = p;
	size_t i;

	for (i = 0; i < t->n; i++)
		free(t->tag[i]);
	free(t->tag);
	free(t->text);
	free(t);
}

/* Sorts the tags, removes duplicates and makes their text. */
static void
sort_tags(struct alloc_tags *t)
{
	struct buf text = BUF_INIT;
	size_t i, n = 0;

	sort_array(t->tag, t->n, sizeof *t->tag, compare_tags);
	for (i = 0; i < t->n; i++) {
		if (n > 0 && strcmp(t->tag[n - 1], t->tag[i]) == 0) {
			free(t->tag[i]);
			continue;
		}
		buf_addf(&text, "%s%s", n > 0 ? "," : "", t->tag[i]);
		t->tag[n++] = t->tag[i];
	}
	t->n = n;
	t->text = buf_take(&text);
}

const struct alloc_tags *
alloc_tags_get(struct allocation *a, struct text text)
{
	struct alloc_tags *t;
	void **slot;

	if (text.p == NULL)
		text = alloc_text("", 0);
	t = strmap_get(&a->tags, text.p, text.len);
	if (t != NULL)
		return t;
	t = xcalloc(1, sizeof *t);
	split_tags(t, text);
	sort_tags(t);
	slot = strmap_put(&a->tags, t->text, strlen(t->text));
	if (*slot == NULL)
		*slot = t;
	else
		free_tags(t);
	return *slot;
}

/* Both are sorted. */
static bool
has_all_tags(const struct alloc_tags *has, const struct alloc_tags *required)
{
	size_t i, j = 0;

	for (i = 0; i < required->n; i++) {
		while (j < has->n && strcmp(has->tag[j], required->tag[i]) < 0)
			j++;
		if (j == has->n || strcmp(has->tag[j], required->tag[i]) != 0)
			return false;
	}
	return true;
}

/* Call after a change to the line's queue or to l->free. */
static void
update_line(struct allocation *a, struct alloc_line *l)
{
	struct treap_node *first = treap_first(&l->queue);
	const struct alloc_chat *head =
	    first != NULL && treap_first(&l->free) != NULL
		? TREAP_OF(first, const struct alloc_chat, node)
		: NULL;

	if (head == l->head)
		return;
	treap_remove(&a->ready, &l->node);
	l->head = head;
	if (head != NULL)
		treap_add(&a->ready, &l->node);
}

struct alloc_service *
alloc_service_of(const struct alloc_operator *o, const struct alloc_line *l)
{
	size_t i;

	for (i = 0; i < o->services_n; i++)
		if (o->services[i]->line == l)
			return o->services[i];
	return NULL;
}

struct alloc_share *
alloc_share_of(struct alloc_operator *o, struct alloc_channel *channel)
{
	size_t i;

	for (i = 0; i < o->shares_n; i++)
		if (o->shares[i].channel == channel)
			return &o->shares[i];
	XGROW(o->shares, o->shares_n, o->shares_cap);
	o->shares[o->shares_n] =
	    (struct alloc_share){ channel, 0, RECORD_NO_NUMBER };
	return &o->shares[o->shares_n++];
}

int64_t
alloc_limit_of(const struct allocation *a, const struct alloc_operator *o)
{
	if (o->own_limit != RECORD_NO_NUMBER)
		return o->own_limit;
	if (o->max_chats != RECORD_NO_NUMBER)
		return o->max_chats;
	return a->everybody != RECORD_NO_NUMBER ? a->everybody : a->set.limit;
}

/* The place of a chat. Only these functions set it. */

void
alloc_place_leave(struct allocation *a, struct alloc_chat *c)
{
	switch (c->place) {
	case PLACE_QUEUE:
		treap_remove(&c->line->queue, &c->node);
		update_line(a, c->line);
		break;
	case PLACE_PAUSED:
		treap_remove(&c->line->paused, &c->node);
		break;
	case PLACE_AWAITING:
		treap_remove(
		    &alloc_service_of(c->awaited, c->line)->awaited, &c->node);
		break;
	case PLACE_RESERVED:
	case PLACE_NONE:
		break;
	}
	c->awaited = NULL;
	c->place = PLACE_NONE;
	alloc_set_timer(a, &c->timer, INT64_MAX);
}

void
alloc_place_queue(struct allocation *a, struct alloc_chat *c)
{
	c->line = alloc_line_get(a, c->tags, c->channel);
	c->place = PLACE_QUEUE;
	treap_add(&c->line->queue, &c->node);
	update_line(a, c->line);
}

void
alloc_place_postpone(struct allocation *a, struct alloc_chat *c,
    enum alloc_place place, struct treap *where, int64_t until)
{
	treap_remove(&c->line->queue, &c->node);
	c->place = place;
	treap_add(where, &c->node);
	alloc_set_timer(a, &c->timer, until);
	update_line(a, c->line);
}

/* Returns a postponed chat from that treap to the queue of its line, which the
 * caller must update. */
static void
requeue(struct allocation *a, struct alloc_chat *c, struct treap *from)
{
	treap_remove(from, &c->node);
	alloc_set_timer(a, &c->timer, INT64_MAX);
	c->place = PLACE_QUEUE;
	treap_add(&c->line->queue, &c->node);
}

void
alloc_place_reserved(struct allocation *a, struct alloc_chat *c)
{
	if (c->place != PLACE_RESERVED)
		alloc_place_leave(a, c);
	c->place = PLACE_RESERVED;
	alloc_set_timer(a, &c->timer, c->expires);
}

/* The free slots of operators. */

/* True if the operator is below their limit in the channel. */
static bool
has_channel_capacity(
    const struct alloc_operator *o, const struct alloc_channel *channel)
{
	int64_t limit = channel->limit, chats = 0;
	size_t i;

	for (i = 0; i < o->shares_n; i++) {
		if (o->shares[i].channel != channel)
			continue;
		chats = o->shares[i].chats;
		if (o->shares[i].limit != RECORD_NO_NUMBER)
			limit = o->shares[i].limit;
	}
	return limit == RECORD_NO_NUMBER || chats < limit;
}

static bool
operator_has_capacity(
    const struct allocation *a, const struct alloc_operator *o)
{
	return o->listed && o->available && o->paused_until <= a->now &&
	       o->load < alloc_limit_of(a, o);
}

void
alloc_operator_begin(struct alloc_operator *o)
{
	size_t i;

	for (i = 0; i < o->services_n; i++)
		treap_remove(
		    &o->services[i]->line->free, &o->services[i]->node);
}

/* The operator has a free slot, so chats that others refused queue again. Only
 * a few chats queue again, in order, because the pauses of the rest are
 * short. */
static void
unpause_chats(
    struct allocation *a, struct alloc_line *l, const struct alloc_operator *o)
{
	struct treap_node *n = treap_first(&l->paused), *next;
	int most = UNPAUSED;

	for (; n != NULL && most > 0; n = next, most--) {
		struct alloc_chat *c = TREAP_OF(n, struct alloc_chat, node);

		next = treap_next(n);
		if (c->assignee == o || alloc_refused(a, c, o))
			continue;
		requeue(a, c, &l->paused);
	}
}

static bool
service_has_capacity(const struct alloc_service *s)
{
	return s->line->channel == NULL ||
	       has_channel_capacity(s->owner, s->line->channel);
}

/* Queues the chats that wait for this operator: all of them, or the first of
 * each line in which the operator may have one more chat. */
static void
end_waits(struct allocation *a, struct alloc_operator *o, bool all)
{
	struct alloc_service *s;
	struct treap_node *n;
	size_t i;

	for (i = 0; i < o->services_n; i++) {
		s = o->services[i];
		if (!all && !service_has_capacity(s))
			continue;
		while ((n = treap_first(&s->awaited)) != NULL) {
			requeue(a, TREAP_OF(n, struct alloc_chat, node),
			    &s->awaited);
			update_line(a, s->line);
			if (!all)
				break;
		}
	}
}

static void
report_load(const struct allocation *a, const struct alloc_operator *o)
{
	if (a->listener != NULL && a->listener->load != NULL)
		a->listener->load(a->listener->ctx, o->entry.id, o->load,
		    o->listed ? alloc_limit_of(a, o) : RECORD_NO_NUMBER);
}

/* Called after a change: the operator is in the line while they have a free
 * slot. */
static void
update_service(struct allocation *a, struct alloc_service *s, bool has_capacity)
{
	struct alloc_line *l = s->line;

	if (has_capacity && service_has_capacity(s)) {
		treap_add(&l->free, &s->node);
		unpause_chats(a, l, s->owner);
	}
	update_line(a, l);
}

void
alloc_operator_end(struct allocation *a, struct alloc_operator *o)
{
	bool has_capacity = operator_has_capacity(a, o);
	size_t i;

	if (has_capacity || !o->available)
		end_waits(a, o, !o->available);
	for (i = 0; i < o->services_n; i++)
		update_service(a, o->services[i], has_capacity);
	report_load(a, o);
}

void
alloc_operator_update(struct allocation *a, struct alloc_operator *o)
{
	alloc_operator_begin(o);
	alloc_operator_end(a, o);
}

/* Returns NULL if the operator does not serve the line. */
static struct alloc_service *
add_service(struct alloc_operator *o, struct alloc_line *l)
{
	struct alloc_service *s;

	if (!o->listed || !has_all_tags(o->tags, l->tags))
		return NULL;
	s = xcalloc(1, sizeof *s);
	s->owner = o;
	s->line = l;
	treap_init(&s->awaited, compare_chats);
	XGROW(o->services, o->services_n, o->services_cap);
	o->services[o->services_n++] = s;
	return s;
}

void
alloc_operator_serve(struct allocation *a, struct alloc_operator *o)
{
	size_t i;

	alloc_operator_begin(o);
	end_waits(a, o, true);
	for (i = 0; i < o->services_n; i++) {
		update_line(a, o->services[i]->line);
		free(o->services[i]);
	}
	o->services_n = 0;
	for (i = 0; i < a->lines_n; i++)
		(void)add_service(o, a->lines[i]);
	alloc_operator_end(a, o);
}

static struct alloc_line *
new_line(struct allocation *a, const struct alloc_tags *tags,
    const struct alloc_channel *channel)
{
	struct alloc_line *l = xcalloc(1, sizeof *l);
	const struct strmap_entry *e;
	struct alloc_service *s;
	size_t i = 0;

	l->tags = tags;
	l->channel = channel;
	treap_init(&l->queue, compare_chats);
	treap_init(&l->paused, compare_chats);
	treap_init(&l->free, compare_free);
	XGROW(a->lines, a->lines_n, a->lines_cap);
	a->lines[a->lines_n++] = l;
	while ((e = strmap_next(&a->operators, &i)) != NULL) {
		s = add_service(e->value, l);
		if (s != NULL)
			update_service(
			    a, s, operator_has_capacity(a, e->value));
	}
	return l;
}

struct alloc_line *
alloc_line_get(struct allocation *a, const struct alloc_tags *tags,
    const struct alloc_channel *channel)
{
	struct buf key = BUF_INIT;
	void **slot;

	if (channel != NULL && channel->limits == 0)
		channel = NULL;
	buf_add(&key, tags->text, strlen(tags->text) + 1);
	if (channel != NULL)
		buf_adds(&key, channel->name);
	slot = strmap_put(&a->line_of, key.data, key.len);
	buf_release(&key);
	if (*slot == NULL)
		*slot = new_line(a, tags, channel);
	return *slot;
}

struct alloc_operator *
alloc_operator_get(struct allocation *a, struct text id)
{
	void **slot = strmap_put(&a->operators, id.p, id.len);
	struct alloc_operator *o = *slot;

	if (o != NULL)
		return o;
	o = xcalloc(1, sizeof *o);
	alloc_entry_init(&o->entry, ALLOC_OPERATOR, id);
	o->tags = alloc_tags_get(a, (struct text){ NULL, 0 });
	o->max_chats = o->own_limit = RECORD_NO_NUMBER;
	o->away_since = CLOCK_NONE;
	o->paused_until = INT64_MIN;
	o->timer.of_operator = true;
	o->timer.due = INT64_MAX;
	treap_init(&o->unanswered, compare_unanswered);
	*slot = o;
	return o;
}

struct alloc_channel *
alloc_channel_get(struct allocation *a, struct text id)
{
	void **slot = strmap_put(&a->channels, id.p, id.len);
	struct alloc_channel *c = *slot;

	if (c == NULL) {
		c = xcalloc(1, sizeof *c);
		c->name = xstrndup(id.p, id.len);
		c->limit = RECORD_NO_NUMBER;
		*slot = c;
	}
	return c;
}

static void
free_channel(void *p)
{
	struct alloc_channel *c = p;

	free(c->name);
	free(c);
}

void
alloc_lines_init(struct allocation *a)
{
	treap_init(&a->ready, compare_lines);
	treap_init(&a->timers, compare_timers);
}

void
alloc_lines_release(struct allocation *a)
{
	size_t i;

	for (i = 0; i < a->lines_n; i++)
		free(a->lines[i]);
	free(a->lines);
	strmap_release(&a->line_of, NULL);
	strmap_release(&a->operators, alloc_entry_free);
	strmap_release(&a->channels, free_channel);
	strmap_release(&a->tags, free_tags);
}
