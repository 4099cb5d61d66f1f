/*
 * world: the tenants, the people of each (customers, operators, a bot), and the
 * chats.
 */
#ifndef TESTS_LOADGEN_WORLD_H
#define TESTS_LOADGEN_WORLD_H

#include "tests/loadgen/fields.h"
#include "tests/loadgen/phrases.h"

enum { EVENT_KINDS = 5, CHANNELS = 5, CUSTOMERS_MAX = 4, NO_OPERATOR = -1 };

enum world_ids { IDS_MIXED, IDS_NUMBER, IDS_UUID };

struct world_options {
	uint64_t seed;
	uint32_t tenants, users, operators, chats;
	const char *prefix; /* of names of chats and ids of messages */
	enum world_ids ids;
};

struct person {
	char *name;
	struct text user, to;    /* "user":..., "to":... */
	struct text operator_id; /* "operator":..., of operators */
	uint32_t tenant;
};

enum chat_state { ST_NEW, ST_CUSTOMER, ST_OPERATOR, ST_BOT, ST_CLOSED };

struct chat {
	char *name; /* NULL: nobody ever wrote in it */
	struct text chat;
	uint32_t tenant;
	uint8_t language, channel, state, customers;
	bool described, opened_before;
	int32_t assignee; /* an operator's index in people, or NO_OPERATOR */
	uint32_t customer[CUSTOMERS_MAX];
	bool written; /* it has a message that is not too late */
};

enum { RECENT = 64 };

struct tenant {
	char name[16];
	struct text tenant;
	bool uuid;
	uint32_t people;         /* its first one: customers, operators, bot */
	uint32_t serial;         /* of the last message's id */
	uint32_t recent[RECENT]; /* whose the last ids were */
	int64_t newest;          /* at of what was written, or CLOCK_NONE */
};

struct world {
	struct world_options o;
	struct dice dice;
	struct tenant *tenants;
	struct person *people;
	struct chat *chats;
	struct text channel[CHANNELS];
	struct text event[EVENT_KINDS];
	struct phrases phrases;
	size_t people_n;
	uint32_t customers; /* of a tenant */
};

/* Parts are made with s, which must outlive the world. */
void world_init(
    struct world *w, struct style *s, const struct world_options *o);
void world_release(struct world *w);

/* Returns the chat with that number, which is created on its first use. */
struct chat *world_chat(struct world *w, struct style *s, uint32_t i);

static inline uint32_t
world_operator(struct world *w, uint32_t tenant)
{
	return w->tenants[tenant].people + w->customers +
	       dice_below(&w->dice, w->o.operators);
}

static inline uint32_t
world_bot(const struct world *w, uint32_t tenant)
{
	return w->tenants[tenant].people + w->customers + w->o.operators;
}

#endif
