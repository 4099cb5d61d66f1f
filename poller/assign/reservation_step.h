/*
 * reservation_step: where a reservation is on its way. One table says what may
 * follow what; whatever it does not have ends the program.
 *
 *               +----> SEEKING_FREE --> SEEKING ----> SEEKING_REPLACED
 *               |
 *   NONE ---> READING ----> SEARCHING ----> SEARCHING_REPLACED
 *              ^  ^ |                         |
 *              |  | +--------> LISTING <------+
 *              |  | |             |           |
 *              |  | +----------> GIVING <-----+
 *              |  |  refused      |
 *              |  +---------------+
 *              |
 *            WAITING <-- the CRM is away, the chat was not found once, or
 *                        nobody knows whether it was given: from every step
 *                        that asks
 *
 *   DONE: from every step but WAITING
 *
 * Each step that asks puts one question to the CRM, and its answer decides
 * which step follows. Nothing of it is kept: after a crash the assignment comes
 * again, and READING finds what was done.
 */
#ifndef POLLER_ASSIGN_RESERVATION_STEP_H
#define POLLER_ASSIGN_RESERVATION_STEP_H

#include <stdbool.h>

enum reservation_step {
	STEP_NONE,             /* nothing was asked yet */
	STEP_READING,          /* how the chat stands, and who has it */
	STEP_SEEKING_FREE,     /* not found twice: is it in a list, of none, */
	STEP_SEEKING,          /* of the operator, */
	STEP_SEEKING_REPLACED, /* or of whom they take over from */
	STEP_SEARCHING,        /* somebody has it: whether the operator */
	STEP_SEARCHING_REPLACED, /* or whom they take over from */
	STEP_LISTING,            /* it is free: what the operator has */
	STEP_GIVING,             /* the CRM may be changing */
	STEP_WAITING,            /* a pause; then it is read anew */
	STEP_DONE,
	RESERVATION_STEPS
};

/* What came of giving, until now. */
enum reservation_giving {
	GIVING_NONE,    /* the CRM was not asked to */
	GIVING_ASKED,   /* it was, and may have done it */
	GIVING_NAMED,   /* it answered who has the chat */
	GIVING_REFUSED, /* it does not give it to that operator */
};

bool reservation_may_follow(
    enum reservation_step from, enum reservation_step to);

#endif
