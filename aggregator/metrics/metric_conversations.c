/*
 * conversation_metrics: of each conversation, over all of its life: how many
 * messages count, how many wrote them (who writes as a customer and as an
 * operator is two, whoever has no name is one), the first and the last of
 * them. Unlike chat_metrics it knows no episodes and never leaves.
 *
 * All is counted since the conversation was last silent for longer than
 * [aggregator] forget, see stretch.h. The first few participants of a stretch
 * stand beside its counts, because nearly every conversation has two; the
 * others have a table. A participant is known by a hash of 64 bits, and leads
 * in the newest stretch they wrote in: so of stretches in a row the leaders add
 * up. A conversation whose messages were all taken back by later versions keeps
 * its row, with 0 messages.
 */
#include "aggregator/metrics/streaming_metric.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/containers/hash.h"

#include "aggregator/metrics/stretch.h"

enum {
	NEAR = 4,
};

struct participant {
	uint64_t who; /* 0: nobody */
	uint64_t messages;
};

/* Of one stretch. */
struct talk {
	struct stretch stretch;
	uint64_t elsewhere; /* of its messages: in another generation's part */
	uint64_t participants, leaders;
	struct participant near[NEAR];
};

struct conversation {
	struct talk newest;
	int64_t known_last; /* also of what was taken back */
};

struct conversations {
	struct keyed_state table;
	struct stretches stretches;
	struct keyed_state
	    others; /* (conversation, stretch, who) -> messages */
	struct timer_queue silent; /* when to see whether one is */
	struct streaming_metric_cap cap;
	bool forgets; /* in a stream */
};

static void *
open_metric(const struct streaming_metric_setup *setup)
{
	struct conversations *f = xcalloc(1, sizeof *f);

	keyed_state_open(&f->table, setup->home, "conversations",
	    sizeof(struct conversation));
	stretches_open(&f->stretches, setup, &f->table, "conversations_past",
	    sizeof(struct talk));
	keyed_state_open(
	    &f->others, setup->home, "conversation_users", sizeof(uint64_t));
	timer_queue_open(&f->silent, setup->home, "conversations_silent");
	streaming_metric_cap_init(&f->cap, setup, "conversation_users");
	f->forgets = setup->home->state != NULL;
	return f;
}

static void
close_metric(void *ctx)
{
	struct conversations *f = ctx;

	keyed_state_close(&f->table);
	stretches_close(&f->stretches);
	keyed_state_close(&f->others);
	timer_queue_close(&f->silent);
	free(f);
}

static uint64_t
hash_writer(
    const struct conversations *f, const struct streaming_metric_message *m)
{
	struct key k;
	uint64_t who;

	k.len = 0;
	key_byte(&k, m->from);
	key_text(&k, m->user);
	who = hash_text(f->table.home->seed, k.bytes, k.len);
	return who != 0 ? who : 1;
}

static struct participant *
find_near(struct talk *t, uint64_t who)
{
	struct participant *p;

	for (p = t->near; p < t->near + NEAR; p++)
		if (p->who == who)
			return p;
	return NULL;
}

/* Where the messages of a participant who is not near are counted; NULL: not
 * at all. */
static uint64_t *
find_other(struct conversations *f, const struct conversation *c,
    const struct talk *t, uint64_t who, bool make)
{
	struct text chat = keyed_state_key(c);
	struct key k;

	memcpy(k.bytes, chat.p, chat.len);
	k.len = chat.len;
	key_time(&k, t->stretch.start);
	key_number(&k, who);
	return make ? keyed_state_get(&f->others, k.bytes, k.len, NULL)
		    : keyed_state_find(&f->others, k.bytes, k.len);
}

/* The count of one who wrote in the stretch. */
static uint64_t *
find_participant(struct conversations *f, const struct conversation *c,
    struct talk *t, uint64_t who)
{
	struct participant *p = find_near(t, who);
	uint64_t near = 0;

	if (p != NULL)
		return &p->messages;
	for (p = t->near; p < t->near + NEAR; p++)
		near += p->who != 0;
	return near < t->participants ? find_other(f, c, t, who, false) : NULL;
}

/* Who came to a stretch, or left it, takes the lead over from the one before
 * that they wrote in, or gives it back; unless they wrote in a later one. */
