/*
 * outbox_impl: what the two threads of an outbox share. Private to outbox*.c.
 *
 * The endpoints are the publisher's alone; adding to the spool is the
 * spool writer's, reading it the publisher's. What stands behind the lock says
 * so.
 */
#ifndef POLLER_SPOOL_OUTBOX_IMPL_H
#define POLLER_SPOOL_OUTBOX_IMPL_H

#include "common/endpoint/endpoint.h"
#include "poller/spool/outbox.h"
#include "poller/spool/outbox_state.h"

#include <pthread.h>

/* Requests, one behind the other. */
struct outbox_line {
	struct pending_request *first, **last;
};

struct outbox {
	struct outbox_options opt;
	struct endpoint *out, *dead; /* the publisher's */
	struct buf batch;            /* the publisher's */
	bool letter_failed;          /* the publisher's: of the batch */
	int64_t rest_ms;             /* the publisher's: not to try before */
	int64_t told_ms;             /* the spool writer's */

	pthread_mutex_t lock;
	pthread_cond_t work, trouble; /* for publisher and spool writer */
	pthread_t publisher, spool_writer;
	struct outbox_line waiting;
	struct outbox_line sent; /* the batch that is on its way */
	int64_t sent_ms;
	enum outbox_state state;
	int64_t rejoining_ms; /* since then */
	bool keeping;  /* the spool writer is at work, without the lock */
	bool closing;  /* the publisher is asked to end */
	bool confirms; /* the last try was good */
	uint64_t kept; /* lines of the spool, about */
	uint64_t refused_size; /* the spool's, when it took no more; or 0 */
	enum exit_code code;
};

/* Of a line. move: behind the end of `to`; from is empty then. */
void outbox_line_clear(struct outbox_line *l);
void outbox_line_add(struct outbox_line *l, struct pending_request *p);
void outbox_line_move(struct outbox_line *to, struct outbox_line *from);

/* Tells all of them; the line is empty then. No lock is held. */
void outbox_answer(struct outbox_line *l, bool safe);

/* Waits at most ms for c; the lock is held. */
void outbox_wait(struct outbox *o, pthread_cond_t *c, int64_t ms);

/* An endpoint of that name that has not reached for the broker yet. */
struct endpoint *outbox_endpoint(
    struct outbox *o, const char *name, enum exit_code *code, struct buf *why);

/* The state that follows; the lock is held. */
void outbox_step(struct outbox *o, enum outbox_event e);

/* What the last try at the endpoint came to. */
void outbox_confirms(struct outbox *o, bool confirms);

/* The publisher's thread. */
void *outbox_publish(void *outbox);

#endif
