/*
 * eventcounter_ids: which event ids were counted, as 128-bit fingerprints with
 * a secret seed: 16 bytes each, and nobody can construct two ids that collide.
 *
 * There are two sets. After one window the young set becomes the old one, and
 * the previous old one is dropped: an id is remembered for at least one window
 * and at most two, and memory is bounded by the ids of two windows.
 */
#ifndef AGGREGATOR_EVENTCOUNTER_EVENTCOUNTER_IDS_H
#define AGGREGATOR_EVENTCOUNTER_EVENTCOUNTER_IDS_H

#include "common/base/buf.h"
#include "common/digest/keyed_hash.h"

#include "aggregator/state/state.h"

struct idset {
	struct keyed_hash *slots; /* at most half of them taken; 0: empty */
	size_t cap, n;
};

struct ids {
	int64_t window_ms;

	/* private */
	struct idset young, old;
	int64_t begun_ms;   /* when the young set began */
	int64_t number;     /* of the young set, from 0 */
	struct buf unsaved; /* fingerprints since the last ids_save() */
	uint64_t seed[2];
	struct state *state;
	struct state_table *tables[2]; /* by number modulo 2 */
	uint64_t runs;                 /* in the young set's table */
};

/* Loads the ids of the state; NULL: begins empty. The caller has set
 * window_ms. */
void ids_open(struct ids *ids, struct state *state);
void ids_release(struct ids *ids);

/* Adds the id; true when it is new. */
bool ids_add(struct ids *ids, const char *id, size_t len);

/* Puts the new fingerprints into the state, for its next commit, and drops the
 * old set when the window has passed. */
void ids_save(struct ids *ids);

#endif
