/*
 * endpoint_amqp: shared by the reading and the writing end of a queue. Private
 * to endpoint_amqp*.c.
 *
 * Each end owns one link. The next call that needs a lost link re-establishes
 * it, with back-off. The reading end then drops its messages, because they are
 * delivered again; the writing end sends unconfirmed messages again.
 */
#ifndef COMMON_ENDPOINT_ENDPOINT_AMQP_H
#define COMMON_ENDPOINT_ENDPOINT_AMQP_H

#include "common/amqp/amqp_declare.h"
#include "common/amqp/amqp_link.h"
#include "common/endpoint/endpoint_impl.h"
#include "common/os/retry.h"

/* The longest single wait; stop and time-outs are checked between waits. */
#define AMQP_SLICE_MS 250

struct amqp_endpoint {
	struct endpoint base;
	struct amqp_link link;
	char *queue;
	const char *exchange, *binding; /* see endpoint_options; NULL: the queue
					 * is ours */
	bool wait_forever;
	int64_t timeout_ms;         /* otherwise: [amqp] wait_timeout */
	bool present;               /* reading: as in endpoint_options */
	bool sole;                  /* reading: as the only reader */
	void (*waiting)(void *ctx); /* as in endpoint_options, or NULL */
	void *waiting_ctx;
	const char *lock; /* writing: as in endpoint_options, or NULL */
	bool locked_out;  /* another connection holds the lock */

	struct retry retry;
	int64_t held_ms;         /* when a sole reader last had its lock */
	int64_t next_try_ms;     /* do not connect earlier */
	int64_t up_since_ms;     /* when the link was made */
	int64_t outage_since_ms; /* 0: no outage */
	bool gone;               /* the link ended because the queue was
				  * deleted */

	/* Prepares a new channel for its direction. */
	enum outcome (*set_up)(struct amqp_endpoint *a);
};

/* Fills a, which the caller has allocated. Returns 0, or -1 with *why and
 * *code. */
int endpoint_amqp_init(struct amqp_endpoint *a, const char *queue, bool writing,
    const struct endpoint_options *opt, struct buf *why, enum exit_code *code)
    __attribute__((warn_unused_result));
void endpoint_amqp_release(struct amqp_endpoint *a);

/* Connects if the link is down and next_try_ms has come; sleeps at most
 * wait_ms, and takes as long as a login may take. DONE: the link is up. LATER:
 * not yet. NEVER: a retry would not help. The last two set base.why and
 * base.code. */
enum outcome endpoint_amqp_connect(struct amqp_endpoint *a, int wait_ms)
    __attribute__((warn_unused_result));

/* Takes the lock of a sole reader, or finds that it still has it. A reader
 * holds it while it is connected. A broker that loses the connection frees the
 * lock at once; if it only becomes silent, after two to three heartbeats. If
 * another program has it, drops the link. */
enum outcome endpoint_amqp_hold(struct amqp_endpoint *a)
    __attribute__((warn_unused_result));

/* Connects for the first time: waits up to [amqp] wait_timeout. Returns the
 * endpoint; otherwise closes it, and returns NULL with *why and *code. */
struct endpoint *endpoint_amqp_first(struct amqp_endpoint *a, struct buf *why,
    enum exit_code *code) __attribute__((warn_unused_result));

/* Reports the load of a queue that existed when the link was established. Also
 * LATER if the queue was deleted; the link is then dropped. */
enum outcome endpoint_amqp_look(struct amqp_endpoint *a,
    struct amqp_queue_load *load) __attribute__((warn_unused_result));

/* Drops the link of a queue that does not count our own consumer: the count of
 * its messages is not valid, either. */
void endpoint_amqp_uncounted(struct amqp_endpoint *a);

/* Drops the link of a queue that no longer exists. */
void endpoint_amqp_gone(struct amqp_endpoint *a);

/* Call when the link goes down: logs this once per outage and sets the next
 * attempt. */
void endpoint_amqp_lost(struct amqp_endpoint *a);

/* Call when the broker has been reached: ends an outage if there was one. */
void endpoint_amqp_reached(struct amqp_endpoint *a);

/* Call when a message has been transferred: back-off restarts. A connection
 * alone is not enough, because a link may break repeatedly. */
void endpoint_amqp_works(struct amqp_endpoint *a);

/* True if an outage has lasted longer than wait_timeout. */
bool endpoint_amqp_gives_up(const struct amqp_endpoint *a);

/* For the ops of the two ends, whose structs begin with amqp_endpoint. */
bool endpoint_amqp_op_is_up(const struct endpoint *e);

#endif
