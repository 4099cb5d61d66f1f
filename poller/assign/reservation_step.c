/*
 * reservation_step: see reservation_step.h.
 */
#include "poller/assign/reservation_step.h"

#define BIT(step) (1u << (step))

static const unsigned follow[RESERVATION_STEPS] = {
	/* DONE: an earlier reading of the chat was after expires, or the CRM is
	 * away. */
	[STEP_NONE] = BIT(STEP_READING) | BIT(STEP_DONE),
	[STEP_READING] = BIT(STEP_SEEKING_FREE) | BIT(STEP_SEARCHING) |
			 BIT(STEP_LISTING) | BIT(STEP_GIVING) |
			 BIT(STEP_WAITING) | BIT(STEP_DONE),
	/* In none of these lists: it is gone. */
	[STEP_SEEKING_FREE] =
	    BIT(STEP_SEEKING) | BIT(STEP_WAITING) | BIT(STEP_DONE),
	[STEP_SEEKING] =
	    BIT(STEP_SEEKING_REPLACED) | BIT(STEP_WAITING) | BIT(STEP_DONE),
	[STEP_SEEKING_REPLACED] = BIT(STEP_WAITING) | BIT(STEP_DONE),
	/* DONE: found in the operator's list. */
	[STEP_SEARCHING] =
	    BIT(STEP_SEARCHING_REPLACED) | BIT(STEP_WAITING) | BIT(STEP_DONE),
	[STEP_SEARCHING_REPLACED] = BIT(STEP_LISTING) | BIT(STEP_GIVING) |
				    BIT(STEP_WAITING) | BIT(STEP_DONE),
	[STEP_LISTING] = BIT(STEP_GIVING) | BIT(STEP_WAITING) | BIT(STEP_DONE),
	/* READING: after a refusal, for the outcome. */
	[STEP_GIVING] = BIT(STEP_READING) | BIT(STEP_WAITING) | BIT(STEP_DONE),
	[STEP_WAITING] = BIT(STEP_READING),
};

bool
reservation_may_follow(enum reservation_step from, enum reservation_step to)
{
	return (follow[from] & BIT(to)) != 0;
}
