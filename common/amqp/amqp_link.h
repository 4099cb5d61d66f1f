/*
 * amqp_link: one connection with one channel to RabbitMQ, over librabbitmq,
 * which is visible only in common/amqp and endpoint_amqp*.c. This file does the
 * work that the library leaves to its users:
 *
 * - every wait has an end: connecting, logging in, calls (CALL_MS), and
 *   sending, by TCP_USER_TIMEOUT, without which a publish to a broker that
 *   hangs would wait for ever;
 * - the login asks for connection.blocked and consumer_cancel_notify, which
 *   the library's own login does not, so that the broker reports an alarm or a
 *   deleted queue;
 * - frames are dispatched by one loop, amqp_link_frame(), never by the
 *   library's consume call, which loops for ever on an unexpected frame;
 * - heartbeats are sent by that loop, too: the library sends none while the
 *   broker always has something to deliver;
 * - after any error the connection is destroyed, never used or closed again,
 *   because the library does not survive that (and does not answer
 *   channel.close). A broker that is silent for too long is an error, too.
 *
 * endpoint_amqp.c connects again; amqp_link_connect() then begins with the next
 * host if [amqp] url names several.
 *
 * A connection has one channel, one direction and one thread. Heartbeats are
 * served in amqp_link_frame() and in every call that waits for the broker.
 */
#ifndef COMMON_AMQP_AMQP_LINK_H
#define COMMON_AMQP_AMQP_LINK_H

#include <amqp.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/prog.h"
#include "common/conf/url.h"

#define AMQP_LINK_CHANNEL 1

struct conf;

/* The next frame of an incoming message. METHOD: no message is incomplete. */
enum amqp_phase { AMQP_PHASE_METHOD, AMQP_PHASE_HEADER, AMQP_PHASE_BODY };

struct amqp_link {
	amqp_connection_state_t conn; /* NULL: down */
	bool blocked; /* the broker accepts no messages, see why */

	/* The reason why the link is down or blocked, and whether a retry may
	 * help. */
	struct buf why;
	enum exit_code code;
	enum outcome outcome;

	/* private */
	struct url url;
	size_t host;       /* index of the current or next host of url */
	bool pass_over;    /* the host failed: try another one next */
	const char *title; /* the host's URL without password; borrowed from
			    * url */
	const char *ca_file;
	char *client; /* name in the broker's list of connections */
	bool tls;
	int heartbeat_s;
	int64_t beat_ms;         /* when the last heartbeat was sent */
	int64_t end_ms;          /* when closing must have ended; 0: not
				  * begun */
	int64_t dead_letters_ms; /* how long the broker keeps dead letters */
};

/* Reads section [amqp]; does not connect. conf is borrowed while the link
 * exists. client, for example "reads rows", is shown in the broker's list. */
int amqp_link_init(struct amqp_link *l, const struct conf *conf,
    const char *client, struct buf *why, enum exit_code *code)
    __attribute__((warn_unused_result));
void amqp_link_release(struct amqp_link *l);

/* Connects, logs in and opens the channel, at the first host that accepts us;
 * each is tried once. LATER, or NEVER if all refuse us: see l->why and
 * l->code. */
enum outcome amqp_link_connect(struct amqp_link *l)
    __attribute__((warn_unused_result));

/* Begins or continues closing. All its calls together take at most a few
 * seconds, and are complete before a stopping program is killed (stop.h).
 * Returns the remaining time in ms. */
int64_t amqp_link_end(struct amqp_link *l);
/* The same, before a call that may be part of closing, if that has begun. */
void amqp_link_hurry(struct amqp_link *l);
/* Closes the connection properly; does nothing if the link is down. The broker
 * receives the acknowledgements; endpoint_amqp_read.c makes sure that the
 * leader of a quorum queue does, too. */
void amqp_link_close(struct amqp_link *l);

/* Destroys the connection; the text becomes l->why, the outcome LATER. */
void amqp_link_drop(struct amqp_link *l, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* After amqp_link_drop(), if a retry would not help. */
void amqp_link_set_never(struct amqp_link *l, enum exit_code code);

/* Returns the channel's next frame, borrowed until the next call: 1, or 0 after
 * timeout_ms or a signal, or -1 if the link has gone down. Handles alarms and
 * the closing of channel and connection itself. */
int amqp_link_frame(struct amqp_link *l, amqp_frame_t *frame, int timeout_ms)
    __attribute__((warn_unused_result));

/* Checks the status of a library call: 0, or -1 if it failed and the link is
 * now down. what: "publish", for the message "cannot publish at ...". */
int amqp_link_check(struct amqp_link *l, const char *what, int status)
    __attribute__((warn_unused_result));

/* The same for the reply of a call that waits for the broker: the reply that it
 * returned, or amqp_get_rpc_reply(). */
int amqp_link_check_reply(struct amqp_link *l, const char *what,
    amqp_rpc_reply_t reply) __attribute__((warn_unused_result));

#endif
