/*
 * allocation_place: see allocation_place.h.
 */
#include "aggregator/allocation/allocation_place.h"

#include "common/base/prog.h"

#define BIT(state) (1u << (state))

static const unsigned places[ALLOC_PLACES] = {
	[PLACE_NONE] = BIT(PLACE_NONE) | BIT(PLACE_QUEUE) | BIT(PLACE_PROMISED),
	[PLACE_QUEUE] =
	    BIT(PLACE_NONE) | BIT(PLACE_RESTING) | BIT(PLACE_AWAITING),
	[PLACE_RESTING] = BIT(PLACE_NONE) | BIT(PLACE_QUEUE),
	[PLACE_AWAITING] = BIT(PLACE_NONE) | BIT(PLACE_QUEUE),
	[PLACE_PROMISED] = BIT(PLACE_NONE) | BIT(PLACE_PROMISED),
};

static const unsigned holdings[ALLOC_HOLDINGS] = {
	[HELD_FREELY] = BIT(HELD_FREELY) | BIT(HELD_OWED),
	/* Given to the same one once more, since they did not write. */
	[HELD_OWED] = BIT(HELD_FREELY) | BIT(HELD_OWED) | BIT(HELD),
	[HELD] = BIT(HELD_FREELY) | BIT(HELD_OWED),
};

bool
alloc_place_may_follow(enum alloc_place from, enum alloc_place to)
{
	return (places[from] & BIT(to)) != 0;
}

bool
alloc_holding_may_follow(enum alloc_holding from, enum alloc_holding to)
{
	return (holdings[from] & BIT(to)) != 0;
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
alloc_holding_go(enum alloc_holding *holding, enum alloc_holding to)
{
	if (!alloc_holding_may_follow(*holding, to))
		prog_die(PROG_SOFTWARE,
		    "allocation cannot go on: holding %d after holding %d; "
		    "this is a mistake in the program",
		    (int)to, (int)*holding);
	*holding = to;
}
