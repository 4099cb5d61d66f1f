/*
 * user_stats: for each author, in any role: the number of counted messages, the
 * times of the first and last, and the number of conversations in which they
 * wrote during the last [aggregator] user_active (24 hours) before the tenant's
 * newest time, or before the time of the snapshot. A message that is exactly 24
 * hours old no longer counts. Authors without a name have no row.
 *
 * A pair of user and conversation is kept while its last message is recent
 * enough; a timer queue schedules the next check. Its entry may be too early,
 * but never too late. `due` identifies the current entry of the pair; all other
 * entries are obsolete and ignored.
 *
 * Messages are counted since the user was last silent for more than
 * [aggregator] forget; for conversations only user_active matters. The counts
 * from before that silence are kept, because a late message may fill it. Counts
 * from before two silences are not kept: in a one-shot run, where messages
 * arrive in any order, a message that fills the older silence is too late.
 */
#include "aggregator/metrics/metric.h"
#include "aggregator/metrics/streaming_metric.h"

/* Messages of a user without a silence between them. */
struct spell {
	uint64_t messages;
	int64_t first, last;
};

struct user {
	struct spell now, before; /* `before`: until the last silence */
	uint64_t conversations;   /* number of pairs */
};

struct pair {
	int64_t due, last; /* last: time of its newest message */
};

struct users {
	struct keyed_state table;
	struct keyed_state pairs;       /* (user, conversation) */
	struct timer_queue timer_queue; /* for pairs */
	struct timer_queue silent;      /* users, by the time from which they
					 * may be silent */
	bool expires;                   /* false: one-shot */
	int64_t forget, window;         /* ms */
	int64_t active; /* how long a conversation is active, in ms */
};

static void
users_open(void *ctx, const struct streaming_metric_setup *setup)
{
	struct users *f = ctx;

	keyed_state_open(&f->table, setup->home, "users", sizeof(struct user));
	timer_queue_open(&f->silent, setup->home, "users_silent");
	f->expires = setup->home->state != NULL;
	f->forget = streaming_metric_conf(setup, "forget");
	f->window = setup->home->window_ms;
	keyed_state_open(
	    &f->pairs, setup->home, "user_chats", sizeof(struct pair));
	timer_queue_open(&f->timer_queue, setup->home, "user_chats_due");
	f->active = streaming_metric_conf(setup, "user_active");
}

static struct user *
find_user(struct users *f, struct text user)
{
	struct key k;

	k.len = 0;
	key_text(&k, user);
	return keyed_state_find(&f->table, k.bytes, k.len);
}

/* Returns the time from which every further message is preceded by a
 * silence. */
static int64_t
when_silent(const struct users *f, int64_t last)
{
	return last + f->forget + f->window + 1;
}

/* Returns the user, created if new. */
static struct user *
get_user(struct users *f, const struct streaming_metric_message *m)
{
	struct user *u;
	struct key k;
	bool made;

	k.len = 0;
	key_text(&k, m->user);
	u = keyed_state_get(&f->table, k.bytes, k.len, &made);
	if (made && f->expires)
		timer_queue_add(
		    &f->silent, when_silent(f, m->at), k.bytes, k.len);
	return u;
}

static void
add_to_spell(struct spell *s, const struct spell *more)
{
	if (s->messages == 0 || more->first < s->first)
		s->first = more->first;
	if (s->messages == 0 || more->last > s->last)
		s->last = more->last;
	s->messages += more->messages;
}

static void
count_message(const struct users *f, struct user *u, int64_t at)
{
	const struct spell one = { 1, at, at };
	struct spell *s = &u->now, *before = &u->before;

	if (s->messages > 0 && at - s->last > f->forget) {
		*before = *s;
		*s = (struct spell){ 0 };
	} else if (s->messages > 0 && s->first - at > f->forget) {
		s = before;
		if (s->messages > 0 && s->first - at > f->forget)
			return;
		if (s->messages > 0 && at - s->last > f->forget)
			*s = (struct spell){ 0 };
	}
	add_to_spell(s, &one);
	if (before->messages == 0 || u->now.first - before->last > f->forget)
		return;
	add_to_spell(&u->now, before);
	*before = (struct spell){ 0 };
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

/* Reviews a pair that is due: it is removed, or queued until its newest message
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

	while (timer_queue_next(&f->timer_queue, now, &key, &due))
		review_pair(f, key, due);
}

static void
add_to_pair(
    struct users *f, struct user *u, const struct streaming_metric_message *m)
{
	struct pair *p;
	struct key k;
	bool made;

	k.len = 0;
	key_text(&k, m->user);
	key_text(&k, m->chat);
	p = keyed_state_get(&f->pairs, k.bytes, k.len, &made);
	if (made) {
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
	int64_t now = f->table.home->now;
	struct user *u;

	if (m->user.p == NULL)
		return;
	u = get_user(f, m);
	count_message(f, u, m->at);
	keyed_state_emit(&f->table, u);
	if (m->at + f->active > now)
		add_to_pair(f, u, m);
}

/* Reviews a user who is due: deletes a silent user, or else schedules the next
 * review. */
static void
review_user(struct users *f, struct text key, int64_t newest)
{
	struct user *u = keyed_state_find(&f->table, key.p, key.len);
	int64_t due;

	if (u == NULL)
		return;
	due = when_silent(f, u->now.last);
	if (due <= newest && u->conversations == 0)
		keyed_state_delete(&f->table, u);
	else
		timer_queue_add(&f->silent, due > newest ? due : newest + 1,
		    key.p, key.len);
}

static void
users_advance(void *ctx, int64_t newest)
{
	struct users *f = ctx;
	struct text key;
	int64_t due;

	expire_pairs(f);
	while (f->expires && newest != CLOCK_NONE &&
	       timer_queue_next(&f->silent, newest, &key, &due))
		review_user(f, key, newest);
}

static void
users_row(
    void *ctx, const void *entry, struct rowset *to, enum metric_rows which)
{
	const struct user *u = entry;
	struct cell *c = rowset_add(to);
	size_t at = 0;

	(void)ctx;
	(void)which;
	c = cell_id(c, key_read_text(keyed_state_key(u), &at));
	c = cell_count(c, u->now.messages);
	c = cell_count(c, u->conversations);
	c = cell_number(c, u->now.last);
	cell_number(c, u->now.first);
}

static const struct streaming_metric_ops ops = {
	.size = sizeof(struct users),
	.open = users_open,
	.add = users_add,
	.advance = users_advance,
	.row = users_row,
};

const struct metric metric_user_stats = {
	.table = &tables[TABLE_user_stats],
	.streaming = &ops,
};
