/* story: see story.h. */
#include "tests/loadgen/story.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"

/* The probability of each kind of message after each other kind, in
 * thousandths. */
static const uint16_t weights[][KINDS] = {
	[ST_NEW] = { [K_CUSTOMER] = 930, [K_ANSWER] = 40, [K_BOT] = 30 },
	[ST_CUSTOMER] = { [K_CUSTOMER] = 300,
	    [K_ANSWER] = 500,
	    [K_BOT] = 80,
	    [K_NOTE] = 25,
	    [K_AUTOREPLY] = 40,
	    [K_ASSIGNED] = 35,
	    [K_CLOSED] = 5,
	    [K_HANDOFF] = 10,
	    [K_OTHER] = 5 },
	[ST_OPERATOR] = { [K_CUSTOMER] = 620,
	    [K_ANSWER] = 230,
	    [K_BOT] = 20,
	    [K_NOTE] = 30,
	    [K_AUTOREPLY] = 30,
	    [K_ASSIGNED] = 20,
	    [K_CLOSED] = 45,
	    [K_OTHER] = 5 },
	[ST_BOT] = { [K_CUSTOMER] = 600,
	    [K_ANSWER] = 200,
	    [K_BOT] = 50,
	    [K_HANDOFF] = 150 },
	[ST_CLOSED] = { [K_CUSTOMER] = 800,
	    [K_OPENED] = 120,
	    [K_NOTE] = 30,
	    [K_AUTOREPLY] = 50 },
};

/* What is older than this is late. */
#define WINDOW_MS (24 * INT64_C(3600000))

enum {
	BURST_EVERY = 2000, /* messages; one begins */
	BURST_MAX = 600,    /* messages it lasts */
	BURST_FACTOR = 10,  /* times as many as otherwise */
	SPAM_EVERY = 15000,
	SPAM_MIN = 10, /* messages by one person */
	SPAM_MAX = 30,
	SPAM_GAP_MS = 1500,
	HOLD_MAX = 3000,     /* messages that may come before a late one */
	NEAR = 50,           /* messages until a repetition, often */
	FAR = 100000,        /* and sometimes */
	LOOK_MAX = 500,      /* messages until one is looked at */
	SHARED_EVERY = 1024, /* messages; its id is another chat's too */
	LATE_MS = 24 * 3600000,
	TURNOVER = 25000, /* a million messages; one changes the active chats */
	LATE_LEAST_MS = 60000,
};

void
story_init(struct story *s, const struct style *style,
    const struct world_options *world, const struct story_options *o)
{
	int64_t most = WINDOW_MS / 4 / (o->gap_ms > 0 ? o->gap_ms : 1);
	uint32_t i;

	memset(s, 0, sizeof *s);
	s->o = *o;
	composer_init(&s->composer, style);
	world_init(&s->world, &s->composer.style, world);
	s->now = o->start_ms;
	most = most < 2 ? 2 : most;
	s->hold = (uint32_t)(most < HOLD_MAX ? most : HOLD_MAX);
	s->far = (uint32_t)(most < FAR ? most : FAR);
	s->pool = xcalloc(o->active, sizeof *s->pool);
	for (i = 0; i < o->active; i++)
		s->pool[i] = i;
	s->fresh = o->active;
}

void
story_release(struct story *s)
{
	free(s->pool);
	delayed_lines_release(&s->delayed);
	world_release(&s->world);
	composer_release(&s->composer);
}

static void
put(struct story *s, const char *line, size_t len, bool is_message)
{
	s->write(s->ctx, line, len);
	s->records++;
	s->written += is_message;
}

void
story_begin(struct story *s)
{
	char line[LINE_MAX_BYTES];
	struct world *w = &s->world;
	uint32_t t, i, first;

	for (t = 0; t < w->o.tenants; t++) {
		first = w->tenants[t].people + w->customers;
		for (i = 0; i < w->o.operators; i++)
			put(s, line,
			    compose_operator(&s->composer, w, first + i, line),
			    false);
	}
}

/* Advances time, faster in a burst. */
static void
tick(struct story *s)
{
	struct dice *d = &s->world.dice;
	uint32_t gap = s->o.gap_ms;

	if (s->burst > 0) {
		s->burst--;
		gap /= BURST_FACTOR;
	} else if (dice_below(d, BURST_EVERY) == 0) {
		s->burst = dice_below(d, BURST_MAX);
	}
	s->now += 1 + (gap > 1 ? dice_below(d, 2 * gap - 1) : 0);
}

