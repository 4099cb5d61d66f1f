/*
 * sim: the whole simulator: its accounts (a token is an account with its own
 * world), its clock, its counters and its faults. One thread, one caller:
 * server.c.
 */
#ifndef TESTS_CRM_SIM_H
#define TESTS_CRM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/crm/call.h"
#include "tests/crm/fault_injection.h"
#include "tests/crm/push.h"
#include "tests/crm/world.h"

/* The first half is Chat2Desk's, the second Qiscus's or Chatwoot's; the last of
 * each counts what is not a route. */
#define SIM_ROUTES 64

struct sim {
	struct world *worlds;
	size_t worlds_n;
	int64_t now_ms;      /* the world's clock as of mono_ms */
	int64_t mono_ms;     /* our monotonic clock then */
	int64_t speed_milli; /* simulated ms a real second; 0: frozen */
	int64_t latency_ms;
	int64_t quota;      /* calls an account has; 0: no end */
	int64_t per_minute; /* calls an account may make; 0: no end */
	bool honour_offset; /* on /messages too */
	bool ignore_reverse;
	bool auto_assign; /* Chatwoot's first inbox and team say that it does */
	uint64_t calls;
	uint64_t by_route[SIM_ROUTES];
	struct fault_set faults;
	struct buf report; /* Chatwoot's, of its agents */
	struct push *push; /* webhooks on their way; NULL: of Chat2Desk */
};

/* Answers one call. */
void sim_answer(struct sim *s, struct call *c, struct answer *a);

/* The name of a route that was counted; NULL: none. */
const char *sim_route_name(const struct sim *s, size_t index, struct buf *text);

/* Sends webhooks for new events. Returns the ms until the next call. */
int64_t sim_turn(struct sim *s);

/* The world's clock; the worlds are run up to it. */
int64_t sim_now(struct sim *s);

/* Moves it forward. */
void sim_advance(struct sim *s, int64_t ms);

#endif
