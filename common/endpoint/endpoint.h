/*
 * endpoint: sources and destinations of records: "-" (standard input or
 * output), a file's path, or "queue:NAME" on RabbitMQ. The same loop serves all
 * of them.
 *
 * Reading: endpoint_read() returns one record line at a time. Over AMQP a
 * message holds many lines; endpoint_ack() acknowledges every message whose
 * last line has been returned, so call it only when the effect of all lines
 * returned so far is safe. Without an acknowledgement, everything is delivered
 * again, to us or to another consumer. After a lost connection, the
 * endpoint reconnects by itself with back-off; lines may then be returned a
 * second time (at least once). endpoint_read_block() returns many lines at
 * once, for scan.h.
 *
 * Writing. endpoint_write() takes a complete line (without newline) and may
 * keep it. Everything written so far is safe only if endpoint_flush() returns
 * OUTCOME_DONE: it is written to the file (and synced) or pipe, or confirmed by
 * the broker and not returned as unroutable. After a reconnect, unconfirmed
 * messages are sent again with the same message_id. A message may therefore
 * arrive twice, and out of order if the broker refused it because its queue was
 * full.
 *
 * Keeping alive. A broker drops a connection that has been silent for two
 * heartbeats ([amqp] heartbeat). Every call that reads, writes or flushes
 * serves its own endpoint; a caller that does other work for longer than a few
 * seconds calls endpoint_pump() on each. Otherwise the connection is lost and
 * re-established, but no record is lost.
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
	ENDPOINT_WAIT,    /* nothing yet: time-out, or asked to stop */
	ENDPOINT_EMPTY,   /* the queue is empty (until_empty only) */
	ENDPOINT_END,     /* clean end of a file or pipe */
	ENDPOINT_CUT,     /* the input ended inside a line */
	ENDPOINT_TOOLONG, /* a line or message above its limit was skipped; see
			   * endpoint_refusal() */
	ENDPOINT_FAILED,  /* see endpoint_why() and endpoint_code() */
};

struct endpoint_options {
	const struct conf
	    *conf;         /* for [amqp]; borrowed, outlives the endpoint */
	size_t max_line;   /* 0: RECORD_MAX_LINE */
	bool uncounted;    /* reading blocks of a file: the caller counts lines,
			    * endpoint_where() does not */
	bool until_empty;  /* reading a queue: ENDPOINT_EMPTY at its end */
	bool present;      /* reading a queue: only the messages that it holds
			    * when connecting, then ENDPOINT_EMPTY */
	bool wait_forever; /* a daemon: wait for the broker for ever, or until
			    * asked to stop; otherwise give up after [amqp]
			    * wait_timeout */

	bool append; /* writing a file: after its present content, whose
		      * input was acknowledged and will not be delivered
		      * again */

	bool lazy; /* writing a queue: opening does not connect;
		    * endpoint_connect() or the first flush does */

	bool answers; /* writing a queue: its reader can answer each message;
		       * see endpoint_answer() */

	/* Reading a queue as its only reader, which holds the lock NAME.reader
	 * (amqp_declare.h). While another one holds it, the broker counts as
	 * unreachable, so a daemon waits. */
	bool sole;
	/* Called now and then while opening a queue waits; may be NULL. */
	void (*waiting)(void *ctx);
	void *waiting_ctx;
	/* Writing a queue: while connected, holds the lock of that name, which
	 * is borrowed (amqp_declare.h). If another connection holds it, opening
	 * returns NULL with *code PROG_OK and without a reason. */
	const char *lock;
	unsigned prefetch; /* 0: [amqp] prefetch */

	/* Reading the queue of other publishers, with endpoint_read(): a
	 * classic queue, bound to this topic exchange with this key; missing
	 * ones are created. Each message is one line, whatever its content,
	 * even if empty. */
	const char *exchange, *binding;
};

/* Value of `prefetch` for callers that read everything before they acknowledge
 * anything: more than a broker accepts. A quorum queue treats "no limit" as
 * 2,000, so its limit is 65,535 messages: then the input ends with a log
 * message. */
#define ENDPOINT_NO_PREFETCH_LIMIT 65536

