/*
 * conversation_metrics: of each conversation, over all of its life: how many
 * messages count, how many participants wrote them, the first and the last of
 * them. Who writes as a customer and as an operator is two participants; all
 * without a name are one. Unlike chat_metrics it has no episodes, and its rows
 * never leave.
 *
 * All is counted since the conversation was last silent for longer than
 * [aggregator] forget, see stretch.h. The first few participants of a stretch
 * are part of its payload, because nearly every conversation has two; the
 * others have a table. A participant is a hash of 64 bits, and leads in the
 * newest stretch they wrote in: so the leaders of joined stretches add up to
 * the number of participants. A conversation whose messages were all withdrawn
 * by later versions keeps its row, with 0 messages.
 */
#include "aggregator/counting/streaming_metric.h"
#include "aggregator/metrics/metrics.h"

#include <stdlib.h>

#include "common/base/xalloc.h"
#include "common/containers/hash.h"

#include "aggregator/counting/stretch.h"

enum {
	NEAR = 4,
};

struct participant {
	uint64_t who; /* a hash; 0: the place is free */
	uint64_t messages;
};

/* The payload of a stretch. */
struct talk {
	struct stretch stretch;
	uint64_t participants, leaders;
	struct participant near[NEAR];
};

struct conversation {
	struct talk newest;
	int64_t known_last; /* also of withdrawn messages */
};

struct conversations {
	struct keyed_state table;
	struct stretches stretches;
	struct keyed_state
	    others; /* (conversation, stretch, who) -> messages */
	struct streaming_metric_cap cap;
};

static int64_t
last_known(const void *conversation)
{
	return ((const struct conversation *)conversation)->known_last;
}

/* The participants of a stretch go with it. */
static void
drop_others(void *others, struct text chat, const void *talk)
{
	struct key k;

	key_begin_with(&k, chat);
	key_time(&k, ((const struct talk *)talk)->stretch.start);
	keyed_state_delete_prefix(others, k.bytes, k.len);
}

static const struct stretches_kind talks = {
	.past = "conversations_past",
	.silent = "conversations_silent",
	.size = sizeof(struct talk),
	.last = last_known,
	.dropped = drop_others,
};

static void *
conversations_open(const struct streaming_metric_setup *setup)
{
	struct conversations *f = xcalloc(1, sizeof *f);

	keyed_state_open(&f->table, setup->home, "conversations",
	    sizeof(struct conversation));
	stretches_open(&f->stretches, setup, &f->table, &talks, &f->others);
	keyed_state_open(
	    &f->others, setup->home, "conversation_users", sizeof(uint64_t));
	streaming_metric_cap_init(&f->cap, setup, "conversation_users");
	return f;
}

static void
conversations_close(void *ctx)
{
	struct conversations *f = ctx;

	keyed_state_close(&f->table);
	stretches_close(&f->stretches);
	keyed_state_close(&f->others);
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

/* Where the messages of a participant outside t->near are counted; NULL: there
 * is no such place and make is false. */
static uint64_t *
find_other(struct conversations *f, const struct conversation *c,
    const struct talk *t, uint64_t who, bool make)
{
	struct key k;

	key_begin_with(&k, keyed_state_key(c));
	key_time(&k, t->stretch.start);
	key_number(&k, who);
	return make ? keyed_state_get(&f->others, k.bytes, k.len, NULL)
		    : keyed_state_find(&f->others, k.bytes, k.len);
}

/* How many messages they wrote in the stretch; NULL: none. */
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

/* A participant who is new in a stretch leads there, and no more in the one
 * before that they wrote in; one who left it gives the lead back to that one.
 * Neither holds if they wrote in a later stretch. */
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

/* Between the silences around a stretch: the row is about the newest one. */
static uint64_t
count_leaders(struct conversations *f, const struct conversation *c,
    const struct talk *around)
{
	const struct talk *t = &c->newest;
	bool found = false;
	uint64_t n = 0;

	while (t != NULL) {
		n += t->leaders;
		found = found || t == around;
		if (stretches_joined(&f->stretches, c, t) == NULL) {
			if (found)
				break;
			n = 0;
		}
		t = stretches_before(&f->stretches, c, t);
	}
	return n;
}

static bool
has_room_for_participant(
    struct conversations *f, const struct conversation *c, const struct talk *t)
{
	return streaming_metric_cap_allows(&f->cap, count_leaders(f, c, t),
	    "a conversation of more people than that");
}

static void
add_participant(struct conversations *f, struct conversation *c, struct talk *t,
    uint64_t who)
{
	uint64_t *n = find_participant(f, c, t, who);
	struct participant *p = find_near(t, n != NULL ? who : 0);
	bool came = n == NULL;

	if (came && !has_room_for_participant(f, c, t))
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
find_conversation(struct conversations *f,
    const struct streaming_metric_message *m, bool make)
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
		stretches_watch(&f->stretches, c, m->at);
	}
	return c;
}

