/*
 * sim: the whole simulator: its accounts (a token identifies an account with
 * its own world), its clock, its counters and its faults. Only server.c calls
 * it, from one thread.
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

/* At least the number of routes, and one more. */
#define SIM_ROUTES 64

struct sim {
	struct world *worlds;
	size_t worlds_n;
	int64_t now_ms;      /* the world's clock at mono_ms */
	int64_t mono_ms;     /* our monotonic clock at that moment */
	int64_t speed_milli; /* simulated ms per real second; 0: frozen */
	int64_t latency_ms;
	bool honour_offset; /* on /messages too */
	bool auto_assign; /* auto-assignment is on in Chatwoot's first inbox and
			   * team */
	uint64_t calls;
	uint64_t by_route[SIM_ROUTES]; /* the one after the last route: calls
					* without a route */
	struct fault_set faults;
	struct buf report; /* Chatwoot's report about its agents */
	struct push *push; /* webhooks to be sent; NULL for Chat2Desk */
};

/* Answers one call. */
void sim_answer(struct sim *s, struct call *c, struct answer *a);

/* Returns the name of a counted route; NULL if there is none. */
const char *sim_route_name(const struct sim *s, size_t index, struct buf *text);

/* Sends webhooks for new events. Returns the milliseconds until the next call
 * is due. */
int64_t sim_turn(struct sim *s);

/* Returns the world's clock, and runs the worlds up to it. */
int64_t sim_now(struct sim *s);

/* Moves it forward. */
void sim_advance(struct sim *s, int64_t ms);

#endif