/* Returns -1, after an error that names the configuration key, if no endpoint
 * can have such a name. */
int endpoint_check_key(const char *name, const char *section, const char *key);

/* The same for OPTION_TAKE: *to is a const char *, borrowed from argv. */
int endpoint_take(const char *name, void *to);

/* Refuses to write to the input, before either is opened: a file would be
 * truncated, and a queue would never end. Returns -1, or the exit code after a
 * message that names the option of `to`, such as "-t". If either is NULL, there
 * is nothing to check. "-" means standard input for `from`; as `to` it is not
 * checked. */
int endpoint_check_ends(const char *from, const char *to, const char *option)
    __attribute__((warn_unused_result));

/* Owned. Returns NULL with *why and *code if a file does not exist, a name is
 * malformed, or the broker cannot be reached. Missing queues are created:
 * quorum queues, with NAME.dead for dead letters. */
struct endpoint *endpoint_open_read(const char *name,
    const struct endpoint_options *opt, struct buf *why, enum exit_code *code);
struct endpoint *endpoint_open_write(const char *name,
    const struct endpoint_options *opt, struct buf *why, enum exit_code *code);

/* *line is borrowed until the next read; it may be changed, and 64 bytes after
 * it are readable. timeout_ms -1: waits until a line arrives or the program is
 * asked to stop. */
enum endpoint_status endpoint_read(
    struct endpoint *e, char **line, size_t *len, int timeout_ms);

/* The same in blocks: complete lines, each with its newline (which is added if
 * the last line of a message lacks it): one message of a queue or part of it,
 * or what is available from a file or pipe. Borrowed until the next read; 64
 * bytes before it and 128 after it are readable. ENDPOINT_RECORD means a block
 * of at least one line; the other results are those of endpoint_read(), and
 * follow the lines before them. An endpoint is read by lines or by blocks, not
 * both. */
enum endpoint_status endpoint_read_block(
    struct endpoint *e, char **block, size_t *len, int timeout_ms);

/* Acknowledges the returned messages; see above. Does nothing for files. */
void endpoint_ack(struct endpoint *e);

/* For callers that continue reading while the effect of earlier lines becomes
 * safe. A mark represents all messages whose last line has been returned, and
 * endpoint_ack_to() acknowledges them. The mark of a connection that has since
 * broken does nothing: everything is delivered again. */
struct endpoint_mark {
	uint64_t connection, tag, messages;
};
struct endpoint_mark endpoint_mark(const struct endpoint *e);
void endpoint_ack_to(struct endpoint *e, const struct endpoint_mark *mark);

/* Acknowledges only the messages whose last lines were the most recent ones
 * when these marks were made, in order. For callers that leave other messages
 * in the queue; they do not use the functions above. Returns true if the broker
 * has accepted this; false if the link is lost: some or all are delivered
 * again. */
bool endpoint_ack_only(struct endpoint *e, const struct endpoint_mark *marks,
    size_t n) __attribute__((warn_unused_result));

/* Acknowledges only the message whose last line was the most recent one when
 * the mark was made. For callers that continue reading while messages are done
 * in any order; they use none of the functions above. The mark of a connection
 * that has since broken does nothing. Does nothing for files. */
void endpoint_ack_one(struct endpoint *e, const struct endpoint_mark *mark);

int endpoint_write(struct endpoint *e, const char *line, size_t len)
    __attribute__((warn_unused_result)); /* returns 0, or -1: see
					  * endpoint_why() */

/* OUTCOME_LATER: the broker is unreachable, a queue is full, or no answer
 * arrived in time; unconfirmed lines are kept and the next flush continues.
 * With wait_forever it returns LATER every few seconds, so that its caller can
 * serve other links. OUTCOME_NEVER: a full disk, no permission to publish, or a
 * closed pipe; for the pipe, endpoint_code() is PROG_OK, because it is a normal
 * end. */
enum outcome endpoint_flush(struct endpoint *e)
    __attribute__((warn_unused_result));

/* For callers that continue while their output becomes safe. begin: everything
 * written so far is being sent; *mark represents it. Returns false if the lines
 * cannot be sent at once, or it is not a queue; then use endpoint_flush().
 * done: true if everything up to the mark is safe; never waits, unlike
 * endpoint_flush(). */
