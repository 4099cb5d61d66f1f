/*
 * user_stats: of each user who wrote, in whatever role: how many messages
 * count, the first and the last of them, and in how many conversations they
 * wrote within the last [aggregator] user_active (24 hours) before the tenant's
 * newest time, of a snapshot before its own; a message of exactly 24 hours ago
 * is out. Who has no name has no row.
 *
 * A pair of user and conversation is kept as long as its last message is that
 * young; a timer queue says when to look at it again. Its entry there may be
 * too early, never too late; `due` says which entry is the pair's, any other is
 * obsolete and ignored.
 *
 * Messages and their times are those since the user was last silent for longer
 * than [aggregator] forget, see stretch.h; of conversations user_active alone
 * decides.
 */
#include "aggregator/counting/streaming_metric.h"
#include "aggregator/metrics/metrics.h"

#include <stdlib.h>

#include "common/base/xalloc.h"

#include "aggregator/counting/stretch.h"

/* Between two flushes expired pairs are removed this often, in the messages'
 * own time. */
#define EXPIRE_EVERY HOUR_MS

struct user {
	struct stretch newest;
	uint64_t conversations; /* pairs there are */
};

struct pair {
	int64_t due, last; /* last: its newest message */
};

struct users {
	struct keyed_state table;
	struct stretches stretches;
	struct keyed_state pairs;       /* (user, conversation) */
	struct timer_queue timer_queue; /* of pairs */
	struct streaming_metric_cap cap;
	int64_t active; /* how long a conversation is active, in ms */
	int64_t expired_at;
};

static int64_t
last_counted(const void *user)
{
	return ((const struct user *)user)->newest.last;
}

static bool
has_conversations(const void *user)
{
	return ((const struct user *)user)->conversations > 0;
}

static const struct stretches_kind user_stretches = {
	.past = "users_past",
	.silent = "users_silent",
	.size = sizeof(struct stretch),
	.last = last_counted,
	.is_needed = has_conversations,
};

static void *
users_open(const struct streaming_metric_setup *setup)
{
	struct users *f = xcalloc(1, sizeof *f);

	keyed_state_open(&f->table, setup->home, "users", sizeof(struct user));
	stretches_open(&f->stretches, setup, &f->table, &user_stretches);
	keyed_state_open(
	    &f->pairs, setup->home, "user_chats", sizeof(struct pair));
	timer_queue_open(&f->timer_queue, setup->home, "user_chats_due");
	streaming_metric_cap_init(&f->cap, setup, "user_conversations");
	f->active = streaming_metric_conf(setup, "user_active");
	f->expired_at = CLOCK_NONE;
	return f;
}

static void
users_close(void *ctx)
{
	struct users *f = ctx;

	keyed_state_close(&f->table);
	stretches_close(&f->stretches);
	keyed_state_close(&f->pairs);
	timer_queue_close(&f->timer_queue);
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

/* Makes the user if they are new. */
static struct user *
get_user(struct users *f, const struct streaming_metric_message *m)
{
	struct user *u;
	struct key k;
	bool made;

	k.len = 0;
	key_text(&k, m->user);
	u = keyed_state_get(&f->table, k.bytes, k.len, &made);
	if (made)
		stretches_watch(&f->stretches, u, m->at);
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

/* A pair is due: it is removed, or comes up again when its newest message
 * expires. */
static void
review_pair(struct users *f, struct text key, int64_t due)
{
	struct pair *p = keyed_state_find(&f->pairs, key.p, key.len);
	size_t at = 0;

	if (p == NULL || p->due != due)
		return;
	p->due = p->last + f->active;
	if (p->due <= f->table.home->now) {
		remove_pair(f, key_read_text(key, &at), p);
		return;
	}
	timer_queue_add(&f->timer_queue, p->due, key.p, key.len);
	keyed_state_change(&f->pairs, p);
}

static void
expire_pairs(struct users *f)
{
	int64_t now = f->table.home->now, due;
	struct text key;

	f->expired_at = now;
	while (timer_queue_next(&f->timer_queue, now, &key, &due))
		review_pair(f, key, due);
}

static void
expire_pairs_at_times(struct users *f)
{
	int64_t now = f->table.home->now;

	/* CLOCK_NONE is far below. */
	if (now != CLOCK_NONE && f->expired_at < now - EXPIRE_EVERY)
		expire_pairs(f);
}

static bool
has_room_for_pair(struct users *f, const struct user *u)
{
	if (u->conversations < f->cap.limit)
		return true;
	expire_pairs(f);
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
		if (!has_room_for_pair(f, u))
			return;
		p = keyed_state_get(&f->pairs, k.bytes, k.len, NULL);
		u->conversations++;
		p->last = m->at;
		p->due = m->at + f->active;
		timer_queue_add(&f->timer_queue, p->due, k.bytes, k.len);
	}
	if (m->at > p->last)
		p->last = m->at;
	keyed_state_change(&f->pairs, p);
}

static void
users_add(void *ctx, const struct streaming_metric_message *m)
{
	struct users *f = ctx;
	struct user *u;
	struct stretch *s;

	if (m->user.p == NULL)
		return;
	expire_pairs_at_times(f);
	u = get_user(f, m);
	s = stretches_at(&f->stretches, u, m->at);
	stretch_add(s, m->at);
	stretches_change(&f->stretches, u, s);
	keyed_state_emit(&f->table, u);
	if (m->at + f->active > f->table.home->now)
		add_to_pair(f, u, m);
}

static void
users_prepare(void *ctx, const struct streaming_metric_message *m, bool near)
{
	struct users *f = ctx;
	struct key k;

	if (m->user.p == NULL)
		return;
	k.len = 0;
	key_text(&k, m->user);
	keyed_state_prepare(&f->table, k.bytes, k.len, near);
	key_text(&k, m->chat);
	keyed_state_prepare(&f->pairs, k.bytes, k.len, near);
}

static void
users_advance(void *ctx, int64_t newest, bool refresh)
{
	struct users *f = ctx;

	(void)refresh;
	expire_pairs(f);
	stretches_expire(&f->stretches, newest);
}

static void
emit_user(struct users *f, const struct user *u, struct rowset *to)
{
	struct stretch_sum sum = stretches_sum(&f->stretches, u);
	struct cell *c = rowset_add(to);
	size_t at = 0;

	c = cell_id(c, key_read_text(keyed_state_key(u), &at));
	c = cell_count(c, sum.messages);
	c = cell_count(c, u->conversations);
	c = cell_time(c, sum.last);
	cell_time(c, sum.first);
}

static void
users_emit(void *ctx, struct rowset *to, enum metric_rows which)
{
	struct users *f = ctx;
	size_t n, i;
	void **list = keyed_state_list(&f->table, which == ROWS_ALL, &n);

	for (i = 0; i < n; i++) {
		emit_user(f, list[i], to);
	}
	free(list);
}

static const struct streaming_metric_ops ops = {
	.open = users_open,
	.close = users_close,
	.prepare = users_prepare,
	.add = users_add,
	.advance = users_advance,
	.emit = users_emit,
};

const struct metric metric_user_stats = {
	.table = &tables[TABLE_user_stats],
	.streaming = &ops,
};
