/*
 * simulation_impl: shared by the files of the simulation; no other file
 * includes it.
 */
#ifndef AGGREGATOR_SIMULATION_SIMULATION_IMPL_H
#define AGGREGATOR_SIMULATION_SIMULATION_IMPL_H

#include <string.h>

#include "common/containers/strmap.h"

#include "aggregator/containers/order_stats.h"
#include "aggregator/model/model.h"
#include "aggregator/simulation/simulation.h"

enum simulation_state {
	SIMULATED_UNKNOWN, /* no record has reported its status yet */
	SIMULATED_OVER,    /* closed or gone */
	SIMULATED_ASIDE,   /* pending or snoozed */
	SIMULATED_WAITS,
	SIMULATED_HELD
};

/* Shows who assigns the operator of a chat in its current or last episode. */
enum chat_owner { OWNER_UNKNOWN, OWNER_OURS, OWNER_THEIRS };

struct simulation_operator;

struct simulation_chat {
	char *id;
	enum chat_owner owner;
	struct simulation_operator *had_by; /* for OWNER_THEIRS: the last
					     * operator */
	bool over;                          /* closed or left; it may return */
	int64_t over_at;     /* since when, if it was ever closed */
	bool due;            /* it has arrived, and is neither assigned nor
			      * closed */
	int64_t waits_since; /* without a pause; CLOCK_NONE: deferred */
	int64_t idle_at;     /* when it was last seen not waiting, or
			      * CLOCK_NONE */
	bool changed;        /* by records of the current time */
	bool named;          /* these records name its operator */
};

struct simulation_operator {
	char *id, *name; /* name: NULL if unknown */
	size_t given, theirs, breaches;
	int64_t limit, load; /* as last reported */
	int64_t busiest, busiest_at;
	int64_t above_since, above_ms; /* CLOCK_NONE: not above */
};

struct simulation {
	char *tenant;
	struct model model; /* the records, with our assignees */
	struct allocation *a;
	struct replay_log *log;
	struct allocation_listener listener;
	int64_t limit, now, longest_silence;
	struct strmap chats, operators;
	/* Chats whose assigner must be determined. */
	struct simulation_chat **changed_chats;
	size_t changed_chats_n, changed_chats_cap;
	/* Records that name the operators of chats that return at this time. */
	const struct replay_entry **returns;
	size_t returns_n, returns_cap;
	struct buf assignments; /* records, a line each */
	struct order_stats waits;
	size_t came, served, moved, unserved;
};

/* Borrows the text; NULL gives an absent text. */
static inline struct text
simulation_text(const char *s)
{
	return (struct text){ s, s != NULL ? strlen(s) : 0 };
}

#endif
