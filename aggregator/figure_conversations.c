/*
 * conversation_metrics: of each conversation, over all of its life: how many
 * messages count, how many wrote them (who writes as a customer and as an
 * operator is two, whoever has no name is one), the first and the last of
 * them. Unlike chat_metrics it knows no episodes and never leaves.
 *
 * The first few participants stand in the row's own entry, because nearly
 * every conversation has two; the others have a table. A participant is known
 * by a hash of 64 bits. A conversation whose messages were all taken back by
 * later versions keeps its row, with 0 messages. In a stream what was silent
 * for long, [aggregator] forget, is forgotten and would begin anew.
 */
#include "aggregator/flow.h"

#include <stdlib.h>

#include "common/xalloc.h"

#include "aggregator/peak.h"

enum {
	NEAR = 4,
};

struct participant {
	uint64_t who; /* 0: nobody */
	uint64_t messages;
};

struct conversation {
	uint64_t messages;
	uint64_t participants;
	int64_t known_last;      /* also of what was taken back */
	struct peak last, first; /* first: of negated times */
	struct participant near[NEAR];
};

struct conversations {
	struct keyed table;
	struct keyed others;    /* (conversation, who) -> how many messages */
	struct calendar silent; /* when to see whether one is */
	struct flow_cap cap;
	int64_t forget; /* 0: never */
};

static const struct column columns[] = {
	{ "conversation_id", COLUMN_TEXT },
	{ "message_count", COLUMN_COUNT },
	{ "participant_count", COLUMN_COUNT },
	{ "last_message_at", COLUMN_TIME },
	{ "created_at", COLUMN_TIME },
};

static void *
open_flow(const struct flow_setup *setup)
{
	struct conversations *f = xcalloc(1, sizeof *f);

	keyed_open(&f->table, setup->home, "conversations",
	    sizeof(struct conversation));
	keyed_open(
	    &f->others, setup->home, "conversation_users", sizeof(uint64_t));
	calendar_open(&f->silent, setup->home, "conversations_silent");
	flow_cap_init(&f->cap, setup, "conversation_users");
	if (setup->home->state != NULL)
		f->forget = flow_conf(setup, "forget");
	return f;
}

static void
close_flow(void *flow)
{
	struct conversations *f = flow;

	keyed_close(&f->table);
	keyed_close(&f->others);
	calendar_close(&f->silent);
	free(f);
}

static uint64_t
hash_writer(const struct conversations *f, const struct flow_message *m)
{
	struct key k;
	uint64_t who;

	k.len = 0;
	key_byte(&k, m->from);
	key_text(&k, m->user);
	who = key_hash(f->table.home->seed, k.bytes, k.len);
	return who != 0 ? who : 1;
}

/* Where the messages of a participant who is not near are counted; NULL: not
 * at all. */
static uint64_t *
find_other(struct conversations *f, struct text chat, uint64_t who, bool make)
{
	struct key k = { 0 };
	uint64_t *n;

	key_text(&k, chat);
	key_number(&k, who);
	n = make ? keyed_get(&f->others, k.bytes, k.len, NULL)
		 : keyed_find(&f->others, k.bytes, k.len);
	if (n != NULL)
		keyed_change(&f->others, n);
	return n;
}

static void
add_participant(struct conversations *f, struct conversation *c,
    struct text chat, uint64_t who)
{
	struct participant *p, *room = NULL;
	uint64_t near = 0, *n;

	for (p = c->near; p < c->near + NEAR; p++) {
		if (p->who == who) {
			p->messages++;
			return;
		}
		near += p->who != 0;
		if (p->who == 0 && room == NULL)
			room = p;
	}
	if (near < c->participants) {
		n = find_other(f, chat, who, false);
		if (n != NULL) {
			*n += 1;
			return;
		}
	}
	if (!flow_cap_allows(&f->cap, c->participants,
		"a conversation of more people than that"))
		return;
	c->participants++;
	if (room != NULL) {
		room->who = who;
		room->messages = 1;
	} else {
		*find_other(f, chat, who, true) = 1;
	}
}

static void
remove_participant(struct conversations *f, struct conversation *c,
    struct text chat, uint64_t who)
{
	struct participant *p;
	uint64_t *n;

	for (p = c->near; p < c->near + NEAR; p++) {
		if (p->who != who)
			continue;
		if (--p->messages == 0) {
			p->who = 0;
			c->participants--;
		}
		return;
	}
	n = find_other(f, chat, who, false);
	if (n != NULL && --*n == 0) {
		keyed_delete(&f->others, n);
		c->participants--;
	}
}

