/*
 * reservation_steps: see reservation_steps.h.
 */
#include "poller/assign/reservation_steps.h"

#define BIT(state) (1u << (state))

static const unsigned follow[RESERVATION_STATES] = {
	/* DONE: an earlier reading of the chat was after expires, or the CRM is
	 * away. */
	[STATE_NONE] = BIT(STATE_READING) | BIT(STATE_DONE),
	[STATE_READING] = BIT(STATE_SEEKING_FREE) | BIT(STATE_SEARCHING) |
			  BIT(STATE_LISTING) | BIT(STATE_GIVING) |
			  BIT(STATE_WAITING) | BIT(STATE_DONE),
	/* In none of these lists: it is gone. */
	[STATE_SEEKING_FREE] =
	    BIT(STATE_SEEKING) | BIT(STATE_WAITING) | BIT(STATE_DONE),
	[STATE_SEEKING] =
	    BIT(STATE_SEEKING_REPLACED) | BIT(STATE_WAITING) | BIT(STATE_DONE),
	[STATE_SEEKING_REPLACED] = BIT(STATE_WAITING) | BIT(STATE_DONE),
	/* DONE: found in the operator's list. */
	[STATE_SEARCHING] = BIT(STATE_SEARCHING_REPLACED) | BIT(STATE_WAITING) |
			    BIT(STATE_DONE),
	[STATE_SEARCHING_REPLACED] = BIT(STATE_LISTING) | BIT(STATE_GIVING) |
				     BIT(STATE_WAITING) | BIT(STATE_DONE),
	[STATE_LISTING] =
	    BIT(STATE_GIVING) | BIT(STATE_WAITING) | BIT(STATE_DONE),
	/* READING: after a refusal, for the outcome. */
	[STATE_GIVING] =
	    BIT(STATE_READING) | BIT(STATE_WAITING) | BIT(STATE_DONE),
	[STATE_WAITING] = BIT(STATE_READING),
};

bool
reservation_may_follow(enum reservation_state from, enum reservation_state to)
{
	return (follow[from] & BIT(to)) != 0;
}
