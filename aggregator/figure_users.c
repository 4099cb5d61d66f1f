/*
 * user_stats: of each user who wrote, as whatever they did: how many messages
 * count, the first and the last of them, and in how many conversations they
 * wrote within the last 24 hours before the tenant's newest time (a message of
 * exactly 24 hours ago is out). Whoever has no name has no row.
 *
 * A pair of user and conversation is kept as long as its last message is that
 * young; the calendar tells when to look at it again. Its entry there may be
 * too early, never too late; `due` says which entry is the pair's, any other
 * is left over and means nothing. In a stream a user who was silent for long,
 * [aggregator] forget, is forgotten and would begin anew.
 */
#include "aggregator/flow.h"

#include <stdlib.h>

#include "common/xalloc.h"

#include "aggregator/peak.h"

/* Expired pairs are looked for that often while nothing is settled. */
#define EXPIRE_EVERY (INT64_C(3600) * 1000)

struct user {
	uint64_t messages;
	uint64_t conversations;  /* pairs there are */
	struct peak last, first; /* first: of negated times */
};

struct pair {
	uint64_t messages;
	int64_t due;
	struct peak last;
};

struct users {
	struct keyed table;
	struct keyed pairs; /* (user, conversation) */
	struct calendar calendar;
	struct calendar silent; /* when to see whether a user is */
	struct flow_cap cap;
	int64_t forget; /* 0: never */
	int64_t active; /* how long a conversation is, in ms */
	int64_t newest, expired_at;
};

static const struct column columns[] = {
	{ "user_id", COLUMN_TEXT },
	{ "message_count", COLUMN_COUNT },
	{ "active_conversations", COLUMN_COUNT },
	{ "last_active", COLUMN_TIME },
	{ "created_at", COLUMN_TIME },
};

static void *
open_flow(const struct flow_setup *setup)
{
	struct users *f = xcalloc(1, sizeof *f);

	keyed_open(&f->table, setup->home, "users", sizeof(struct user));
	keyed_open(&f->pairs, setup->home, "user_chats", sizeof(struct pair));
	calendar_open(&f->calendar, setup->home, "user_chats_due");
	calendar_open(&f->silent, setup->home, "users_silent");
	if (setup->home->state != NULL)
		f->forget = flow_conf(setup, "forget");
	flow_cap_init(&f->cap, setup, "user_conversations");
	f->active = flow_conf(setup, "user_active");
	f->newest = f->expired_at = CLOCK_NONE;
	return f;
}

static void
close_flow(void *flow)
{
	struct users *f = flow;

	keyed_close(&f->table);
	keyed_close(&f->pairs);
	calendar_close(&f->calendar);
	calendar_close(&f->silent);
	free(f);
}

static struct user *
find_user(struct users *f, struct text user, bool make)
{
	struct key k;

	k.len = 0;
	key_text(&k, user);
	return make ? keyed_get(&f->table, k.bytes, k.len, NULL)
		    : keyed_find(&f->table, k.bytes, k.len);
}

static void
pair_key(struct key *k, const struct flow_message *m)
{
	k->len = 0;
	key_text(k, m->user);
	key_text(k, m->chat);
}

static void
remove_pair(struct users *f, struct text user, struct pair *p)
{
	struct user *u = find_user(f, user, false);

	keyed_delete(&f->pairs, p);
	if (u == NULL || u->conversations == 0)
		return;
	u->conversations--;
	keyed_tell(&f->table, u);
}

/* One pair that the calendar named: it goes, or is looked at again later. */
static void
look_at(struct users *f, struct text key, int64_t due)
{
	struct pair *p = keyed_find(&f->pairs, key.p, key.len);
	size_t at = 0;

	if (p == NULL || p->due != due)
		return;
	p->due = peak_get(&p->last) + f->active;
	if (p->due <= f->newest) {
		remove_pair(f, key_read_text(key, &at), p);
		return;
	}
	calendar_add(&f->calendar, p->due, key.p, key.len);
	keyed_change(&f->pairs, p);
}

