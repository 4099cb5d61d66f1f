/*
 * stream_state: the tables that stream_state.h draws.
 */
#include "aggregator/stream/stream_state.h"

/* States are stored plus one, because a missing entry, 0, cannot happen. */
#define TO(state) ((unsigned char)((state) + 1))

static const unsigned char flush[STREAM_STATES][STREAM_EVENTS] = {
	[STREAM_OPEN] = { [STREAM_COMMIT] = TO(STREAM_COMMITTED),
	    [STREAM_NOTHING] = TO(STREAM_WRITTEN),
	    [STREAM_FAIL] = TO(STREAM_FAILED) },
	[STREAM_COMMITTED] = { [STREAM_WRITE] = TO(STREAM_WRITTEN),
	    [STREAM_FAIL] = TO(STREAM_FAILED) },
	[STREAM_WRITTEN] = { [STREAM_CONFIRM] = TO(STREAM_OPEN),
	    [STREAM_FAIL] = TO(STREAM_FAILED) },
};

static const unsigned char tenant[TENANT_AGES][TENANT_EVENTS] = {
	[TENANT_FRESH] = { [TENANT_TOUCH] = TO(TENANT_TOUCHED) },
	[TENANT_AGED] = { [TENANT_TOUCH] = TO(TENANT_TOUCHED) },
	[TENANT_TOUCHED] = { [TENANT_TOUCH] = TO(TENANT_TOUCHED),
	    [TENANT_REFRESH] = TO(TENANT_REFRESHED),
	    [TENANT_SENT] = TO(TENANT_AGED) },
	[TENANT_REFRESHED] = { [TENANT_TOUCH] = TO(TENANT_TOUCHED),
	    [TENANT_SENT] = TO(TENANT_FRESH) },
};

enum stream_state
stream_next(enum stream_state s, enum stream_event e)
{
	unsigned to = flush[s][e];

	return to != 0 ? (enum stream_state)(to - 1) : STREAM_STATES;
}

enum stream_age
stream_age_next(enum stream_age a, enum stream_tenant_event e)
{
	unsigned to = tenant[a][e];

	return to != 0 ? (enum stream_age)(to - 1) : TENANT_AGES;
}
