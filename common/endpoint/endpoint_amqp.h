/*
 * endpoint_amqp: what the reading and the writing end of a queue share.
 * Private to endpoint_amqp*.c.
 *
 * Each end owns one link. A lost link is made again, with back-off, by the next
 * call that needs it. Then the reading end drops its messages, which come
 * again, and the writing end sends unconfirmed messages again.
 */
#ifndef COMMON_ENDPOINT_ENDPOINT_AMQP_H
#define COMMON_ENDPOINT_ENDPOINT_AMQP_H

#include "common/amqp/amqp_declare.h"
#include "common/amqp/amqp_link.h"
#include "common/endpoint/endpoint_kind.h"
#include "common/os/retry.h"

/* The longest single wait; between two, stop and time-outs are checked. */
#define AMQP_SLICE_MS 250

/* The broker's limit is 255 bytes, with ".dead" and all. */
#define AMQP_QUEUE_NAME_MAX 200

struct amqp_endpoint {
	struct endpoint base;
	struct amqp_link link;
	char *queue;
	struct amqp_source source; /* exchange NULL: the queue is ours */
	bool spread; /* writing: `queue` is the name of an exchange */
	struct endpoint_timeout timeout;
	bool sole;              /* reading: as the only reader */
	int64_t taken_since_ms; /* since when another reader has it; 0: none */

	struct retry retry;
	int64_t next_try_ms;     /* not to connect before */
	int64_t up_since_ms;     /* when the link was made */
	int64_t outage_since_ms; /* 0: no outage */
	bool gone;               /* it ended because the queue was deleted */

	/* Makes a fresh channel ready for its direction. */
	enum outcome (*set_up)(struct amqp_endpoint *a);
};

/* Fills a, which the caller has allocated. 0, or -1 with *why and *code. */
int endpoint_amqp_init(struct amqp_endpoint *a, const char *queue, bool writing,
    const struct endpoint_options *opt, struct buf *why, enum exit_code *code)
    __attribute__((warn_unused_result));
void endpoint_amqp_release(struct amqp_endpoint *a);

/* Connects if the link is down and next_try_ms has come; sleeps for wait_ms at
 * most, and takes as long as a login may take. DONE: the link is up. LATER: not
 * yet; NEVER: trying again is of no use; both set base.why and base.code. */
enum outcome endpoint_amqp_connect(struct amqp_endpoint *a, int wait_ms)
    __attribute__((warn_unused_result));

/* Connects for the first time: waits up to [amqp] wait_timeout. */
enum outcome endpoint_amqp_first(struct amqp_endpoint *a)
    __attribute__((warn_unused_result));

/* What a queue holds that was there when the link was made. LATER also when it
 * was deleted; the link is dropped then. */
enum outcome endpoint_amqp_look(struct amqp_endpoint *a,
    struct amqp_queue_load *load) __attribute__((warn_unused_result));

/* Drops the link of a queue that is no longer there. */
void endpoint_amqp_gone(struct amqp_endpoint *a);

/* The link went down just now: logs it once an outage, sets the next try. */
void endpoint_amqp_lost(struct amqp_endpoint *a);

/* The broker was reached: an outage, if there was one, is over. */
void endpoint_amqp_reached(struct amqp_endpoint *a);

/* A message went through: back-off starts over. A connection alone is not
 * enough, because a link may go down again and again. */
void endpoint_amqp_works(struct amqp_endpoint *a);

/* True when an outage has lasted longer than wait_timeout. */
bool endpoint_amqp_gives_up(const struct amqp_endpoint *a);

/* For the ops of the two ends, each of which begins with its amqp_endpoint. */
enum outcome endpoint_amqp_op_connect(struct endpoint *e)
    __attribute__((warn_unused_result));
bool endpoint_amqp_op_is_up(const struct endpoint *e);

/* The two ends, in files of their own. */
struct endpoint *endpoint_amqp_open_read(const char *queue,
    const struct endpoint_options *opt, struct buf *why, enum exit_code *code);
struct endpoint *endpoint_amqp_open_write(const char *queue, bool spread,
    const struct endpoint_options *opt, struct buf *why, enum exit_code *code);

#endif
