/*
 * reservation_step: the steps of a reservation. One table lists which step may
 * follow which; any other transition ends the program.
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
 *            WAITING <-- the CRM is unreachable, the chat was not found once,
 *                        or it is unknown whether it was given: from every
 *                        step that asks
 *
 *   DONE: from every step but WAITING
 *
 * Each step that asks sends one question to the CRM, and the answer decides
 * the next step. No step is stored: after a crash the assignment comes again,
 * and READING finds what was done.
 */
#ifndef POLLER_ASSIGN_RESERVATION_STEP_H
#define POLLER_ASSIGN_RESERVATION_STEP_H

#include <stdbool.h>

enum reservation_step {
	STEP_NONE,               /* not started */
	STEP_READING,            /* the chat: its status and assignee */
	STEP_SEEKING_FREE,       /* not found twice: the unassigned chats, */
	STEP_SEEKING,            /* the operator's, */
	STEP_SEEKING_REPLACED,   /* and those of the replaced operator */
	STEP_SEARCHING,          /* assignee not named: the operator's chats */
	STEP_SEARCHING_REPLACED, /* and the replaced operator's */
	STEP_LISTING,            /* may be given: the operator's open chats */
	STEP_GIVING,             /* the CRM is asked to assign it */
	STEP_WAITING,            /* a pause; then READING */
	STEP_DONE,
	RESERVATION_STEPS
};

/* The result of GIVING so far. */
enum reservation_giving {
	GIVING_NONE,    /* not asked */
	GIVING_ASKED,   /* asked; the CRM may have done it */
	GIVING_NAMED,   /* the answer names the assignee */
	GIVING_REFUSED, /* the CRM refused */
};

bool reservation_may_follow(
    enum reservation_step from, enum reservation_step to);

#endif