static void
expire(struct users *f)
{
	struct text key;
	int64_t due;

	f->expired_at = f->newest;
	while (calendar_next(&f->calendar, f->newest, &key, &due))
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
has_room(struct users *f, struct user **u, struct text user)
{
	if ((*u)->conversations < f->cap.limit)
		return true;
	expire(f);
	*u = find_user(f, user, true);
	return flow_cap_allows(&f->cap, (*u)->conversations,
	    "a user with more active conversations than that");
}

/* At that time it is seen whether the user is silent. Twice does no harm. */
static void
watch(struct users *f, struct text user, int64_t due)
{
	struct key k;

	k.len = 0;
	key_text(&k, user);
	calendar_add(&f->silent, due, k.bytes, k.len);
}

static void
add_to_pair(struct users *f, struct user *u, const struct flow_message *m)
{
	struct pair *p;
	struct key k;

	pair_key(&k, m);
	p = keyed_find(&f->pairs, k.bytes, k.len);
	if (p == NULL) {
		if (!has_room(f, &u, m->user))
			return;
		p = keyed_get(&f->pairs, k.bytes, k.len, NULL);
		u->conversations++;
		p->due = m->at + f->active;
		calendar_add(&f->calendar, p->due, k.bytes, k.len);
	}
	p->messages++;
	peak_add(&p->last, m->at);
	keyed_change(&f->pairs, p);
}

static void
add(struct users *f, const struct flow_message *m)
{
	struct user *u;

	see_time(f, m->at);
	u = find_user(f, m->user, true);
	if (u->messages == 0 && f->forget > 0)
		watch(f, m->user, m->at + f->forget);
	u->messages++;
	peak_add(&u->last, m->at);
	peak_add(&u->first, -m->at);
	keyed_tell(&f->table, u);
	add_to_pair(f, u, m);
}

/* The conversation is an active one. */
static void
before(void *flow, const struct flow_message *m)
{
	struct users *f = flow;
	struct user *u;

	if (!m->counted || m->user.p == NULL)
		return;
	see_time(f, m->at);
	if (m->at + f->active <= f->newest)
		return;
	u = find_user(f, m->user, true);
	if (u->messages == 0 && u->conversations == 0 && f->forget > 0)
		watch(f, m->user, m->at + f->forget);
	keyed_tell(&f->table, u);
	add_to_pair(f, u, m);
}

static void
take_back_pair(struct users *f, const struct flow_message *m)
{
	struct pair *p;
	struct key k;

	see_time(f, f->table.home->newest);
	/* Too old to matter; the pair may be a later one without it. */
	if (m->at + f->active <= f->newest)
		return;
	pair_key(&k, m);
	p = keyed_find(&f->pairs, k.bytes, k.len);
	if (p == NULL)
		return;
	peak_remove(&p->last, m->at);
	if (--p->messages == 0) {
		remove_pair(f, m->user, p);
		return;
	}
	if (peak_get(&p->last) + f->active < p->due) {
		p->due = peak_get(&p->last) + f->active;
		calendar_add(&f->calendar, p->due, k.bytes, k.len);
	}
	keyed_change(&f->pairs, p);
}

static void
take_back(struct users *f, const struct flow_message *m)
{
	struct user *u = find_user(f, m->user, false);

	if (u == NULL || u->messages == 0)
		return;
	u->messages--;
	peak_remove(&u->last, m->at);
	peak_remove(&u->first, -m->at);
	keyed_tell(&f->table, u);
	take_back_pair(f, m);
}

static void
prepare(void *flow, const struct flow_message *m, bool near)
{
	struct users *f = flow;
	struct key k;

	if (!m->counted || m->user.p == NULL)
		return;
	k.len = 0;
	key_text(&k, m->user);
	keyed_prepare(&f->table, k.bytes, k.len, near);
	key_text(&k, m->chat);
	keyed_prepare(&f->pairs, k.bytes, k.len, near);
}

static void
message(
    void *flow, const struct flow_message *m, const struct flow_message *old)
{
	if (old != NULL && old->counted && old->user.p != NULL)
		take_back(flow, old);
	if (m->counted && m->user.p != NULL)
		add(flow, m);
}

static void
look_for_silence(struct users *f, int64_t newest)
{
	struct text key;
	struct user *u;
	int64_t due, last;

	while (calendar_next(&f->silent, newest, &key, &due)) {
		u = keyed_find(&f->table, key.p, key.len);
		if (u == NULL)
			continue;
		/* CLOCK_NONE, when all was taken back, is long ago. */
		last = peak_get(&u->last);
		if (last > newest - f->forget)
			calendar_add(
			    &f->silent, last + f->forget, key.p, key.len);
		else if (u->conversations > 0 || keyed_is_told(u))
			calendar_add(&f->silent, newest + 1, key.p, key.len);
		else
			keyed_delete(&f->table, u);
	}
}

static void
settle(void *flow, int64_t newest, bool refresh)
{
	struct users *f = flow;

	(void)refresh;
	see_time(f, newest);
	expire(f);
	if (f->forget > 0 && newest != CLOCK_NONE)
		look_for_silence(f, newest);
}

static void
emit_one(const struct user *u, struct rowset *to)
{
	struct cell *c = rowset_add(to);
	bool any = u->messages > 0;
	size_t at = 0;

	c = flow_cell(c, key_read_text(keyed_key(u), &at));
	c = cell_count(c, u->messages);
	c = cell_count(c, u->conversations);
	c = cell_time(c, any ? peak_get(&u->last) : CLOCK_NONE);
	cell_time(c, any ? -peak_get(&u->first) : CLOCK_NONE);
}

static void
emit(void *flow, struct rowset *to, enum figure_rows which)
{
	struct users *f = flow;
	const struct user *u;
	size_t n, i;
	void **list = keyed_list(&f->table, which == ROWS_ALL, &n);

	for (i = 0; i < n; i++) {
		u = list[i];
		if (which == ROWS_CHANGED || u->messages > 0)
			emit_one(u, to);
	}
	free(list);
}

static const struct flow_ops ops = {
	.open = open_flow,
	.close = close_flow,
	.prepare = prepare,
	.message = message,
	.before = before,
	.settle = settle,
	.emit = emit,
};

extern const struct figure figure_users;
const struct figure figure_users = {
	.name = "users",
	.table = "user_stats",
	.help = "each user who wrote",
	.columns = columns,
	.columns_n = ARRAY_LEN(columns),
	.flow = &ops,
	.spans = true,
};