bool endpoint_flush_begin(struct endpoint *e, uint64_t *mark);
bool endpoint_flush_done(struct endpoint *e, uint64_t mark);

/* For writing, while the caller waits for more work: sends the written lines as
 * one message once everything before them is confirmed, so that there are no
 * more messages than round trips. Returns true if it could not do so yet: call
 * again in a millisecond. Never waits, and guarantees nothing; endpoint_flush()
 * does. */
bool endpoint_send(struct endpoint *e);

/* For writing. Lines written while this is on stay in one message, however
 * long, unless endpoint_break() or a flush divides them. Off at first: messages
 * end at any line. */
void endpoint_together(struct endpoint *e, bool on);

/* For writing: the next line begins a new message. */
void endpoint_break(struct endpoint *e);

/* For writing with `answers`: returns the next answer that has arrived, in the
 * order of arrival; false if there is none. Never waits; the calls that serve
 * the endpoint collect answers. *text is borrowed until the next call. The
 * broker forgets answers that are sent while the connection is lost, so a
 * caller that waits for one must ask again after a while. */
bool endpoint_answer(struct endpoint *e, const char **text, size_t *len);

/* The same, but serves the endpoint until an answer has arrived, for at most
 * timeout_ms or until the program is asked to stop. */
bool endpoint_wait_answer(
    struct endpoint *e, int timeout_ms, const char **text, size_t *len);

/* For writing: tries once to connect if the broker is unreachable, after a
 * short pause if the last attempt was recent. DONE: connected; always for
 * files. LATER, NEVER: see endpoint_why(). */
enum outcome endpoint_connect(struct endpoint *e)
    __attribute__((warn_unused_result));

/* Serves the broker's heartbeats without waiting. Does nothing for files. */
void endpoint_pump(struct endpoint *e);

/* Returns the origin of the last line for messages: "line 17" or "message ID
 * line 3". Borrowed until the next read. */
const char *endpoint_where(struct endpoint *e);

/* The same for a line of the last block; NULL: for the last line of the last
 * block, or of the last ENDPOINT_TOOLONG. */
const char *endpoint_where_in(struct endpoint *e, const char *line);

/* Returns why the last ENDPOINT_TOOLONG was skipped. */
const char *endpoint_refusal(const struct endpoint *e);

/* Reading a queue: true if the last line or block was the last one of its
 * message. */
bool endpoint_ends_message(const struct endpoint *e);

/* Reading a queue: true if the broker has delivered the current message before,
 * to us or to a program that has ended. */
bool endpoint_is_redelivered(const struct endpoint *e);

/* Returns the routing key of the current message, with NUL, if the endpoint
 * reads the queue of other publishers; otherwise NULL. Borrowed until the next
 * read. */
const char *endpoint_routing_key(const struct endpoint *e, size_t *len);

/* Reading a queue: returns where the writer of the current message expects
 * answers, or NULL. Borrowed until the next read. */
const char *endpoint_reply_to(const struct endpoint *e);

/* Reading a queue: sends an answer to such a place, on a connection of its own,
 * without waiting for a confirm. It may get lost. */
void endpoint_reply(
    struct endpoint *e, const char *reply_to, const char *text, size_t len);

/* Reading a queue: changes options.until_empty. For callers that have received
 * no line for a while: only the broker can tell that the queue is empty,
 * because under load it may send nothing, either. */
void endpoint_set_until_empty(struct endpoint *e, bool until_empty);

/* False while the broker is unreachable; always true for files. */
bool endpoint_is_up(const struct endpoint *e);

/* True for "queue:..." */
bool endpoint_is_queue(const char *name);

/* Returns NAME of "queue:NAME", otherwise NULL. Borrowed. */
const char *endpoint_amqp_name(const char *name);

const char *endpoint_name(const struct endpoint *e);
const char *endpoint_why(const struct endpoint *e);
enum exit_code endpoint_code(const struct endpoint *e);

/* Closes without flushing. NULL is allowed. */
void endpoint_close(struct endpoint *e);

#endif
