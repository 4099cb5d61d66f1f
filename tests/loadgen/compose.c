/* compose: see compose.h. */
#include "tests/loadgen/compose.h"

#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/digest/encoding.h"

enum { TYPE_MESSAGE, TYPE_VIEW, TYPE_EVENT, TYPE_CHAT, TYPE_OPERATOR };
enum { VALUE = 96 };

static const char *const types[] = { "message", "view", "event", "chat",
	"operator" };

static const struct {
	const char *from, *kind, *quiet;
} looks[KINDS] = {
	[K_CUSTOMER] = { "customer", "text", NULL },
	[K_ANSWER] = { "operator", "text", NULL },
	[K_BOT] = { "bot", "text", NULL },
	[K_NOTE] = { "operator", "text", "private" },
	[K_AUTOREPLY] = { "bot", "text", "automated" },
	[K_ASSIGNED] = { "system", "assigned", NULL },
	[K_CLOSED] = { "system", "closed", NULL },
	[K_OPENED] = { "system", "opened", NULL },
	[K_HANDOFF] = { "system", "handoff", NULL },
	[K_OTHER] = { "system", "other", NULL },
};

void
composer_init(struct composer *c, const struct style *style)
{
	struct style *s = &c->style;
	size_t i;

	memset(c, 0, sizeof *c);
	c->style = *style;
	for (i = 0; i < 5; i++)
		c->type[i] = piece_string(s, "type", types[i]);
	for (i = 0; i < KINDS; i++) {
		c->from[i] = piece_string(s, "from", looks[i].from);
		c->kind[i] = piece_string(s, "kind", looks[i].kind);
		if (looks[i].quiet != NULL)
			c->quiet[i] = piece_new(s, looks[i].quiet, "true");
	}
	c->nobody = piece_new(s, "operator", "null");
	c->data = piece_new(s, "data", "{\"parts\":[1,2],\"via\":\"api\"}");
	c->status = piece_string(s, "status", "open");
	c->key_id = piece_new(s, "id", "\"");
	c->key_at = piece_new(s, "at", "\"");
	c->key_opened = piece_new(s, "opened_at", "\"");
	c->key_message = piece_new(s, "message", "\"");
	c->minute = -1;
}

void
composer_release(struct composer *c)
{
	arena_release(&c->style.arena);
}

static void
two(char *to, int64_t n)
{
	to[0] = (char)('0' + n / 10);
	to[1] = (char)('0' + n % 10);
}

/* Only the seconds are computed, except when a new minute begins. */
static struct text
time_piece(struct composer *c, struct text key, int64_t at, char *to)
{
	int64_t rest = at % MINUTE_MS;
	char *p = to + key.len;

	if (at - rest != c->minute) {
		c->minute = at - rest;
		clock_format(c->minute, c->time_text);
	}
	memcpy(to, key.p, key.len);
	memcpy(p, c->time_text, 24);
	two(p + 17, rest / 1000);
	p[20] = (char)('0' + rest % 1000 / 100);
	two(p + 21, rest % 100);
	p[24] = '"';
	return (struct text){ to, key.len + 25 };
}

/* "123e4567-e89b-42d3-a456-426614174000" */
static size_t
put_uuid(uint64_t a, uint64_t b, char *to)
{
	unsigned char byte;
	char *p = to;
	int i;

	for (i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		byte = (unsigned char)(a >> 56);
		p = hex_write(p, &byte, 1);
		a <<= 8;
		if (i == 7)
			a = b;
	}
	return (size_t)(p - to);
}

