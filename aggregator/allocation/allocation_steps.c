/*
 * allocation_steps: see allocation_steps.h.
 */
#include "aggregator/allocation/allocation_steps.h"

#include "common/base/prog.h"

#define BIT(state) (1u << (state))

static const unsigned places[ALLOC_PLACES] = {
	[PLACE_NONE] = BIT(PLACE_NONE) | BIT(PLACE_QUEUE) | BIT(PLACE_RESERVED),
	[PLACE_QUEUE] =
	    BIT(PLACE_NONE) | BIT(PLACE_PAUSED) | BIT(PLACE_AWAITING),
	[PLACE_PAUSED] = BIT(PLACE_NONE) | BIT(PLACE_QUEUE),
	[PLACE_AWAITING] = BIT(PLACE_NONE) | BIT(PLACE_QUEUE),
	[PLACE_RESERVED] = BIT(PLACE_NONE) | BIT(PLACE_RESERVED),
};

static const unsigned answers[ALLOC_ANSWERS] = {
	[ANSWER_NONE] = BIT(ANSWER_NONE) | BIT(ANSWER_OWED),
	/* Assigned to the same operator again, who did not answer. */
	[ANSWER_OWED] = BIT(ANSWER_NONE) | BIT(ANSWER_OWED) | BIT(ANSWER_GIVEN),
	[ANSWER_GIVEN] = BIT(ANSWER_NONE) | BIT(ANSWER_OWED),
};

static bool
alloc_place_may_follow(enum alloc_place from, enum alloc_place to)
{
	return (places[from] & BIT(to)) != 0;
}

static bool
alloc_answer_may_follow(enum alloc_answer from, enum alloc_answer to)
{
	return (answers[from] & BIT(to)) != 0;
}

void
alloc_place_go(enum alloc_place *place, enum alloc_place to)
{
	if (!alloc_place_may_follow(*place, to))
		prog_die(PROG_SOFTWARE,
		    "allocation cannot go on: place %d after place %d; this is "
		    "a mistake in the program",
		    (int)to, (int)*place);
	*place = to;
}

void
alloc_answer_go(enum alloc_answer *answer, enum alloc_answer to)
{
	if (!alloc_answer_may_follow(*answer, to))
		prog_die(PROG_SOFTWARE,
		    "allocation cannot go on: answer %d after answer %d; "
		    "this is a mistake in the program",
		    (int)to, (int)*answer);
	*answer = to;
}
