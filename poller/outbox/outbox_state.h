/*
 * outbox_state: the states of an outbox: who takes its requests. A transition
 * that is not in the table ends the program.
 *
 *                      OUTAGE                DRAINED
 *        DIRECT ----------------> DETOUR ----------------> REJOINING
 *          ^                      |    ^                     |    |
 *          |                      |    +----- TIMED_OUT -----+    |
 *          |              REFUSED |                               |
 *          +----------------------|-------- REJOINED -------------+
 *                                 v
 *                               ENDED
 *
 *        DIRECT, DETOUR, ENDED -- CLOSE --> CLOSED
 *
 * DIRECT is the only state in which the publisher takes requests; in all
 * others but REJOINING the spool writer does. REJOINING is short: the order of
 * requests is kept only if nothing is added to the spool while its end is
 * published.
 */
#ifndef POLLER_OUTBOX_OUTBOX_STATE_H
#define POLLER_OUTBOX_OUTBOX_STATE_H

enum outbox_state {
	OUTBOX_DIRECT,    /* to the endpoint; its confirmation answers */
	OUTBOX_DETOUR,    /* to the spool writer: into the spool, or refused */
	OUTBOX_REJOINING, /* they wait while the spool's end is published */
	OUTBOX_ENDED,     /* to the spool writer; nothing is published */
	OUTBOX_CLOSED,    /* to the spool writer, which ends after the last */
	OUTBOX_STATES
};

enum outbox_event {
	OUTBOX_OUTAGE,    /* a batch is not confirmed, or the broker is away */
	OUTBOX_DRAINED,   /* the broker is back, and the spool at its end */
	OUTBOX_REJOINED,  /* that end is published, too */
	OUTBOX_TIMED_OUT, /* it is not, and requests wait for too long */
	OUTBOX_REFUSED,   /* only an operator can help */
	OUTBOX_CLOSE,     /* the publisher has ended */
	OUTBOX_EVENTS
};

/* The state that follows; OUTBOX_STATES: that cannot happen in s. */
enum outbox_state outbox_next(enum outbox_state s, enum outbox_event e);

#endif