static struct chat *
choose_chat(struct story *s)
{
	struct dice *d = &s->world.dice;
	struct style *style = &s->composer.style;
	uint32_t slot, n = s->world.o.chats;

	slot = dice_below(d, s->o.active);
	if (dice_chance(d, TURNOVER))
		s->pool[slot] = s->fresh++ % n;
	return world_chat(&s->world, style, s->pool[slot]);
}

/* A person writes one message after another, even without an answer. */
static struct chat *
spam(struct story *s, struct chat *c)
{
	struct dice *d = &s->world.dice;
	uint32_t every = 1 + SPAM_GAP_MS / (s->o.gap_ms > 0 ? s->o.gap_ms : 1);

	if (s->spam_left == 0) {
		if (dice_below(d, SPAM_EVERY) != 0)
			return NULL;
		s->spam_left = SPAM_MIN + dice_below(d, SPAM_MAX - SPAM_MIN);
		s->spam_in = every;
		s->spam = c;
	}
	if (--s->spam_in > 0)
		return NULL;
	s->spam_in = every;
	s->spam_left--;
	return s->spam;
}

static enum kind
choose_kind(struct dice *d, const struct chat *c)
{
	uint32_t x = dice_below(d, 1000);
	int k;

	for (k = 0; x >= weights[c->state][k]; k++)
		x -= weights[c->state][k];
	return (enum kind)k;
}

static int32_t
choose_person(struct world *w, const struct chat *c, enum kind kind)
{
	struct dice *d = &w->dice;

	switch (kind) {
	case K_CUSTOMER:
		return (int32_t)c->customer[dice_below(d, c->customers)];
	case K_ANSWER:
	case K_NOTE:
		if (c->assignee < 0 || dice_below(d, 32) == 0)
			return (int32_t)world_operator(w, c->tenant);
		return c->assignee;
	case K_BOT:
	case K_AUTOREPLY:
		return (int32_t)world_bot(w, c->tenant);
	case K_ASSIGNED:
		return dice_below(d, 16) == 0
			   ? NO_OPERATOR
			   : (int32_t)world_operator(w, c->tenant);
	case K_CLOSED:
	case K_OPENED:
	case K_HANDOFF:
	case K_OTHER:
	case KINDS:
		break;
	}
	return NO_OPERATOR;
}

static void
move(struct chat *c, enum kind kind, int32_t person)
{
	if (kind == K_CUSTOMER)
		c->state = ST_CUSTOMER;
	else if (kind == K_ANSWER)
		c->state = ST_OPERATOR;
	else if (kind == K_BOT)
		c->state = ST_BOT;
	else if (kind == K_CLOSED)
		c->state = ST_CLOSED;
	else if (kind == K_ASSIGNED)
		c->assignee = person;
}

/* Returns a new id, or rarely one that another chat of the tenant has used.
 * Such messages get no receipt, because it would not show which of the two it
 * means. */
static uint32_t
choose_id(struct world *w, const struct chat *c)
{
	struct tenant *t = &w->tenants[c->tenant];
	uint32_t me = (uint32_t)(c - w->chats), back = RECENT / 2;
	uint32_t n = ++t->serial;

	t->recent[n % RECENT] = me;
	if (n % SHARED_EVERY == 0 && t->recent[(n - back) % RECENT] != me)
		return n - back;
	return n;
}

static bool
is_shared(uint32_t serial)
{
	return serial % (RECENT / 2) == 0;
}

/* Another person reads the message, immediately or later. */
static void
look(struct story *s, const struct draft *d, uint64_t due)
{
	struct world *w = &s->world;
	char line[LINE_MAX_BYTES];
	uint32_t person, in = dice_below(&w->dice, LOOK_MAX);
	int64_t at = d->at + 1 + (int64_t)in * s->o.gap_ms / 4;
	bool early = dice_below(&w->dice, 16) == 0;
	size_t len;

	if (d->kind != K_CUSTOMER)
		person = d->chat->customer[0];
	else if (d->chat->assignee >= 0)
		person = (uint32_t)d->chat->assignee;
	else
		person = world_operator(w, d->chat->tenant);
	len = compose_view(&s->composer, w, d, person, early ? d->at : at,
	    dice_below(&w->dice, 4) != 0, line);
	s->totals.read++;
	if (early)
		put(s, line, len, false);
	else
		delayed_lines_add(&s->delayed, due + in, line, len, false);
}

