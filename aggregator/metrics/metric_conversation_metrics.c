/*
 * conversation_metrics and longest_monologue: for each conversation over its
 * whole life, the number of counted messages and of participants, the first and
 * last message, and the longest series of messages by one side (the customer,
 * or operators and bots together). A person who writes as customer and as
 * operator counts as two participants; all authors without a name count as one.
 * Unlike rows of chat_metrics, these rows are never removed. Of the responses,
 * only the first belongs to an episode.
 *
 * Counting restarts after a silence of more than [aggregator] forget. A
 * conversation outlives its chat in the model: the figures of messages that the
 * model dropped stay here, and those of its other messages are added to them
 * whenever the chat is derived.
 *
 * Past participants are stored as 64-bit hashes: the first few inside the
 * conversation, because almost all conversations have two, the others in a
 * table. A conversation whose messages were all withdrawn by later versions
 * keeps its row, with 0 messages.
 */
#include "aggregator/metrics/metric.h"
#include "aggregator/metrics/streaming_metric.h"

#include <string.h>

#include "common/digest/hash.h"

#include "aggregator/containers/key_set.h"

enum {
	NEAR = 4,
};

/* The figures of some messages; zeroed if there are none. */
struct talk {
	int64_t first_at, last_at;
	uint64_t messages, participants;
	uint64_t run, longest; /* messages in a row: the last run, the longest
				* run */
	uint64_t by_customer;  /* the side of the last run */
};

struct conversation {
	struct talk all;        /* as in its rows */
	struct talk past;       /* messages that the model dropped */
	uint64_t near[NEAR];    /* participants of the past; 0: unused */
	int64_t first_response; /* in the current episode, or TALLY_NONE */
	int64_t known_last;     /* the latest last_at in a row */
	int64_t due;            /* time of its review */
};

struct conversations {
	struct keyed_state table;  /* by chat */
	struct keyed_state others; /* (chat, start, hash): further participants
				    * of the past that begins at that time */
	struct timer_queue timer_queue;
	bool lasts; /* a stream, which deletes silent conversations */
	int64_t window, forget;
	struct key_set participants; /* authors since the past, in one chat */
};

static void
conversations_open(void *ctx, const struct streaming_metric_setup *setup)
{
	struct conversations *f = ctx;

	keyed_state_open(
	    &f->table, setup->home, "talks", sizeof(struct conversation));
	keyed_state_open(
	    &f->others, setup->home, "talk_participants", sizeof(uint64_t));
	timer_queue_open(&f->timer_queue, setup->home, "talks_due");
	f->lasts = setup->home->state != NULL && setup->home->window_ms > 0;
	f->window = setup->home->window_ms;
	f->forget = streaming_metric_conf(setup, "forget");
}

static void
conversations_close(void *ctx)
{
	struct conversations *f = ctx;

	key_set_release(&f->participants);
}

static struct conversation *
find_conversation(struct conversations *f, struct text chat, bool *made)
{
	struct key k;

	k.len = 0;
	key_text(&k, chat);
	return made != NULL ? keyed_state_get(&f->table, k.bytes, k.len, made)
			    : keyed_state_find(&f->table, k.bytes, k.len);
}

/* Returns the time from which every further message starts a new count and
 * cannot replace an earlier one. */
static int64_t
when_silent(const struct conversations *f, int64_t last)
{
	return last + f->forget + f->window + 1;
}

static void
schedule(struct conversations *f, struct conversation *c, int64_t due)
{
	struct text key = keyed_state_key(c);

	c->due = due;
	keyed_state_change(&f->table, c);
	if (f->lasts)
		timer_queue_add(&f->timer_queue, due, key.p, key.len);
}

/* Counts a message. Returns true if counting restarts after a silence. */
static bool
talk_add(struct talk *t, int64_t forget, const struct message *x)
{
	bool by_customer = x->from == FROM_CUSTOMER;
	bool silent = t->messages > 0 && x->at - t->last_at > forget;

	if (silent)
		*t = (struct talk){ 0 };
	if (t->messages++ == 0)
		t->first_at = x->at;
	t->last_at = x->at;
	t->run = t->run > 0 && t->by_customer == by_customer ? t->run + 1 : 1;
	t->by_customer = by_customer;
	if (t->run > t->longest)
		t->longest = t->run;
	return silent;
}

static uint64_t
hash_writer(const struct conversations *f, const struct model *m,
    const struct message *x)
{
	struct key k;
	uint64_t who;

	k.len = 0;
	key_byte(&k, x->from);
	key_text(&k, model_name(m, message_writer(x)));
	who = hash_text(f->table.home->seed, k.bytes, k.len);
	return who != 0 ? who : 1;
}

static struct key
others_key(const struct conversation *c)
{
	struct key k = { .len = 0 };

	key_append(&k, keyed_state_key(c));
	key_time(&k, c->past.first_at);
	return k;
}

/* True for an author of messages in the past. */
static bool
is_past_participant(
    struct conversations *f, const struct conversation *c, uint64_t who)
{
	struct key k;
	size_t i;

	for (i = 0; i < NEAR && i < c->past.participants; i++)
		if (c->near[i] == who)
			return true;
	if (c->past.participants <= NEAR)
		return false;
	k = others_key(c);
	key_number(&k, who);
	return keyed_state_find(&f->others, k.bytes, k.len) != NULL;
}

static void
add_past_participant(
    struct conversations *f, struct conversation *c, uint64_t who)
{
	struct key k;