static void
add_to_stretch(struct conversations *f, struct conversation *c,
    const struct streaming_metric_message *m)
{
	struct talk *t = stretches_at(&f->stretches, c, m->at, true);

	if (m->at > c->known_last)
		c->known_last = m->at;
	stretch_add(&t->stretch, m->at);
	add_participant(f, c, t, hash_writer(f, m));
	stretches_change(&f->stretches, c, t);
}

static void
conversations_add(void *ctx, const struct streaming_metric_message *m)
{
	struct conversations *f = ctx;
	struct conversation *c = find_conversation(f, m, true);

	add_to_stretch(f, c, m);
	keyed_state_emit(&f->table, c);
}

static void
conversations_remove(void *ctx, const struct streaming_metric_message *m)
{
	struct conversations *f = ctx;
	struct conversation *c = find_conversation(f, m, false);
	struct talk *t = NULL;

	if (c != NULL)
		t = stretches_at(&f->stretches, c, m->at, false);
	if (t == NULL)
		return;
	stretch_remove(&f->stretches, &t->stretch, m->at);
	remove_participant(f, c, t, hash_writer(f, m));
	stretches_change(&f->stretches, c, t);
	stretches_drop_empty(&f->stretches, c, t);
	keyed_state_emit(&f->table, c);
}

static void
conversations_prepare(
    void *ctx, const struct streaming_metric_message *m, bool near)
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
conversations_advance(void *ctx, int64_t newest, bool refresh)
{
	struct conversations *f = ctx;

	(void)refresh;
	stretches_expire(&f->stretches, newest);
}

static void
emit_conversation(
    struct conversations *f, const struct conversation *c, struct rowset *to)
{
	struct stretch_sum sum = stretches_sum(&f->stretches, c);
	struct cell *cell = rowset_add(to);
	uint64_t people = count_leaders(f, c, &c->newest);
	bool any = sum.messages > 0;
	size_t at = 0;

	cell = cell_id(cell, key_read_text(keyed_state_key(c), &at));
	cell = cell_count(cell, sum.messages);
	/* A message that joins two times of talk may join more than those. */
	cell = cell_count(cell, people < f->cap.limit ? people : f->cap.limit);
	cell = cell_time(cell, any ? sum.last : c->known_last);
	cell_time(cell, sum.first);
}

static void
conversations_emit(void *ctx, struct rowset *to, enum metric_rows which)
{
	struct conversations *f = ctx;
	const struct conversation *c;
	size_t n, i;
	void **list = keyed_state_list(&f->table, which == ROWS_ALL, &n);

	for (i = 0; i < n; i++) {
		c = list[i];
		if (which == ROWS_CHANGED || c->newest.stretch.messages > 0)
			emit_conversation(f, c, to);
	}
	free(list);
}

static const struct streaming_metric_ops ops = {
	.recounts = true,
	.open = conversations_open,
	.close = conversations_close,
	.prepare = conversations_prepare,
	.add = conversations_add,
	.remove = conversations_remove,
	.advance = conversations_advance,
	.emit = conversations_emit,
};

const struct metric metric_conversation_metrics = {
	.table = &tables[TABLE_conversation_metrics],
	.streaming = &ops,
};