static void
repeat(struct story *s, const char *line, size_t len, uint64_t due)
{
	struct dice *d = &s->world.dice;
	uint32_t in = 1 + dice_below(d, NEAR);

	if (dice_below(d, 8) == 0)
		in = 1 + dice_below(d, s->far);
	delayed_lines_add(&s->delayed, due + in, line, len, true);
	s->totals.duplicates++;
}

/* Writes a message that is too late. No other part of the world contains it. */
static bool
write_late(struct story *s, struct chat *c)
{
	struct tenant *t = &s->world.tenants[c->tenant];
	struct draft d = { c, K_CUSTOMER, (int32_t)c->customer[0], 0, 0 };
	char line[LINE_MAX_BYTES];
	size_t len;

	if (t->newest == CLOCK_NONE || !c->written)
		return false;
	d.serial = choose_id(&s->world, c);
	d.at = t->newest - WINDOW_MS - LATE_LEAST_MS -
	       dice_below(&s->world.dice, LATE_MS);
	len = compose_message(&s->composer, &s->world, &d, line);
	put(s, line, len, true);
	return true;
}

static void
write_message(struct story *s, struct chat *c, enum kind kind)
{
	struct world *w = &s->world;
	struct tenant *t = &w->tenants[c->tenant];
	struct draft d = { c, kind, choose_person(w, c, kind), s->now, 0 };
	char line[LINE_MAX_BYTES];
	uint64_t due = s->written + 1;
	size_t len;

	d.serial = choose_id(w, c);
	len = compose_message(&s->composer, w, &d, line);
	move(c, kind, d.person);
	c->written = true;
	s->totals.messages++;
	s->totals.counted += d.kind <= K_BOT;
	if (dice_chance(&w->dice, s->o.latecomers))
		due += 1 + dice_below(&w->dice, s->hold);
	if (kind <= K_BOT && !is_shared(d.serial) &&
	    dice_chance(&w->dice, s->o.views))
		look(s, &d, due);
	if (due == s->written + 1) {
		put(s, line, len, true);
		t->newest = s->now;
	} else {
		delayed_lines_add(&s->delayed, due, line, len, true);
	}
	if (dice_chance(&w->dice, s->o.duplicates))
		repeat(s, line, len, due);
}

/* Nineteen of twenty chats get a chat record before the first message. */
static void
describe(struct story *s, struct chat *c)
{
	char line[LINE_MAX_BYTES];

	c->described = true;
	if (dice_below(&s->world.dice, 20) == 0)
		c->assignee = NO_OPERATOR;
	else
		put(s, line,
		    compose_chat(&s->composer, &s->world, c, s->now, line),
		    false);
}

static void
write_event(struct story *s, const struct chat *c)
{
	struct world *w = &s->world;
	uint32_t event = dice_below(&w->dice, EVENT_KINDS);
	uint32_t person =
	    w->tenants[c->tenant].people + dice_below(&w->dice, w->customers);
	char line[LINE_MAX_BYTES];
	size_t len = compose_event(
	    &s->composer, w, person, event, ++s->event_serial, c, s->now, line);

	put(s, line, len, false);
	if (dice_chance(&w->dice, s->o.duplicates))
		delayed_lines_add(&s->delayed,
		    s->written + dice_below(&w->dice, NEAR), line, len, false);
}

bool
story_drain(struct story *s)
{
	const struct delayed_line *b =
	    delayed_lines_due(&s->delayed, UINT64_MAX);

	if (b == NULL)
		return false;
	put(s, b->text, b->len, b->is_message);
	delayed_lines_drop(&s->delayed);
	return true;
}

void
story_step(struct story *s)
{
	uint64_t before = s->written;
	struct dice *d = &s->world.dice;
	struct chat *c, *sent;

	while (s->written == before) {
		if (delayed_lines_due(&s->delayed, s->written) != NULL) {
			story_drain(s);
			continue;
		}
		tick(s);
		c = choose_chat(s);
		if (!c->described)
			describe(s, c);
		if (dice_chance(d, s->o.events))
			write_event(s, c);
		sent = spam(s, c);
		if (sent != NULL)
			write_message(s, sent, K_CUSTOMER);
		else if (!dice_chance(d, s->o.late) || !write_late(s, c))
			write_message(s, c, choose_kind(d, c));
	}
}
