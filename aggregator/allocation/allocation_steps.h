/*
 * allocation_steps: tables of steps: where a chat is on its way to an operator,
 * and whether its assignee has answered it. Each table has the steps that may
 * follow, the same place included; any other step ends the program.
 *
 *               refused by all who have room
 *             +---------> PAUSED ----------+  somebody has room
 *    waits    |                            |
 *   NONE --> QUEUE <-----------------------+
 *             |                            |
 *             +---------> AWAITING --------+  in vain, or they have room
 *                 the customer's last operator
 *
 *   QUEUE, PAUSED, AWAITING -- it waits no more, or is reserved --> NONE
 *   NONE -- for an operator --> RESERVED -- kept, refused, expired --> NONE
 *
 * A reservation is committed, then published until it is confirmed: the flush
 * of a stream (aggregator/stream/stream_state.h).
 *
 *   ANSWER_NONE -- a reservation is fulfilled --> ANSWER_OWED -- they write -->
 *   ANSWER_GIVEN; another assignee, or closed: back to ANSWER_NONE
 */
#ifndef AGGREGATOR_ALLOCATION_ALLOCATION_STEPS_H
#define AGGREGATOR_ALLOCATION_ALLOCATION_STEPS_H

#include <stdbool.h>

enum alloc_place {
	PLACE_NONE,
	PLACE_QUEUE,    /* in the queue of its line */
	PLACE_PAUSED,   /* out of the queue, after refusals */
	PLACE_AWAITING, /* out of the queue, for the customer's last operator */
	PLACE_RESERVED,
	ALLOC_PLACES
};

enum alloc_answer {
	ANSWER_NONE,  /* no assignee, or not by a reservation */
	ANSWER_OWED,  /* assigned by a reservation, and not answered */
	ANSWER_GIVEN, /* and answered */
	ALLOC_ANSWERS
};

/* Takes the step. */
void alloc_place_go(enum alloc_place *place, enum alloc_place to);
void alloc_answer_go(enum alloc_answer *answer, enum alloc_answer to);

#endif
