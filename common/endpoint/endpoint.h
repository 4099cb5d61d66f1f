/*
 * endpoint: where records come from and go to: "-" (standard input or
 * output), a file's path, "queue:NAME" on RabbitMQ, or, for writing only,
 * "exchange:NAME", which spreads records over several queues by their chats
 * (bucket.h). The same loop serves all; what a backend cannot do is a NULL in
 * its row of the table in endpoint.c.
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
 * is safe: written to the file (and synced) or pipe, or confirmed by the
 * broker and not returned as unroutable. What was not confirmed is sent again
 * with the same message_id after a reconnect; so a message may come twice, and
 * after one that the broker refused (its queue was full) out of order.
 *
 * Keeping alive. A broker drops a connection that was silent for two
 * heartbeats ([amqp] heartbeat). Every call that reads, writes or flushes
 * serves its own endpoint; whoever is busy elsewhere for longer than a few
 * seconds calls endpoint_pump() on the others. Forgetting it costs a
 * reconnect, never a record.
 */
#ifndef COMMON_ENDPOINT_ENDPOINT_H
#define COMMON_ENDPOINT_ENDPOINT_H

#include "common/base/buf.h"
#include "common/base/prog.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf;
struct endpoint;

enum endpoint_status {
	ENDPOINT_RECORD,  /* *line, *len: one line */
	ENDPOINT_WAIT,    /* nothing now; time-out, or asked to stop */
	ENDPOINT_EMPTY,   /* a queue has nothing more (until_empty only) */
	ENDPOINT_END,     /* clean end of a file or pipe */
	ENDPOINT_CUT,     /* it ended inside a line */
	ENDPOINT_TOOLONG, /* a line above the limit was skipped, or a message
			     that is damaged; endpoint_refusal() */
	ENDPOINT_FAILED,  /* endpoint_why(), endpoint_code() say why */
};

struct endpoint_options {
	const struct conf
	    *conf;         /* for [amqp]; borrowed, outlives the endpoint */
	size_t max_line;   /* 0: RECORD_MAX_LINE */
	bool until_empty;  /* reading a queue: ENDPOINT_EMPTY at its end */
	bool wait_forever; /* a daemon: wait for the broker for ever, or
			 until asked to stop; else give up after
			 [amqp] wait_timeout */

	bool append; /* writing a file: behind what is there, since that was
			answered for, or acknowledged, and comes no more */

	bool lazy; /* writing a queue: opening does not reach for the broker;
		      endpoint_connect() does, or the first flush */

	size_t body; /* writing a queue: bytes that are gathered to one
			message; 0: 124 KiB, 1: one line a message */
	bool plain;  /* writing a queue: never packed, whatever [amqp] compress
			says: people look into it */

	/* Reading the queue of publishers that are not ours: by
	 * endpoint_read(), each message as one line, whatever is in it and even
	 * if nothing is. */
	bool whole;
	/* Reading a queue: nobody else may read it so. Who finds another there
	 * waits until one that died would be forgotten, and is refused then. */
	bool sole;
	unsigned prefetch;    /* 0: [amqp] prefetch; above 65535: no limit */
	const char *exchange; /* the queue is a classic one, tied to this topic
				 exchange by... */
	const char *binding;  /* ...this key; both are made if missing */
};

/* NULL and the reason in *why, the exit code in *code: a file that is not
 * there, a name that is malformed, a broker that cannot be reached. Queues
 * are declared if they are missing: quorum, with NAME.dead for dead letters. */
struct endpoint *endpoint_open_read(const char *name,
    const struct endpoint_options *opt, struct buf *why, enum exit_code *code);
struct endpoint *endpoint_open_write(const char *name,
    const struct endpoint_options *opt, struct buf *why, enum exit_code *code);

/* *line is borrowed until the next read; it may be written to, and 64 bytes
 * behind it are readable. timeout_ms -1: until something comes or stop. */
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

/* Acknowledges what was returned; see above. Nothing to do for files. */
void endpoint_ack(struct endpoint *e);

/* For who reads on while the effect of what was read becomes safe: a mark
 * stands for all messages whose last line was returned so far, and
 * acknowledges these. One of a connection that broke since does nothing:
 * everything comes again. */
struct endpoint_mark {
	uint64_t connection, tag, messages;
};
struct endpoint_mark endpoint_mark(const struct endpoint *e);
void endpoint_ack_to(struct endpoint *e, const struct endpoint_mark *mark);

int endpoint_write(struct endpoint *e, const char *line, size_t len)
    __attribute__((warn_unused_result)); /* 0, or -1: endpoint_why() */

/* OUTCOME_LATER: the broker is away or full, or gave no answer in time; what
 * is not confirmed is kept and the next flush goes on. One that waits for ever
 * answers so every few seconds, so that its caller can look after the rest.
 * OUTCOME_NEVER: a full disk, no right to publish; a closed pipe, and then
 * endpoint_code() is PROG_OK, because that is an ordinary end. */
