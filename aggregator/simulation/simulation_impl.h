/*
 * simulation_impl: what the files of the simulation share; no other includes
 * it.
 */
#ifndef AGGREGATOR_SIMULATION_SIMULATION_IMPL_H
#define AGGREGATOR_SIMULATION_SIMULATION_IMPL_H

#include <string.h>

#include "common/containers/strmap.h"

#include "aggregator/containers/order_stats.h"
#include "aggregator/model/model.h"
#include "aggregator/simulation/simulation.h"

enum simulation_state {
	SIMULATED_UNKNOWN, /* nothing has said what it is yet */
	SIMULATED_OVER,    /* closed or gone */
	SIMULATED_ASIDE,   /* pending or snoozed */
	SIMULATED_WAITS,
	SIMULATED_HELD
};

/* Who assigns the operator of a chat in its present or last episode. */
enum chat_owner { OWNER_UNKNOWN, OWNER_OURS, OWNER_THEIRS };

struct simulation_operator;

struct simulation_chat {
	char *id;
	enum chat_owner owner;
	struct simulation_operator *had_by; /* of OWNER_THEIRS: the last one */
	bool over;           /* it ended or left, and may return */
	int64_t over_at;     /* since when, if it ever was */
	bool due;            /* it came, and was neither given nor is it over */
	int64_t waits_since; /* without a pause; CLOCK_NONE: it is set aside */
	int64_t idle_at;     /* when it was last seen not to, or CLOCK_NONE */
	bool changed;        /* by records of the present time */
	bool named;          /* they say who has it */
};

struct simulation_operator {
	char *id, *name; /* name: NULL if unknown */
	size_t given, theirs, breaches;
	int64_t limit, load; /* as last reported */
	bool load_changed;   /* since it was compared with the limit */
	int64_t busiest, busiest_at;
	int64_t above_since, above_ms; /* CLOCK_NONE: not above */
	bool worked, allowed; /* both at some time: they could get chats */
};

/* A reservation, from when it is made; it is written in the end. */
struct simulation_assignment {
	char *chat, *operator_id, *id;
	char *replaces; /* NULL: nobody */
	int64_t at, expires, max_chats;
};

struct simulation {
	char *tenant;
	struct model model;     /* of the records, with our assignees */
	struct model *snapshot; /* that is being replayed; NULL: none */
	const struct definition *definition;
	struct allocation *a;
	struct replay_log *log;
	struct allocation_listener listener;
	int64_t limit, now, longest_silence;
	struct strmap chats, operators;
	struct simulation_operator **changed; /* whose load is to be compared */
	size_t changed_n, changed_cap;
	struct simulation_chat **changed_chats; /* whose owner is to be found */
	size_t changed_chats_n, changed_chats_cap;
	/* Who say who has a chat, if it returns at the present time. */
	const struct replay_entry **returns;
	size_t returns_n, returns_cap;
	struct simulation_assignment *assignments;
	size_t assignments_n, assignments_cap, fulfilled;
	struct order_stats waits;
	size_t came, served, unserved;
};

/* Borrowed; of NULL: nothing. */
static inline struct text
simulation_text(const char *s)
{
	return (struct text){ s, s != NULL ? strlen(s) : 0 };
}

#endif
