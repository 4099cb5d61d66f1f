/*
 * outbox_state: see outbox_state.h.
 */
#include "poller/outbox/outbox_state.h"

#include <stddef.h>

/* A row for what happens: from, to. */
static const struct {
	enum outbox_event event;
	enum outbox_state from, to;
} transitions[] = {
	{ OUTBOX_OUTAGE, OUTBOX_DIRECT, OUTBOX_DETOUR },
	/* The spool writer had noticed before the publisher did. */
	{ OUTBOX_OUTAGE, OUTBOX_DETOUR, OUTBOX_DETOUR },
	{ OUTBOX_DRAINED, OUTBOX_DETOUR, OUTBOX_REJOINING },
	{ OUTBOX_REJOINED, OUTBOX_REJOINING, OUTBOX_DIRECT },
	{ OUTBOX_TIMED_OUT, OUTBOX_REJOINING, OUTBOX_DETOUR },
	{ OUTBOX_REFUSED, OUTBOX_DETOUR, OUTBOX_ENDED },
	{ OUTBOX_CLOSE, OUTBOX_DIRECT, OUTBOX_CLOSED },
	{ OUTBOX_CLOSE, OUTBOX_DETOUR, OUTBOX_CLOSED },
	{ OUTBOX_CLOSE, OUTBOX_ENDED, OUTBOX_CLOSED },
};

enum outbox_state
outbox_next(enum outbox_state s, enum outbox_event e)
{
	size_t i;

	for (i = 0; i < sizeof transitions / sizeof *transitions; i++)
		if (transitions[i].event == e && transitions[i].from == s)
			return transitions[i].to;
	return OUTBOX_STATES;
}
