/*
 * allocation_place: where a chat is on its way to an operator, and how its
 * holder has it. One table each says what may follow what; whatever they do
 * not have ends the program.
 *
 *                 refused by all who have room
 *             +---------> RESTING ---------+  somebody has room
 *    waits    |                            |
 *   NONE --> QUEUE <-----------------------+
 *             |                            |
 *             +---------> AWAITING --------+  in vain, or they have room
 *                 the customer's last operator
 *
 *   QUEUE, RESTING, AWAITING -- it waits no more, or is reserved --> NONE
 *   NONE -- to an operator --> PROMISED -- kept, refused, expired --> NONE
 *
 * A reservation is committed, then told until it is confirmed: the tick of a
 * stream (aggregator/stream/stream_state.h).
 *
 *   HELD_FREELY -- a reservation is kept --> HELD_OWED -- they write --> HELD
 *        ^                                  |                          |
 *        +----- another holder, or closed --+--------------------------+
 */
#ifndef AGGREGATOR_ALLOCATION_ALLOCATION_PLACE_H
#define AGGREGATOR_ALLOCATION_ALLOCATION_PLACE_H

#include <stdbool.h>

enum alloc_place {
	PLACE_NONE,
	PLACE_QUEUE,    /* of its line */
	PLACE_RESTING,  /* beside it */
	PLACE_AWAITING, /* the customer's last operator */
	PLACE_PROMISED,
	ALLOC_PLACES
};

enum alloc_holding {
	HELD_FREELY, /* by nobody, or not by a reservation */
	HELD_OWED,   /* by a reservation, and the holder has not written yet */
	HELD,        /* and has */
	ALLOC_HOLDINGS
};

bool alloc_place_may_follow(enum alloc_place from, enum alloc_place to);
bool alloc_holding_may_follow(enum alloc_holding from, enum alloc_holding to);

/* The step itself. */
void alloc_place_go(enum alloc_place *place, enum alloc_place to);
void alloc_holding_go(enum alloc_holding *holding, enum alloc_holding to);

#endif
