/*
 * user_stats: of each user who wrote, as whatever they did: how many messages
 * count, the first and the last of them, and in how many conversations they
 * wrote within the last 24 hours before the tenant's newest time (a message of
 * exactly 24 hours ago is out). Whoever has no name has no row.
 *
 * A pair of user and conversation is kept as long as its last message is that
 * young; the timer_queue tells when to look at it again. Its entry there may be
 * too early, never too late; `due` says which entry is the pair's, any other
 * is left over and means nothing.
 *
 * Messages and their times are those since the user was last silent for longer
 * than [aggregator] forget, see stretch.h; of conversations user_active alone
 * decides.
 */
#include "aggregator/metrics/streaming_metric.h"

#include <stdlib.h>

#include "common/base/xalloc.h"

#include "aggregator/metrics/stretch.h"

/* Expired pairs are looked for that often while nothing is settled. */
#define EXPIRE_EVERY HOUR_MS

struct user {
	struct stretch newest;
	uint64_t conversations; /* pairs there are */
};

struct pair {
	uint64_t messages;
	int64_t due;
	struct top_values last;
};

struct users {
	struct keyed_state table;
	struct stretches stretches;
	struct keyed_state pairs; /* (user, conversation) */
	struct timer_queue timer_queue;
	struct timer_queue silent; /* when to see whether a user is */
	struct streaming_metric_cap cap;
	bool forgets;   /* in a stream */
	int64_t active; /* how long a conversation is, in ms */
	int64_t newest, expired_at;
};

static void *
open_metric(const struct streaming_metric_setup *setup)
{
	struct users *f = xcalloc(1, sizeof *f);

	keyed_state_open(&f->table, setup->home, "users", sizeof(struct user));
	stretches_open(&f->stretches, setup, &f->table, "users_past",
	    sizeof(struct stretch));
	keyed_state_open(
	    &f->pairs, setup->home, "user_chats", sizeof(struct pair));
	timer_queue_open(&f->timer_queue, setup->home, "user_chats_due");
	timer_queue_open(&f->silent, setup->home, "users_silent");
	f->forgets = setup->home->state != NULL;
	streaming_metric_cap_init(&f->cap, setup, "user_conversations");
	f->active = streaming_metric_conf(setup, "user_active");
	f->newest = f->expired_at = CLOCK_NONE;
	return f;
}

static void
close_metric(void *ctx)
{
	struct users *f = ctx;

	keyed_state_close(&f->table);
	stretches_close(&f->stretches);
	keyed_state_close(&f->pairs);
	timer_queue_close(&f->timer_queue);
	timer_queue_close(&f->silent);
	free(f);
}

static struct user *
find_user(struct users *f, struct text user)
{
	struct key k;

	k.len = 0;
	key_text(&k, user);
	return keyed_state_find(&f->table, k.bytes, k.len);
}

/* Or a new one, of whom it is seen, when its time has come, whether they are
 * silent. */
static struct user *
get_user(struct users *f, const struct streaming_metric_message *m)
{
	struct user *u;
	struct key k;
	bool made;

	k.len = 0;
	key_text(&k, m->user);
	u = keyed_state_get(&f->table, k.bytes, k.len, &made);
	if (made && f->forgets)
		timer_queue_add(&f->silent, stretches_due(&f->stretches, m->at),
		    k.bytes, k.len);
	return u;
}

static void
pair_key(struct key *k, const struct streaming_metric_message *m)
{
	k->len = 0;
	key_text(k, m->user);
	key_text(k, m->chat);
}

static void
remove_pair(struct users *f, struct text user, struct pair *p)
{
	struct user *u = find_user(f, user);

	keyed_state_delete(&f->pairs, p);
	if (u == NULL || u->conversations == 0)
		return;
	u->conversations--;
	keyed_state_emit(&f->table, u);
}

/* One pair that the timer_queue named: it goes, or is looked at again later. */
static void
look_at(struct users *f, struct text key, int64_t due)
{
	struct pair *p = keyed_state_find(&f->pairs, key.p, key.len);
	size_t at = 0;

	if (p == NULL || p->due != due)
		return;
	p->due = top_values_get(&p->last) + f->active;
	if (p->due <= f->newest) {
		remove_pair(f, key_read_text(key, &at), p);
		return;
	}
	timer_queue_add(&f->timer_queue, p->due, key.p, key.len);
	keyed_state_change(&f->pairs, p);
}

static void
expire(struct users *f)
{
	struct text key;
	int64_t due;

	f->expired_at = f->newest;
	while (timer_queue_next(&f->timer_queue, f->newest, &key, &due))
		look_at(f, key, due);
}

static void
see_time(struct users *f, int64_t at)
{
	if (at <= f->newest)
		return;
	f->newest = at;
	/* CLOCK_NONE is far below. */
	if (f->expired_at < at - EXPIRE_EVERY)
		expire(f);
}

static bool
has_room(struct users *f, const struct user *u)
{
	if (u->conversations < f->cap.limit)
		return true;
	expire(f);
	return streaming_metric_cap_allows(&f->cap, u->conversations,
	    "a user with more active conversations than that");
}

static void
add_to_pair(
    struct users *f, struct user *u, const struct streaming_metric_message *m)
{
	struct pair *p;
	struct key k;