static void
move_lead(struct conversations *f, struct conversation *c, struct talk *to,
    uint64_t who, bool came)
{
	struct talk *t = &c->newest;

	for (; t != to; t = stretches_before(&f->stretches, c, t))
		if (find_participant(f, c, t, who) != NULL)
			return;
	to->leaders += came ? 1 : -UINT64_C(1);
	do
		t = stretches_before(&f->stretches, c, t);
	while (t != NULL && find_participant(f, c, t, who) == NULL);
	if (t == NULL)
		return;
	t->leaders += came ? -UINT64_C(1) : 1;
	stretches_change(&f->stretches, c, t);
}

static bool
has_room(struct conversations *f, struct conversation *c)
{
	const struct talk *t = &c->newest;
	uint64_t n = 0;

	for (; t != NULL; t = stretches_before(&f->stretches, c, t))
		n += t->leaders;
	return streaming_metric_cap_allows(
	    &f->cap, n, "a conversation of more people than that");
}

static void
add_participant(struct conversations *f, struct conversation *c, struct talk *t,
    uint64_t who)
{
	uint64_t *n = find_participant(f, c, t, who);
	struct participant *p = find_near(t, n != NULL ? who : 0);
	bool came = n == NULL;

	if (came && !has_room(f, c))
		return;
	if (came && p != NULL)
		*p = (struct participant){ who, 0 };
	if (p != NULL)
		n = &p->messages;
	else if (came)
		n = find_other(f, c, t, who, true);
	*n += 1;
	if (p == NULL)
		keyed_state_change(&f->others, n);
	if (!came)
		return;
	t->participants++;
	move_lead(f, c, t, who, true);
}

static void
remove_participant(struct conversations *f, struct conversation *c,
    struct talk *t, uint64_t who)
{
	uint64_t *n = find_participant(f, c, t, who);
	struct participant *p = find_near(t, who);

	if (n == NULL)
		return;
	if (p == NULL)
		keyed_state_change(&f->others, n);
	if (--*n > 0)
		return;
	if (p != NULL)
		p->who = 0;
	else
		keyed_state_delete(&f->others, n);
	t->participants--;
	move_lead(f, c, t, who, false);
}

static struct conversation *
find(struct conversations *f, const struct streaming_metric_message *m,
    bool make)
{
	struct conversation *c;
	struct key k;
	bool made = false;

	k.len = 0;
	key_text(&k, m->chat);
	c = make ? keyed_state_get(&f->table, k.bytes, k.len, &made)
		 : keyed_state_find(&f->table, k.bytes, k.len);
	if (made) {
		c->known_last = CLOCK_NONE;
		if (f->forgets)
			timer_queue_add(&f->silent,
			    stretches_due(&f->stretches, m->at), k.bytes,
			    k.len);
	}
	return c;
}

static struct talk *
add_to(struct conversations *f, struct conversation *c,
    const struct streaming_metric_message *m)
{
	struct talk *t = stretches_at(&f->stretches, c, m->at, true);

	if (m->at > c->known_last)
		c->known_last = m->at;
	stretch_add(&t->stretch, m->at);
	add_participant(f, c, t, hash_writer(f, m));
	stretches_change(&f->stretches, c, t);
	return t;
}

static void
add(struct conversations *f, const struct streaming_metric_message *m)
{
	struct conversation *c = find(f, m, true);

	(void)add_to(f, c, m);
	keyed_state_emit(&f->table, c);
}

static uint64_t
count_own(struct conversations *f, const struct conversation *c)
{
	uint64_t n = stretches_sum(&f->stretches, c).messages;
	const struct talk *t = &c->newest;

	for (; t != NULL; t = stretches_joined(&f->stretches, c, t))
		n -= t->elsewhere;
	return n;
}

/* Who wrote is known; the message itself is in another generation's part. */
static void
before(void *ctx, const struct streaming_metric_message *m)
{
	struct conversations *f = ctx;
	struct conversation *c;

	if (!m->counted)
		return;
	c = find(f, m, true);
	add_to(f, c, m)->elsewhere++;
	if (count_own(f, c) > 0)
		keyed_state_emit(&f->table, c);
	else
		keyed_state_change(&f->table, c);
}