enum outcome endpoint_flush(struct endpoint *e)
    __attribute__((warn_unused_result));

/* Of who writes: reaches for the broker once if it is away and the pause after
 * the last try is over, which is waited for a moment. DONE: it is there, as
 * files always are. LATER, NEVER: endpoint_why(). */
enum outcome endpoint_connect(struct endpoint *e)
    __attribute__((warn_unused_result));

/* Answers the broker's heartbeats without waiting. Nothing to do for files. */
void endpoint_pump(struct endpoint *e);

/* Where the last line came from, for messages: "line 17" or "message ID line
 * 3". Borrowed until the next read. */
const char *endpoint_where(struct endpoint *e);

/* The same of a line of the last block; NULL: of what the last block or the
 * last ENDPOINT_TOOLONG ended with. */
const char *endpoint_where_in(struct endpoint *e, const char *line);

/* What was wrong with what the last ENDPOINT_TOOLONG skipped. */
const char *endpoint_refusal(const struct endpoint *e);

/* The broker's message that holds the last line or block, borrowed until the
 * next read. */
struct endpoint_delivery {
	uint64_t serial;     /* one more with each message, from 1 on */
	uint64_t connection; /* from 1 on */
	bool again;          /* the broker may have sent it before, through
				another connection */
	const char *id;      /* NULL: it has none */
	const char *body;    /* all of it */
	size_t len;
	uint64_t line; /* number of the line, or of the block's first, from 1 */
	bool last;     /* nothing of it is left */
};

/* False for files. */
bool endpoint_delivery(const struct endpoint *e, struct endpoint_delivery *d);

/* The routing key of the message in hand, NUL-ended, of an endpoint that is
 * read whole; else NULL. Borrowed until the next read. */
const char *endpoint_routing_key(const struct endpoint *e, size_t *len);

/* Reading a queue: changes what options.until_empty said. Of use to who saw
 * nothing come for a while: a broker or a machine under load is silent, too. */
void endpoint_set_until_empty(struct endpoint *e, bool until_empty);

/* False while the broker is away; true for files. */
bool endpoint_is_up(const struct endpoint *e);

/* True for "queue:...", for "exchange:..." */
bool endpoint_is_queue(const char *name);
bool endpoint_is_exchange(const char *name);

/* What either calls it: NAME; NULL of what is neither. Borrowed. */
const char *endpoint_amqp_name(const char *name);

const char *endpoint_name(const struct endpoint *e);
const char *endpoint_why(const struct endpoint *e);
enum exit_code endpoint_code(const struct endpoint *e);

/* Closes without flushing. NULL is fine. */
void endpoint_close(struct endpoint *e);

/* What a backend provides; one table row in endpoint.c per kind. open() may
 * give the endpoint a table of its own for its direction. */
struct endpoint_ops {
	const char *prefix; /* "queue:", or "" for what is left */
	struct endpoint *(*open)(const char *rest, bool writing,
	    const struct endpoint_options *opt, struct buf *why,
	    enum exit_code *code);
	enum endpoint_status (*read)(
	    struct endpoint *e, char **line, size_t *len, int timeout_ms);
	enum endpoint_status (*read_block)(
	    struct endpoint *e, char **block, size_t *len, int timeout_ms);
	void (*ack)(struct endpoint *e);
	struct endpoint_mark (*mark)(const struct endpoint *e);
	void (*ack_to)(struct endpoint *e, const struct endpoint_mark *mark);
	int (*write)(struct endpoint *e, const char *line, size_t len);
	enum outcome (*flush)(struct endpoint *e);
	enum outcome (*connect)(struct endpoint *e);
	void (*pump)(struct endpoint *e);
	/* behind: how many lines of the last block come after the one that is
	 * meant. */
	void (*where)(
	    const struct endpoint *e, uint64_t behind, struct buf *where);
	void (*delivery)(const struct endpoint *e, struct endpoint_delivery *d);
	const char *(*routing_key)(const struct endpoint *e, size_t *len);
	void (*set_until_empty)(struct endpoint *e, bool until_empty);
	bool (*is_up)(const struct endpoint *e);
	void (*close)(struct endpoint *e);
};

/* First member of every backend's own struct. */
struct endpoint {
	const struct endpoint_ops *ops;
	char *name;
	struct buf why;
	struct buf where;
	const char *block_end; /* of the last block */
	const char *refusal;   /* NULL: the line is too long */
	enum exit_code code;
};

extern const struct endpoint_ops endpoint_stdio_ops;
extern const struct endpoint_ops endpoint_amqp_ops;
extern const struct endpoint_ops endpoint_exchange_ops;

#endif