static struct conversation *
find(struct conversations *f, const struct flow_message *m, bool make)
{
	struct conversation *c;
	struct key k;
	bool made = false;

	k.len = 0;
	key_text(&k, m->chat);
	c = make ? keyed_get(&f->table, k.bytes, k.len, &made)
		 : keyed_find(&f->table, k.bytes, k.len);
	if (made && f->forget > 0)
		calendar_add(&f->silent, m->at + f->forget, k.bytes, k.len);
	return c;
}

static void
add(struct conversations *f, const struct flow_message *m)
{
	struct conversation *c = find(f, m, true);

	if (c->messages++ == 0 || m->at > c->known_last)
		c->known_last = m->at;
	peak_add(&c->last, m->at);
	peak_add(&c->first, -m->at);
	add_participant(f, c, m->chat, hash_writer(f, m));
	keyed_tell(&f->table, c);
}

/* Who wrote is known; the message itself is in another generation's part. */
static void
before(void *flow, const struct flow_message *m)
{
	struct conversations *f = flow;
	struct conversation *c;

	if (!m->counted)
		return;
	c = find(f, m, true);
	if (m->at > c->known_last)
		c->known_last = m->at;
	add_participant(f, c, m->chat, hash_writer(f, m));
	if (c->messages > 0)
		keyed_tell(&f->table, c);
	else
		keyed_change(&f->table, c);
}

static void
take_back(struct conversations *f, const struct flow_message *m)
{
	struct conversation *c = find(f, m, false);

	if (c == NULL || c->messages == 0)
		return;
	c->messages--;
	peak_remove(&c->last, m->at);
	peak_remove(&c->first, -m->at);
	remove_participant(f, c, m->chat, hash_writer(f, m));
	keyed_tell(&f->table, c);
}

static void
prepare(void *flow, const struct flow_message *m, bool near)
{
	struct conversations *f = flow;
	struct key k;

	if (!m->counted)
		return;
	k.len = 0;
	key_text(&k, m->chat);
	keyed_prepare(&f->table, k.bytes, k.len, near);
}

static void
message(
    void *flow, const struct flow_message *m, const struct flow_message *old)
{
	if (old != NULL && old->counted)
		take_back(flow, old);
	if (m->counted)
		add(flow, m);
}

static void
look_at(struct conversations *f, struct text key, int64_t newest)
{
	struct conversation *c = keyed_find(&f->table, key.p, key.len);
	int64_t due;

	if (c == NULL)
		return;
	due = c->known_last + f->forget;
	if (due <= newest && keyed_is_told(c))
		due = newest + 1;
	if (due > newest) {
		calendar_add(&f->silent, due, key.p, key.len);
		return;
	}
	keyed_delete_prefix(&f->others, key.p, key.len);
	keyed_delete(&f->table, c);
}

static void
settle(void *flow, int64_t newest, bool refresh)
{
	struct conversations *f = flow;
	struct text key;
	int64_t due;

	(void)refresh;
	while (f->forget > 0 && calendar_next(&f->silent, newest, &key, &due))
		look_at(f, key, newest);
}

static void
emit_one(const struct conversation *c, struct rowset *to)
{
	struct cell *cell = rowset_add(to);
	size_t at = 0;

	cell = flow_cell(cell, key_read_text(keyed_key(c), &at));
	cell = cell_count(cell, c->messages);
	cell = cell_count(cell, c->participants);
	cell = cell_time(
	    cell, c->messages > 0 ? peak_get(&c->last) : c->known_last);
	cell_time(cell, c->messages > 0 ? -peak_get(&c->first) : CLOCK_NONE);
}

static void
emit(void *flow, struct rowset *to, enum figure_rows which)
{
	struct conversations *f = flow;
	const struct conversation *c;
	size_t n, i;
	void **list = keyed_list(&f->table, which == ROWS_ALL, &n);

	for (i = 0; i < n; i++) {
		c = list[i];
		if (which == ROWS_CHANGED || c->messages > 0)
			emit_one(c, to);
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

extern const struct figure figure_conversations;
const struct figure figure_conversations = {
	.name = "conversations",
	.table = "conversation_metrics",
	.help = "each conversation over all its life",
	.columns = columns,
	.columns_n = ARRAY_LEN(columns),
	.flow = &ops,
	.spans = true,
};