static void
take_back(struct conversations *f, const struct streaming_metric_message *m)
{
	struct conversation *c = find(f, m, false);
	struct talk *t = NULL;

	if (c != NULL)
		t = stretches_at(&f->stretches, c, m->at, false);
	if (t == NULL)
		return;
	t->elsewhere -= t->elsewhere == t->stretch.messages;
	stretch_remove(&t->stretch, m->at);
	remove_participant(f, c, t, hash_writer(f, m));
	stretches_change(&f->stretches, c, t);
	stretches_drop_empty(&f->stretches, c, t);
	keyed_state_emit(&f->table, c);
}

static void
prepare(void *ctx, const struct streaming_metric_message *m, bool near)
{
	struct conversations *f = ctx;
	struct key k;

	if (!m->counted)
		return;
	k.len = 0;
	key_text(&k, m->chat);
	keyed_state_prepare(&f->table, k.bytes, k.len, near);
}

static void
message(void *ctx, const struct streaming_metric_message *m,
    const struct streaming_metric_message *old)
{
	if (old != NULL && old->counted)
		take_back(ctx, old);
	if (m->counted)
		add(ctx, m);
}

static void
drop_others(void *others, struct text chat, const void *talk)
{
	struct key k;

	memcpy(k.bytes, chat.p, chat.len);
	k.len = chat.len;
	key_time(&k, ((const struct talk *)talk)->stretch.start);
	keyed_state_delete_prefix(others, k.bytes, k.len);
}

/* One that the timer_queue named: it is forgotten, or looked at again. */
static void
look_at(struct conversations *f, struct text key, int64_t newest)
{
	struct conversation *c = keyed_state_find(&f->table, key.p, key.len);
	int64_t due;

	if (c == NULL)
		return;
	due = stretches_due(&f->stretches, c->known_last);
	if (due <= newest && !keyed_state_is_pending(c)) {
		stretches_delete_past(
		    &f->stretches, c, drop_others, &f->others);
		drop_others(&f->others, key, c);
		keyed_state_delete(&f->table, c);
		return;
	}
	if (!keyed_state_is_pending(c))
		stretches_tidy(&f->stretches, c, drop_others, &f->others);
	if (due <= newest)
		due = newest + 1;
	timer_queue_add(&f->silent, due, key.p, key.len);
}

static void
settle(void *ctx, int64_t newest, bool refresh)
{
	struct conversations *f = ctx;
	struct text key;
	int64_t due;

	(void)refresh;
	while (f->forgets && timer_queue_next(&f->silent, newest, &key, &due))
		look_at(f, key, newest);
}

static uint64_t
count_leaders(struct conversations *f, const struct conversation *c)
{
	const struct talk *t = &c->newest;
	uint64_t n = 0;

	for (; t != NULL; t = stretches_joined(&f->stretches, c, t))
		n += t->leaders;
	return n;
}

static void
emit_one(
    struct conversations *f, const struct conversation *c, struct rowset *to)
{
	struct stretch_sum sum = stretches_sum(&f->stretches, c);
	struct cell *cell = rowset_add(to);
	bool any = sum.messages > 0;
	size_t at = 0;

	cell =
	    streaming_metric_cell(cell, key_read_text(keyed_state_key(c), &at));
	cell = cell_count(cell, count_own(f, c));
	cell = cell_count(cell, count_leaders(f, c));
	cell = cell_time(cell, any ? sum.last : c->known_last);
	cell_time(cell, sum.first);
}

static void
emit(void *ctx, struct rowset *to, enum metric_rows which)
{
	struct conversations *f = ctx;
	const struct conversation *c;
	size_t n, i;
	void **list = keyed_state_list(&f->table, which == ROWS_ALL, &n);

	for (i = 0; i < n; i++) {
		c = list[i];
		if (which == ROWS_CHANGED || c->newest.stretch.messages > 0)
			emit_one(f, c, to);
	}
	free(list);
}

static const struct streaming_metric_ops ops = {
	.open = open_metric,
	.close = close_metric,
	.prepare = prepare,
	.message = message,
	.before = before,
	.settle = settle,
	.emit = emit,
};

const struct metric metric_conversation_metrics = {
	.table = &tables[TABLE_conversation_metrics],
	.streaming = &ops,
};
