/*
 * reservation_steps: the states of a reservation; none is stored (what a crash
 * leaves: reservation_decide.c reads the chat first). One table lists which may
 * follow which; any other transition ends the program. What decides between
 * those that may is reservation_decide.c.
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
 *                        state that asks
 *
 *   DONE: from every state but WAITING
 *
 * Each state that asks sends one question to the CRM, and the answer decides
 * the next one. After a crash the assignment comes again, and READING finds
 * what was done.
 */
#ifndef POLLER_ASSIGN_RESERVATION_STEPS_H
#define POLLER_ASSIGN_RESERVATION_STEPS_H

#include <stdbool.h>

enum reservation_state {
	STATE_NONE,               /* not started */
	STATE_READING,            /* the chat: its status and assignee */
	STATE_SEEKING_FREE,       /* not found twice: the unassigned chats, */
	STATE_SEEKING,            /* the operator's, */
	STATE_SEEKING_REPLACED,   /* and those of the replaced operator */
	STATE_SEARCHING,          /* assignee not named: the operator's chats */
	STATE_SEARCHING_REPLACED, /* and the replaced operator's */
	STATE_LISTING,            /* may be given: the operator's open chats */
	STATE_GIVING,             /* the CRM is asked to assign it */
	STATE_WAITING,            /* a pause; then READING */
	STATE_DONE,
	RESERVATION_STATES
};

/* The result of GIVING so far. */
enum reservation_giving {
	GIVING_NONE,    /* not asked */
	GIVING_ASKED,   /* asked; the CRM may have done it */
	GIVING_NAMED,   /* the answer names the assignee */
	GIVING_REFUSED, /* the CRM refused */
};

bool reservation_may_follow(
    enum reservation_state from, enum reservation_state to);

#endif
