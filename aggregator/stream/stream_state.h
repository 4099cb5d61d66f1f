/*
 * stream_state: the states of a flush, and of a tenant in it. Two tables have
 * the events that may happen in each; any other ends the program.
 *
 * A flush:
 *
 *         COMMIT              WRITE
 *   OPEN --------> COMMITTED --------> WRITTEN
 *    ^ |                                ^   |
 *    | +------------ NOTHING -----------+   |
 *    +---------------- CONFIRM -------------+
 *
 *   FAIL, from each of them: ------> FAILED
 *
 * A tenant, whose waits grow with the time of its newest record:
 *
 *                TOUCH               REFRESH
 *   FRESH, AGED -------> TOUCHED -----------------> REFRESHED
 *                         |  ^                       |  |
 *                         |  +-------- TOUCH --------+  |
 *                         v SENT                        v SENT
 *                        AGED                         FRESH
 */
#ifndef AGGREGATOR_STREAM_STREAM_STATE_H
#define AGGREGATOR_STREAM_STREAM_STATE_H

enum stream_state {
	STREAM_OPEN,      /* records come in and are not committed */
	STREAM_COMMITTED, /* they are, with the keys of pending rows */
	STREAM_WRITTEN,   /* rows and reservations are, and not confirmed */
	STREAM_FAILED,    /* nothing is committed any more; the keys stay */
	STREAM_STATES
};

enum stream_event {
	STREAM_COMMIT,  /* state_commit() succeeded */
	STREAM_WRITE,   /* the outputs took all rows and reservations */
	STREAM_NOTHING, /* no tenant was touched: nothing is written */
	STREAM_CONFIRM, /* both outputs confirm all that was written */
	STREAM_FAIL,    /* an outcome is NEVER */
	STREAM_EVENTS
};

enum stream_age {
	TENANT_FRESH,     /* its written rows are as of its newest record */
	TENANT_AGED,      /* time went on since: waits would be longer */
	TENANT_TOUCHED,   /* this flush writes what changed; waits are old */
	TENANT_REFRESHED, /* this flush writes its waits, too */
	TENANT_AGES
};

enum stream_tenant_event {
	TENANT_TOUCH,   /* a record of it came, or something is due */
	TENANT_REFRESH, /* its waits were recomputed */
	TENANT_SENT,    /* its rows are written */
	TENANT_EVENTS
};

/* The next state; STREAM_STATES, TENANT_AGES: the event cannot happen there. */
enum stream_state stream_next(enum stream_state s, enum stream_event e);
enum stream_age stream_age_next(enum stream_age a, enum stream_tenant_event e);

#endif
