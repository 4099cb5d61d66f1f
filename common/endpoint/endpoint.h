/*
 * endpoint: where records come from and go to: "-" (standard input or
 * output), a file's path, "queue:NAME" on RabbitMQ, or, for writing only,
 * "exchange:NAME", which spreads records over several queues by their chats
 * (bucket.h). The same loop serves all; what a backend cannot do is
 * a NULL in its row of the table in endpoint.c (endpoint_kind.h).
 *
 * Reading. endpoint_read() gives one record line at a time. Over AMQP a
 * message holds many lines; endpoint_ack() acknowledges every message whose
 * last line has been returned, so call it only when the effect of all lines
 * returned so far is safe. Without an ack everything comes again, to us or to
 * another consumer. After a lost connection the backend reconnects by itself
 * with back-off; lines may then be returned a second time (at least once).
 * endpoint_read_block() gives many lines at once, for scan.h.
 *
 * Writing. endpoint_write() takes a whole line (no newline) and may keep it;
 * only endpoint_flush() == OUTCOME_DONE says that everything written so far
 * is safe: written to the file (and synced) or pipe, confirmed by the broker
 * and not returned as unroutable. What was not confirmed is sent again with the
 * same message_id after a reconnect; so a message may come twice, and after one
 * that the broker refused (its queue was full) out of order.
 *
 * Keeping alive. A broker drops a connection that was silent for two
 * heartbeats ([amqp] heartbeat). Every call that reads, writes or flushes
 * serves its own endpoint; a caller that does other work for longer than a few
 * seconds calls endpoint_pump() on each. Without that the connection is lost
 * and made again, and no record is.
 */
#ifndef COMMON_ENDPOINT_ENDPOINT_H
#define COMMON_ENDPOINT_ENDPOINT_H

#include "common/base/buf.h"
#include "common/base/prog.h"
#include "common/os/lines.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf;
struct endpoint;

enum endpoint_status {
	ENDPOINT_RECORD,  /* *line, *len: one line */
	ENDPOINT_WAIT,    /* nothing yet: time-out, or asked to stop */
	ENDPOINT_EMPTY,   /* a queue has nothing more (until_empty only) */
	ENDPOINT_END,     /* clean end of a file or pipe */
	ENDPOINT_CUT,     /* it ended inside a line */
	ENDPOINT_TOOLONG, /* a line or a message above its limit was skipped;
			     endpoint_refusal() */
	ENDPOINT_FAILED,  /* endpoint_why(), endpoint_code() say why */
};

struct endpoint_options {
	const struct conf
	    *conf;         /* for [amqp]; borrowed, outlives the endpoint */
	size_t max_line;   /* 0: RECORD_MAX_LINE */
	bool uncounted;    /* reading blocks of a file: the caller counts
			 lines, endpoint_where() cannot tell them */
	bool until_empty;  /* reading a queue: ENDPOINT_EMPTY at its end */
	bool present;      /* reading a queue: the messages that it holds
			 when it is connected to, then ENDPOINT_EMPTY */
	bool wait_forever; /* a daemon: wait for the broker for ever, or
			 until asked to stop; else give up after
			 [amqp] wait_timeout */

	bool append;     /* writing a file: behind its present content, whose
			    input was acknowledged and is not sent again */
	bool repeatable; /* writing: the input can be read again, so standard
			    output is not synced if it is a file */

	bool lazy; /* writing a queue: opening does not reach for the broker;
		      endpoint_connect() does, or the first flush */

	size_t body; /* writing a queue: bytes that are gathered to one
			message; 0: 124 KiB, 1: one line a message */

	/* Reading the queue of other publishers, with endpoint_read(): each
	 * message is one line, whatever its content, even an empty one. */
	bool whole;

	/* Reading a queue as its only reader. While there is another one,
	 * opening waits for as long as the broker takes to drop a dead
	 * connection, and then fails. */
	bool sole;
	unsigned prefetch;    /* 0: [amqp] prefetch */
	const char *exchange; /* reading: a classic queue, bound to this topic
				 exchange by... */
	const char *binding;  /* ...this key; both are made if missing */
};

