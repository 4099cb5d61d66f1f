/*
 * outbox_impl: what the two threads of an outbox share. Private to outbox*.c.
 *
 * The endpoints belong to the publisher. The spool writer adds to the spool,
 * the publisher reads it.
 */
#ifndef POLLER_OUTBOX_OUTBOX_IMPL_H
#define POLLER_OUTBOX_OUTBOX_IMPL_H

#include "common/endpoint/endpoint.h"
#include "poller/outbox/outbox.h"
#include "poller/outbox/outbox_state.h"

#include <pthread.h>

/* Requests in the order they came. */
struct outbox_queue {
	struct pending_request *first, **last;
};

struct outbox {
	struct outbox_options opt;

	/* The publisher's. */
	struct endpoint *out, *dead;
	struct buf batch;
	int64_t retry_ms; /* tries nothing before that time */

	/* The spool writer's: when it last logged that there is an outage, and
	 * what is wrong with the spool. */
	int64_t logged_outage_ms, logged_spool_ms;

	pthread_mutex_t lock;                /* of what follows */
	pthread_cond_t publishing, spooling; /* wake the two threads */
	pthread_t publisher, spool_writer;
	struct outbox_queue waiting;
	struct outbox_queue sent; /* the batch that is on its way */
	int64_t sent_ms;
	enum outbox_state state;
	int64_t rejoining_ms;  /* when that state began */
	bool writes_spool;     /* the spool writer does, without the lock */
	bool closing;          /* the publisher is asked to end */
	bool confirms;         /* the last try at the endpoint succeeded */
	uint64_t kept;         /* about how many lines the spool has */
	uint64_t refused_size; /* of the spool, in bytes, at a refusal; or 0 */
	enum exit_code code;   /* of OUTBOX_ENDED */
};

/* move: appends from to the end of `to`, and empties it. */
void outbox_queue_clear(struct outbox_queue *q);
void outbox_queue_add(struct outbox_queue *q, struct pending_request *p);
void outbox_queue_move(struct outbox_queue *to, struct outbox_queue *from);

/* Calls done() of all, and empties the queue. No lock is held. */
void outbox_queue_answer(struct outbox_queue *q, bool safe);

/* Waits at most ms for c; the lock is held. */
void outbox_wait(struct outbox *o, pthread_cond_t *c, int64_t ms);

/* How many lines its requests have. The lock is held. */
uint64_t outbox_queue_lines(const struct outbox_queue *q);

/* outbox_batch.c, for the publisher. */

bool outbox_has_no_broker(const struct outbox *o);

/* An endpoint of that name, not connected yet. Owned; NULL, code, *why. */
struct endpoint *outbox_endpoint(
    struct outbox *o, const char *name, enum exit_code *code, struct buf *why);

/* Writes all lines. LATER, NEVER: records may be written, too. */
enum outcome outbox_write_batch(
    struct outbox *o, const char *lines, size_t len);

/* As endpoint_flush(), of all that was written. */
enum outcome outbox_flush(struct outbox *o);

/* The endpoint that did not take a line, or did not confirm it. */
const struct endpoint *outbox_failed_endpoint(const struct outbox *o);

/* Changes the state; the lock is held. */
void outbox_step(struct outbox *o, enum outbox_event e);

/* Whether the last try at the endpoint succeeded. No lock is held. */
void outbox_confirms(struct outbox *o, bool confirms);

/* The threads. */
void *outbox_publish(void *outbox);
void *outbox_spool_writer(void *outbox);

#endif