	pair_key(&k, m);
	p = keyed_state_find(&f->pairs, k.bytes, k.len);
	if (p == NULL) {
		if (!has_room(f, u))
			return;
		p = keyed_state_get(&f->pairs, k.bytes, k.len, NULL);
		u->conversations++;
		p->due = m->at + f->active;
		timer_queue_add(&f->timer_queue, p->due, k.bytes, k.len);
	}
	p->messages++;
	top_values_add(&p->last, m->at);
	keyed_state_change(&f->pairs, p);
}

static void
add(struct users *f, const struct streaming_metric_message *m)
{
	struct user *u;
	struct stretch *s;

	see_time(f, m->at);
	u = get_user(f, m);
	s = stretches_at(&f->stretches, u, m->at, true);
	stretch_add(s, m->at);
	stretches_change(&f->stretches, u, s);
	keyed_state_emit(&f->table, u);
	add_to_pair(f, u, m);
}

/* The conversation is an active one. */
static void
before(void *ctx, const struct streaming_metric_message *m)
{
	struct users *f = ctx;
	struct user *u;

	if (!m->counted || m->user.p == NULL)
		return;
	see_time(f, m->at);
	if (m->at + f->active <= f->newest)
		return;
	u = get_user(f, m);
	keyed_state_emit(&f->table, u);
	add_to_pair(f, u, m);
}

static void
take_back_pair(struct users *f, const struct streaming_metric_message *m)
{
	struct pair *p;
	struct key k;

	see_time(f, f->table.home->newest);
	/* Too old to matter; the pair may be a later one without it. */
	if (m->at + f->active <= f->newest)
		return;
	pair_key(&k, m);
	p = keyed_state_find(&f->pairs, k.bytes, k.len);
	if (p == NULL)
		return;
	top_values_remove(&p->last, m->at);
	if (--p->messages == 0) {
		remove_pair(f, m->user, p);
		return;
	}
	if (top_values_get(&p->last) + f->active < p->due) {
		p->due = top_values_get(&p->last) + f->active;
		timer_queue_add(&f->timer_queue, p->due, k.bytes, k.len);
	}
	keyed_state_change(&f->pairs, p);
}

static void
take_back(struct users *f, const struct streaming_metric_message *m)
{
	struct user *u = find_user(f, m->user);
	struct stretch *s = NULL;

	if (u != NULL)
		s = stretches_at(&f->stretches, u, m->at, false);
	if (s == NULL)
		return;
	stretch_remove(s, m->at);
	stretches_change(&f->stretches, u, s);
	stretches_drop_empty(&f->stretches, u, s);
	keyed_state_emit(&f->table, u);
	take_back_pair(f, m);
}

static void
prepare(void *ctx, const struct streaming_metric_message *m, bool near)
{
	struct users *f = ctx;
	struct key k;

	if (!m->counted || m->user.p == NULL)
		return;
	k.len = 0;
	key_text(&k, m->user);
	keyed_state_prepare(&f->table, k.bytes, k.len, near);
	key_text(&k, m->chat);
	keyed_state_prepare(&f->pairs, k.bytes, k.len, near);
}

static void
message(void *ctx, const struct streaming_metric_message *m,
    const struct streaming_metric_message *old)
{
	if (old != NULL && old->counted && old->user.p != NULL)
		take_back(ctx, old);
	if (m->counted && m->user.p != NULL)
		add(ctx, m);
}

/* One whom the timer_queue named: they are forgotten, or looked at again. */
static void
look_whether_silent(struct users *f, struct text key, int64_t newest)
{
	struct user *u = keyed_state_find(&f->table, key.p, key.len);
	int64_t due;

	if (u == NULL)
		return;
	/* CLOCK_NONE, when all was taken back, is long ago. */
	due = stretches_due(&f->stretches, top_values_get(&u->newest.last));
	if (due <= newest && u->conversations == 0 &&
	    !keyed_state_is_pending(u)) {
		stretches_delete_past(&f->stretches, u, NULL, NULL);
		keyed_state_delete(&f->table, u);
		return;
	}
	if (!keyed_state_is_pending(u))
		stretches_tidy(&f->stretches, u, NULL, NULL);
	if (due <= newest)
		due = newest + 1;
	timer_queue_add(&f->silent, due, key.p, key.len);
}

static void
settle(void *ctx, int64_t newest, bool refresh)
{
	struct users *f = ctx;
	struct text key;
	int64_t due;

	(void)refresh;
	see_time(f, newest);
	expire(f);
	if (!f->forgets || newest == CLOCK_NONE)
		return;
	while (timer_queue_next(&f->silent, newest, &key, &due))
		look_whether_silent(f, key, newest);
}

static void
emit_one(struct users *f, const struct user *u, struct rowset *to)
{
	struct stretch_sum sum = stretches_sum(&f->stretches, u);
	struct cell *c = rowset_add(to);
	size_t at = 0;

	c = streaming_metric_cell(c, key_read_text(keyed_state_key(u), &at));
	c = cell_count(c, sum.messages);
	c = cell_count(c, u->conversations);
	c = cell_time(c, sum.last);
	cell_time(c, sum.first);
}

static void
emit(void *ctx, struct rowset *to, enum metric_rows which)
{
	struct users *f = ctx;
	const struct user *u;
	size_t n, i;
	void **list = keyed_state_list(&f->table, which == ROWS_ALL, &n);

	for (i = 0; i < n; i++) {
		u = list[i];
		if (which == ROWS_CHANGED || u->newest.messages > 0)
			emit_one(f, u, to);
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

const struct metric metric_user_stats = {
	.table = &tables[TABLE_user_stats],
	.streaming = &ops,
};