/* As `prefetch`, for who reads all that waits before anything is acknowledged:
 * it is more than a broker can be told. From a quorum queue, which takes "no
 * limit" for 2,000, it is 65,535 messages: then the input ends, and the log
 * says so. */
#define ENDPOINT_NO_PREFETCH_LIMIT 65536

/* What a name is given for. */
enum endpoint_use {
	ENDPOINT_FROM,
	ENDPOINT_TO,
};

/* -1, and the log names the key of the configuration: no endpoint for that use
 * has such a name, whatever is there. */
int endpoint_check_key(const char *name, enum endpoint_use use,
    const char *section, const char *key);

/* The same for OPTION_TAKE: *to is a const char *, borrowed from argv. */
int endpoint_take_from(const char *name, void *to);
int endpoint_take_to(const char *name, void *to);

/* Refuses to write to what is read, before either is opened: a file would be
 * emptied, a queue would never end. -1, else the exit code, after a message
 * that names the option of `to`, such as "-t". NULL for either: nothing. */
int endpoint_check_ends(const char *from, const char *to, const char *option)
    __attribute__((warn_unused_result));

/* Whether to write to `to` is to write to what is read; "-" is standard input
 * for `from`, and for `to` an output that is not looked at. */
bool endpoint_is_input(const char *from, const char *to);

/* Whether both names are one queue, exchange or regular file; of a file that is
 * not there yet, only if they are equal. */
bool endpoint_is_same_output(const char *a, const char *b);

/* Owned. NULL with *why and *code when a file does not exist, a name is
 * malformed, or the broker cannot be reached. Missing queues are made: quorum
 * queues, with NAME.dead for dead letters. */
struct endpoint *endpoint_open_read(const char *name,
    const struct endpoint_options *opt, struct buf *why, enum exit_code *code);
struct endpoint *endpoint_open_write(const char *name,
    const struct endpoint_options *opt, struct buf *why, enum exit_code *code);

/* *line is borrowed until the next read; it may be changed, and 64 bytes behind
 * it are readable. timeout_ms -1: waits until a line comes or the program is
 * asked to stop. */
enum endpoint_status endpoint_read(
    struct endpoint *e, char **line, size_t *len, int timeout_ms);

/* The same in blocks: whole lines, each with its newline (the last line of a
 * message that lacks one gets it), one message of a queue or a part of it, or
 * what there is of a file or pipe. Borrowed until the next read; 64 bytes
 * before it and 128 behind are readable. ENDPOINT_RECORD means a block here,
 * of one line at least; the other answers are endpoint_read()'s, and come when
 * the lines before them were returned. An endpoint is read by lines or by
 * blocks, not both. */
enum endpoint_status endpoint_read_block(
    struct endpoint *e, char **block, size_t *len, int timeout_ms);

/* Acknowledges what was returned; see above. Does nothing for files. */
void endpoint_ack(struct endpoint *e);

/* For callers that read on while the effect of earlier lines becomes safe. A
 * mark stands for all messages whose last line was returned so far, and
 * endpoint_ack_to() acknowledges these. The mark of a connection that broke
 * since does nothing: everything comes again. */
struct endpoint_mark {
	uint64_t connection, tag, messages;
};
struct endpoint_mark endpoint_mark(const struct endpoint *e);
void endpoint_ack_to(struct endpoint *e, const struct endpoint_mark *mark);

/* Acknowledges only the messages whose last lines were the last ones when these
 * marks were made, in their order, for callers that leave others where they
 * are: these do not use the functions above. True when the broker has taken it;
 * false when the link is lost: some of them, or all, come again. */
bool endpoint_ack_only(struct endpoint *e, const struct endpoint_mark *marks,
    size_t n) __attribute__((warn_unused_result));

