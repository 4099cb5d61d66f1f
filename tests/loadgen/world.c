/* world: see world.h. */
#include "tests/loadgen/world.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/xalloc.h"

static const char *const channels[CHANNELS] = { "whatsapp", "telegram",
	"webchat", "instagram", "email" };
static const char *const events[EVENT_KINDS] = { "created", "updated",
	"deleted", "viewed", "login" };

static void
make_person(struct world *w, struct style *s, uint32_t tenant, char *name)
{
	struct person *p = &w->people[w->people_n++];

	p->name = name;
	p->tenant = tenant;
	p->user = piece_string(s, "user", name);
	p->to = piece_string(s, "to", name);
	p->operator_id = piece_string(s, "operator", name);
}

static void
make_tenant(struct world *w, struct style *s, uint32_t i)
{
	struct tenant *t = &w->tenants[i];
	uint32_t k;

	snprintf(t->name, sizeof t->name, "t%u", i + 1);
	t->tenant = piece_string(s, "tenant", t->name);
	t->uuid = w->o.ids == IDS_UUID || (w->o.ids == IDS_MIXED && i % 2 == 1);
	t->people = (uint32_t)w->people_n;
	t->newest = CLOCK_NONE;
	for (k = 0; k < w->customers; k++)
		make_person(w, s, i,
		    t->uuid ? xasprintf("user-%05u", k)
			    : xasprintf("%u", 5000000 + k));
	for (k = 0; k < w->o.operators; k++)
		make_person(w, s, i,
		    t->uuid ? xasprintf("op-%03u", k)
			    : xasprintf("%u", 501 + k));
	make_person(w, s, i, xstrdup("bot-1"));
}

void
world_init(struct world *w, struct style *s, const struct world_options *o)
{
	uint32_t i;

	*w = (struct world){ .o = *o, .dice = { o->seed } };
	w->customers = o->users / o->tenants;
	w->tenants = xcalloc(o->tenants, sizeof *w->tenants);
	w->people =
	    xcalloc((size_t)o->tenants * (w->customers + o->operators + 1),
		sizeof *w->people);
	w->chats = xcalloc(o->chats, sizeof *w->chats);
	for (i = 0; i < o->tenants; i++)
		make_tenant(w, s, i);
	for (i = 0; i < CHANNELS; i++)
		w->channel[i] = piece_string(s, "channel", channels[i]);
	for (i = 0; i < EVENT_KINDS; i++)
		w->event[i] = piece_string(s, "event", events[i]);
	phrases_init(&w->phrases, s);
}

/* A fifth of the chats have several people. Some customers write more than
 * others. */
static void
choose_customers(struct world *w, struct chat *c)
{
	uint32_t first = w->tenants[c->tenant].people, n = w->customers, i;

	c->customers = 1;
	if (dice_below(&w->dice, 5) == 0)
		c->customers +=
		    (uint8_t)(1 + dice_below(&w->dice, CUSTOMERS_MAX - 1));
	for (i = 0; i < c->customers; i++) {
		if (dice_below(&w->dice, 4) == 0)
			n = 1 + w->customers / 20;
		c->customer[i] = first + dice_below(&w->dice, n);
		n = w->customers;
	}
}

struct chat *
world_chat(struct world *w, struct style *s, uint32_t i)
{
	struct chat *c = &w->chats[i];

	if (c->name != NULL)
		return c;
	c->tenant = i % w->o.tenants;
	c->name = w->tenants[c->tenant].uuid
		      ? xasprintf("%sc-%07u", w->o.prefix, i)
		      : xasprintf("%s%u", w->o.prefix, 100000000 + i);
	c->chat = piece_string(s, "chat", c->name);
	c->language =
	    (uint8_t)dice_below(&w->dice, (uint32_t)w->phrases.languages);
	c->channel = (uint8_t)dice_below(&w->dice, CHANNELS);
	c->assignee = NO_OPERATOR;
	if (dice_below(&w->dice, 10) != 0)
		c->assignee = (int32_t)world_operator(w, c->tenant);
	choose_customers(w, c);
	return c;
}

void
world_release(struct world *w)
{
	uint32_t i;

	for (i = 0; i < w->people_n; i++)
		free(w->people[i].name);
	for (i = 0; i < w->o.chats; i++)
		free(w->chats[i].name);
	free(w->tenants);
	free(w->people);
	free(w->chats);
	phrases_release(&w->phrases);
}
