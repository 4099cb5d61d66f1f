/*
 * eventcounter_ids: which message ids were seen, as 128-bit fingerprints under
 * a secret seed: so they take 16 bytes each, and nobody can make two collide.
 *
 * There are two generations. The young one becomes the old one after a window
 * of time, and the old one is forgotten: an id is remembered for one window at
 * least and two at most, and the memory is bounded by what comes in two.
 */
#ifndef AGGREGATOR_EVENTCOUNTER_EVENTCOUNTER_IDS_H
#define AGGREGATOR_EVENTCOUNTER_EVENTCOUNTER_IDS_H

#include "common/base/buf.h"
#include "common/base/keyed_hash.h"

#include "aggregator/state/state.h"

struct idset {
	struct keyed_hash *slots; /* at most half of them taken; 0: empty */
	size_t cap, n;
};

struct ids {
	int64_t window_ms;

	/* private */
	struct idset young, old;
	int64_t begun_ms;  /* when the young generation began */
	int64_t number;    /* of the young generation */
	struct buf unkept; /* fingerprints since the last ids_keep() */
	uint64_t seed[2];
	struct state *state;
	struct state_table *tables[2]; /* by number modulo 2 */
	uint64_t runs;                 /* in the young one's table */
};

/* With what the state has; NULL: nothing. The window is set before. */
void ids_open(struct ids *ids, struct state *state);
void ids_release(struct ids *ids);

/* True when that id was not seen before. */
bool ids_add(struct ids *ids, const char *id, size_t len);

/* Puts what is new into the state, for its next commit; and forgets what is
 * old. */
void ids_keep(struct ids *ids);

#endif