	if (is_past_participant(f, c, who))
		return;
	if (c->past.participants < NEAR) {
		c->near[c->past.participants] = who;
	} else {
		k = others_key(c);
		key_number(&k, who);
		keyed_state_change(&f->others,
		    keyed_state_get(&f->others, k.bytes, k.len, NULL));
	}
	c->past.participants++;
}

/* Adds messages that the model drops to the figures of the past. */
static void
conversations_drop(
    void *ctx, const struct model *m, const struct chat *chat, size_t n)
{
	struct conversations *f = ctx;
	struct conversation *c = find_conversation(f, chat_id(chat), NULL);
	const struct message *x;
	struct key past;

	if (c == NULL)
		return;
	for (x = chat->messages; x < chat->messages + n; x++) {
		if (!message_counts(x))
			continue;
		past = others_key(c);
		if (talk_add(&c->past, f->forget, x))
			keyed_state_delete_prefix(
			    &f->others, past.bytes, past.len);
		add_past_participant(f, c, hash_writer(f, m, x));
	}
	keyed_state_change(&f->table, c);
}

/* Returns the figures of all messages. c: the known conversation, or NULL. */
static struct talk
sum_up(struct conversations *f, const struct model *m, const struct chat *chat,
    const struct conversation *c)
{
	struct talk t = c != NULL ? c->past : (struct talk){ 0 };
	bool past_counts = c != NULL; /* the talk includes the past */
	const struct message *x;

	key_set_empty(&f->participants);
	for (x = chat->messages; x < chat->messages + chat->n; x++) {
		if (!message_counts(x))
			continue;
		if (talk_add(&t, f->forget, x)) {
			past_counts = false;
			key_set_empty(&f->participants);
		}
		if (key_set_add(&f->participants, message_participant(x)) &&
		    !(past_counts &&
			is_past_participant(f, c, hash_writer(f, m, x))))
			t.participants++;
	}
	return t;
}

/* True if an unknown conversation has already been written and deleted, because
 * its silence was final at the last flush. A conversation that began after that
 * flush and has since become silent for good must still be written. */
static bool
was_deleted(const struct conversations *f, int64_t last_at)
{
	return f->lasts && when_silent(f, last_at) <= f->table.home->newest;
}

static void
conversations_derived(void *ctx, const struct model *m, const struct chat *chat)
{
	struct conversations *f = ctx;
	struct conversation *c = find_conversation(f, chat_id(chat), NULL);
	struct talk t = sum_up(f, m, chat, c);
	bool made;

	if (c == NULL && (t.messages == 0 || was_deleted(f, t.last_at)))
		return;
	if (c == NULL) {
		c = find_conversation(f, chat_id(chat), &made);
		c->known_last = CLOCK_NONE;
		schedule(f, c, when_silent(f, t.last_at));
	}
	if (memcmp(&c->all, &t, sizeof t) == 0 &&
	    c->first_response == chat->figures.first_response)
		return;
	if (t.last_at > c->known_last)
		c->known_last = t.last_at;
	c->all = t;
	c->first_response = chat->figures.first_response;
	keyed_state_emit(&f->table, c);
}

/* Reviews a conversation that is due: deletes it if it is silent for good,
 * unless the end of its current episode has yet to be reported. */
static void
review_conversation(
    struct conversations *f, struct text key, int64_t due, int64_t newest)
{
	struct conversation *c = keyed_state_find(&f->table, key.p, key.len);
	int64_t silent;

	if (c == NULL || c->due != due)
		return;
	silent = when_silent(f, c->known_last);
	if (silent <= newest && c->first_response != TALLY_NONE)
		silent = when_silent(f, newest);
	if (silent > newest) {
		schedule(f, c, silent);
		return;
	}
	keyed_state_delete_prefix(&f->others, key.p, key.len);
	keyed_state_delete(&f->table, c);
}

static void
conversations_advance(void *ctx, int64_t newest)
{
	struct conversations *f = ctx;
	struct text key;
	int64_t due;

	while (
	    f->lasts && timer_queue_next(&f->timer_queue, newest, &key, &due))
		review_conversation(f, key, due, newest);
}

static void
conversations_row(
    void *ctx, const void *entry, struct rowset *to, enum metric_rows which)
{
	const struct conversation *x = entry;
	const struct talk *t = &x->all;
	bool any = t->messages > 0;
	int64_t last_at = any ? t->last_at : x->known_last;
	struct cell *c;
	size_t at = 0;

	(void)ctx;
	if (which == ROWS_ALL && !any)
		return;
	c = rowset_add(to);
	c = cell_id(c, key_read_text(keyed_state_key(x), &at));
	if (to->metric == &metric_longest_monologue) {
		c = cell_count(c, t->longest);
		cell_number(c, last_at);
		return;
	}
	c = cell_count(c, t->messages);
	c = cell_count(c, t->participants);
	c = cell_number(c, last_at);
	c = cell_number(c, any ? t->first_at : CLOCK_NONE);
	cell_number(c, x->first_response);
}

static const struct streaming_metric_ops ops = {
	.size = sizeof(struct conversations),
	.open = conversations_open,
	.close = conversations_close,
	.derived = conversations_derived,
	.drop = conversations_drop,
	.advance = conversations_advance,
	.row = conversations_row,
};

const struct metric metric_conversation_metrics = {
	.table = &tables[TABLE_conversation_metrics],
	.streaming = &ops,
};

const struct metric metric_longest_monologue = {
	.table = &tables[TABLE_longest_monologue],
	.streaming = &ops,
};
