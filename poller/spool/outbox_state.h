/*
 * outbox_state: which way requests go through an outbox. One table says what
 * may follow what; whatever it does not have ends the program.
 *
 *                     TROUBLE                DRAINED
 *        DIRECT ----------------> DETOUR ----------------> REJOINING
 *          ^                      |    ^                     |    |
 *          |                      |    +------- TIRED -------+    |
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
#ifndef POLLER_SPOOL_OUTBOX_STATE_H
#define POLLER_SPOOL_OUTBOX_STATE_H

enum outbox_state {
	OUTBOX_DIRECT,    /* to the endpoint; its confirmation answers */
	OUTBOX_DETOUR,    /* to the spool writer: into the spool, or refused */
	OUTBOX_REJOINING, /* they wait while the spool's end is published */
	OUTBOX_ENDED,  /* to the spool writer; nothing is published any more */
	OUTBOX_CLOSED, /* to the spool writer, which ends when there is none */
	OUTBOX_STATES
};

enum outbox_event {
	OUTBOX_TROUBLE,  /* a batch is not confirmed, or the broker is away */
	OUTBOX_DRAINED,  /* the broker is back, and the spool at its end */
	OUTBOX_REJOINED, /* that end is published, too */
	OUTBOX_TIRED,    /* it was not, for longer than requests may wait */
	OUTBOX_REFUSED,  /* only a person can help */
	OUTBOX_CLOSE,    /* the publisher has ended */
	OUTBOX_EVENTS
};

/* The state that follows; OUTBOX_STATES: that cannot happen in s. */
enum outbox_state outbox_next(enum outbox_state s, enum outbox_event e);

#endif