static size_t
put_number(uint64_t n, char *to)
{
	char digits[20];
	size_t i = sizeof digits;

	do {
		digits[--i] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	memcpy(to, digits + i, sizeof digits - i);
	return sizeof digits - i;
}

static struct text
id_piece(
    const struct world *w, struct text key, const struct draft *d, char *to)
{
	const struct tenant *t = &w->tenants[d->chat->tenant];
	uint64_t mixed;
	size_t n = key.len, len;

	memcpy(to, key.p, key.len);
	if (t->uuid) {
		mixed = dice_mix(w->o.seed ^ (uint64_t)d->serial << 8);
		n += put_uuid(mixed, dice_mix(mixed + d->serial), to + n);
	} else {
		len = strlen(w->o.prefix);
		memcpy(to + n, w->o.prefix, len);
		n += len;
		n += put_number(UINT64_C(3000000000) + d->serial, to + n);
	}
	to[n++] = '"';
	return (struct text){ to, n };
}

static void
add_people(struct composer *c, struct world *w, const struct draft *d,
    struct fields *f)
{
	const struct person *p = d->person < 0 ? NULL : &w->people[d->person];
	const struct chat *chat = d->chat;

	if (d->kind <= K_AUTOREPLY && p != NULL)
		fields_add(f, p->user);
	if (d->kind == K_ASSIGNED || d->kind == K_ANSWER || d->kind == K_NOTE)
		fields_add(f, p != NULL ? p->operator_id : c->nobody);
	/* Half of the chats name the new assignee. */
	if (chat->chat.len % 2 == chat->language % 2U)
		return;
	if (d->kind == K_CUSTOMER && chat->assignee >= 0)
		fields_add(f, w->people[chat->assignee].to);
	else if (d->kind == K_ANSWER)
		fields_add(f, w->people[chat->customer[0]].to);
}

size_t
compose_message(
    struct composer *c, struct world *w, const struct draft *d, char *to)
{
	struct fields f = { .n = 0 };
	char id[VALUE], at[VALUE];

	fields_add(&f, c->type[TYPE_MESSAGE]);
	fields_add(&f, w->tenants[d->chat->tenant].tenant);
	fields_add(&f, d->chat->chat);
	fields_add(&f, w->channel[d->chat->channel]);
	fields_add(&f, id_piece(w, c->key_id, d, id));
	fields_add(&f, time_piece(c, c->key_at, d->at, at));
	fields_add(&f, c->from[d->kind]);
	add_people(c, w, d, &f);
	if (c->quiet[d->kind].len > 0)
		fields_add(&f, c->quiet[d->kind]);
	fields_add(&f, c->kind[d->kind]);
	if (d->kind == K_BOT || d->kind == K_AUTOREPLY)
		fields_add(&f, phrases_bot(&w->phrases, &w->dice));
	else if (d->kind <= K_NOTE)
		fields_add(
		    &f, phrases_pick(&w->phrases, &w->dice, d->chat->language));
	if (dice_below(&w->dice, 256) == 0)
		fields_add(&f, c->data);
	return fields_join(&c->style, &f, to);
}

size_t
compose_view(struct composer *c, const struct world *w, const struct draft *d,
    uint32_t person, int64_t at, bool with_chat, char *to)
{
	struct fields f = { .n = 0 };
	char id[VALUE], time[VALUE];

	fields_add(&f, c->type[TYPE_VIEW]);
	fields_add(&f, w->tenants[d->chat->tenant].tenant);
	fields_add(&f, id_piece(w, c->key_message, d, id));
	if (with_chat)
		fields_add(&f, d->chat->chat);
	fields_add(&f, w->people[person].user);
	fields_add(&f, time_piece(c, c->key_at, at, time));
	return fields_join(&c->style, &f, to);
}

size_t
compose_event(struct composer *c, const struct world *w, uint32_t person,
    uint32_t event, uint32_t serial, const struct chat *chat, int64_t at,
    char *to)
{
	struct fields f = { .n = 0 };
	char id[VALUE], time[VALUE];
	size_t n = c->key_id.len;

	memcpy(id, c->key_id.p, n);
	n += (size_t)snprintf(
	    id + n, sizeof id - n, "%se-%u\"", w->o.prefix, serial);
	fields_add(&f, c->type[TYPE_EVENT]);
	fields_add(&f, w->tenants[chat->tenant].tenant);
	fields_add(&f, (struct text){ id, n });
	fields_add(&f, w->people[person].user);
	fields_add(&f, w->event[event]);
	fields_add(&f, w->channel[chat->channel]);
	fields_add(&f, time_piece(c, c->key_at, at, time));
	return fields_join(&c->style, &f, to);
}

size_t
compose_chat(struct composer *c, const struct world *w, const struct chat *chat,
    int64_t at, char *to)
{
	struct fields f = { .n = 0 };
	char time[VALUE], opened[VALUE], customer[VALUE];
	size_t n = piece_key(&c->style, "customer", customer);

	n += (size_t)snprintf(customer + n, sizeof customer - n, "\"%s\"",
	    w->people[chat->customer[0]].name);
	fields_add(&f, c->type[TYPE_CHAT]);
	fields_add(&f, w->tenants[chat->tenant].tenant);
	fields_add(&f, chat->chat);
	fields_add(&f, c->status);
	if (chat->assignee >= 0)
		fields_add(&f, w->people[chat->assignee].operator_id);
	fields_add(&f, (struct text){ customer, n });
	fields_add(&f, w->channel[chat->channel]);
	fields_add(&f, time_piece(c, c->key_at, at, time));
	fields_add(&f, time_piece(c, c->key_opened, at, opened));
	return fields_join(&c->style, &f, to);
}

size_t
compose_operator(
    struct composer *c, const struct world *w, uint32_t person, char *to)
{
	const struct person *p = &w->people[person];
	struct fields f = { .n = 0 };
	struct arena_mark mark = arena_mark(&c->style.arena);
	char name[VALUE];
	size_t n;

	snprintf(name, sizeof name, "Operator %s", p->name);
	fields_add(&f, c->type[TYPE_OPERATOR]);
	fields_add(&f, w->tenants[p->tenant].tenant);
	fields_add(&f, p->operator_id);
	fields_add(&f, piece_string(&c->style, "name", name));
	fields_add(&f, piece_new(&c->style, "available",
			   person % 3 == 0 ? "false" : "true"));
	n = fields_join(&c->style, &f, to);
	arena_back(&c->style.arena, mark);
	return n;
}