int endpoint_write(struct endpoint *e, const char *line, size_t len)
    __attribute__((warn_unused_result)); /* 0, or -1: endpoint_why() */

/* OUTCOME_LATER: the broker is away, or a queue is full, or no answer came in
 * time; unconfirmed lines are kept and the next flush goes on. With
 * wait_forever it returns so every few seconds, so that its caller can serve
 * other links. OUTCOME_NEVER: a full disk, no right to publish; a closed pipe,
 * and then endpoint_code() is PROG_OK, because that is an ordinary end. */
enum outcome endpoint_flush(struct endpoint *e)
    __attribute__((warn_unused_result));

/* For callers that go on while what they wrote becomes safe. begin: everything
 * written so far is on its way; *mark stands for it. False: it cannot go at
 * once, or it is not a queue; endpoint_flush() does it. done: everything up to
 * the mark is safe; never waits, and endpoint_flush() does. */
bool endpoint_flush_begin(struct endpoint *e, uint64_t *mark);
bool endpoint_flush_done(struct endpoint *e, uint64_t mark);

/* For writing, while its caller waits for more to do: what was written begins
 * its way, as one message when everything before it is confirmed, so that there
 * are no more messages than are confirmed one after the other. True: it could
 * not yet, call again in a millisecond. Never waits, and proves nothing: that
 * is endpoint_flush(). */
bool endpoint_send(struct endpoint *e);

/* For writing: tries once to connect if the broker is away, after a short wait
 * for the pause between two tries. DONE: it is connected; always for files.
 * LATER, NEVER: endpoint_why(). */
enum outcome endpoint_connect(struct endpoint *e)
    __attribute__((warn_unused_result));

/* Serves the broker's heartbeats without waiting. Does nothing for files. */
void endpoint_pump(struct endpoint *e);

/* Where the last line came from, for messages: "line 17" or "message ID line
 * 3". Borrowed until the next read. */
const char *endpoint_where(struct endpoint *e);

/* The same for a line of the last block; NULL: for the last line of the last
 * block, or of the last ENDPOINT_TOOLONG. */
const char *endpoint_where_in(struct endpoint *e, const char *line);

/* Why the last ENDPOINT_TOOLONG was skipped. */
const char *endpoint_refusal(const struct endpoint *e);

/* The message of the broker that holds the last line or block, borrowed until
 * the next read. */
struct endpoint_delivery {
	uint64_t serial;     /* number of the message, from 1 */
	uint64_t connection; /* number of the connection, from 1 */
	bool again;          /* the broker may have sent it before, through
				another connection */
	const char *id;      /* NULL: it has none */
	const char *body;    /* all of it */
	size_t len;
	uint64_t line; /* number of the line, or of the block's first, from 1 */
	bool last;     /* all of it was returned */
};

/* False for files. */
bool endpoint_delivery(const struct endpoint *e, struct endpoint_delivery *d);

/* The routing key of the message in hand, NUL-ended, of an endpoint that is
 * read whole; else NULL. Borrowed until the next read. */
const char *endpoint_routing_key(const struct endpoint *e, size_t *len);

/* Reading a queue: changes options.until_empty. For callers that had no line
 * for a while: only the broker can say that the queue is empty, since under
 * load it may send nothing, too. */
void endpoint_set_until_empty(struct endpoint *e, bool until_empty);

/* False while the broker is away; true for files. */
bool endpoint_is_up(const struct endpoint *e);

/* True for "queue:...", for "exchange:..." */
bool endpoint_is_queue(const char *name);
bool endpoint_is_exchange(const char *name);

/* NAME of "queue:NAME" and "exchange:NAME"; else NULL. Borrowed. */
const char *endpoint_amqp_name(const char *name);

const char *endpoint_name(const struct endpoint *e);
const char *endpoint_why(const struct endpoint *e);
enum exit_code endpoint_code(const struct endpoint *e);

/* Closes without flushing. NULL is fine. */
void endpoint_close(struct endpoint *e);

#endif
