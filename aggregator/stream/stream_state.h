/*
 * stream_state: how far the tick in hand is, and what it does to a tenant. Two
 * tables say what may follow what; whatever they do not have ends the program.
 *
 * A tick:
 *
 *          COMMIT              WRITE
 *   OPEN ----------> COMMITTED ------> WRITTEN      FAIL, from each of them:
 *    ^ |                                ^   |          ----> FAILED
 *    | +------------ NOTHING -----------+   |
 *    +------------------ CONFIRM -----------+
 *
 * A tenant, whose waits go on with the time that its records tell:
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
	STREAM_OPEN,      /* records come in; they are not committed */
	STREAM_COMMITTED, /* they are, with the marks of the rows to write */
	STREAM_WRITTEN,   /* rows and reservations are, and not confirmed */
	STREAM_FAILED,    /* nothing is committed any more; the marks stay */
	STREAM_STATES
};

enum stream_event {
	STREAM_COMMIT,  /* state_commit() was good */
	STREAM_WRITE,   /* all rows and reservations were taken */
	STREAM_NOTHING, /* no tenant was touched: nothing is written */
	STREAM_CONFIRM, /* both ends confirm all that was written */
	STREAM_FAIL,    /* an answer is NEVER */
	STREAM_EVENTS
};

enum stream_age {
	TENANT_FRESH,     /* its rows are of the time that it tells */
	TENANT_AGED,      /* its time went on since: waits would be longer */
	TENANT_TOUCHED,   /* this tick writes what changed; waits are old */
	TENANT_REFRESHED, /* this tick writes its waits, too */
	TENANT_AGES
};

enum stream_tenant_event {
	TENANT_TOUCH,   /* a record of it, or something that is due */
	TENANT_REFRESH, /* its waits were settled */
	TENANT_SENT,    /* its rows are confirmed */
	TENANT_EVENTS
};

/* What follows; STREAM_STATES, TENANT_AGES: that cannot happen there. */
enum stream_state stream_next(enum stream_state s, enum stream_event e);
enum stream_age stream_age_next(enum stream_age a, enum stream_tenant_event e);

#endif
