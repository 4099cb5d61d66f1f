/*
 * amqp_lines: a minimal publisher for tests: each N lines of standard
 * input as a persistent message of the broker without any other property, above
 * all without an id. Messages that are not confirmed because the broker is
 * unavailable are published again.
 *
 *   amqp_lines QUEUE N     N 0: an empty message for each line
 *   amqp_lines exchange:NAME N     each line behind its routing key and a tab;
 *       a message has lines of one key, those of "all" go to NAME.all
 *   amqp_lines -     messages with the only property of the original's events:
 *       their type as content encoding. Each is a line of three lengths, then
 *       as many bytes of its exchange's name, its routing key and its body.
 *       They are published once.
 *
 * The configuration is that of the programs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/amqp/amqp_declare.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/conf/conf.h"
#include "common/os/stop.h"

/* The test fails if the broker does not answer within this time. */
#define CONFIRM_MS 60000
#define AGAIN_MS 100

#define WINDOW 500 /* events that are unconfirmed at most */

/* The destination of messages, and the message that is being filled. */
struct target {
	const char *name;
	bool spread; /* over the queues of an exchange */
	struct buf key, body;
	unsigned long lines;
};

static void
set_target(struct target *t, const char *name)
{
	static const char exchange[] = "exchange:";

	t->spread = strncmp(name, exchange, sizeof exchange - 1) == 0;
	t->name = name + (t->spread ? sizeof exchange - 1 : 0);
}

static int
publish(struct amqp_link *l, const struct target *t)
{
	const bool all = strcmp(buf_str(&t->key), "all") == 0;
	struct buf exchange = BUF_INIT;
	amqp_basic_properties_t p = {
		._flags = AMQP_BASIC_DELIVERY_MODE_FLAG,
		.delivery_mode = AMQP_DELIVERY_PERSISTENT,
	};
	int rc;

	if (t->spread)
		buf_setf(&exchange, "%s%s", t->name, all ? ".all" : "");
	rc = amqp_link_check(l, "publish",
	    amqp_basic_publish(l->conn, AMQP_LINK_CHANNEL,
		amqp_cstring_bytes(buf_str(&exchange)),
		amqp_cstring_bytes(t->spread ? buf_str(&t->key) : t->name), 0,
		0, &p, (amqp_bytes_t){ t->body.len, t->body.data }));
	buf_release(&exchange);
	return rc;
}

static bool
is_method(const amqp_frame_t *f, amqp_method_number_t id)
{
	return f->frame_type == AMQP_FRAME_METHOD && f->payload.method.id == id;
}

/* Returns 1 if the broker has the message, 0 if it refused it, -1 without an
 * answer. */
static int
read_confirm(struct amqp_link *l)
{
	int64_t end = clock_mono_ms() + CONFIRM_MS;
	amqp_frame_t f;
	int got = 0;

	while (got >= 0 && clock_mono_ms() < end) {
		got = amqp_link_frame(l, &f, CONFIRM_MS);
		if (got > 0 && is_method(&f, AMQP_BASIC_ACK_METHOD))
			return 1;
		if (got > 0 && is_method(&f, AMQP_BASIC_NACK_METHOD))
			return 0;
	}
	if (got >= 0)
		amqp_link_drop(l, "RabbitMQ confirms nothing");
	return -1;
}

/* Connects and makes the queue, if there is one, unless the link is up. */
static int
open_link(struct amqp_link *l, const struct target *t)
{
	if (l->conn != NULL)
		return 0;
	if (amqp_link_connect(l) != OUTCOME_DONE ||
	    (t->name != NULL && !t->spread &&
		amqp_declare_queue(l, t->name, NULL) != OUTCOME_DONE))
		return -1;
	amqp_confirm_select(l->conn, AMQP_LINK_CHANNEL);
	return amqp_link_check_reply(l, "begin", amqp_get_rpc_reply(l->conn));
}

/* Publishes until the message is confirmed. A new quorum queue refuses messages
 * at first; a transaction would lose the message without an error. */
static int
publish_surely(struct amqp_link *l, struct target *t)
{
	int64_t end = clock_mono_ms() + CONFIRM_MS;
	int had;

	do {
		had = open_link(l, t) == 0 && publish(l, t) == 0
			  ? read_confirm(l)
			  : -1;
	} while (had != 1 && clock_mono_ms() < end && !stop_sleep(AGAIN_MS));
	if (had == 0) {
		buf_setf(&l->why, "'%s' takes no messages", t->name);
		l->code = PROG_TEMPFAIL;
	}
	buf_clear(&t->body);
	t->lines = 0;
	return had == 1 ? 0 : -1;
}

/* Adds a line to the message. A line with another key begins another
 * message. */
static int
add_line(struct amqp_link *l, struct target *t, const char *line, size_t len,
    unsigned long most)
{
	const char *tab = t->spread ? memchr(line, '\t', len) : NULL;
	size_t key = tab != NULL ? (size_t)(tab - line) : 0;
	int rc = 0;

	if (tab != NULL && t->lines > 0 &&
	    (t->key.len != key || memcmp(t->key.data, line, key) != 0))
		rc = publish_surely(l, t);
	if (tab != NULL) {
		buf_clear(&t->key);
		buf_add(&t->key, line, key++);
	}
	if (most > 0)
		buf_add(&t->body, line + key, len - key);
	if (rc == 0 && ++t->lines >= most)
		rc = publish_surely(l, t);
	return rc;
}

/* All of standard input. */
static int
publish_all(struct amqp_link *l, struct target *t, unsigned long most)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;
	int rc = 0;

	while (rc == 0 && (len = getline(&line, &cap, stdin)) > 0)
		rc = add_line(l, t, line, (size_t)len, most);
	if (rc == 0 && t->body.len > 0)
		rc = publish_surely(l, t);
	free(line);
	return rc;
}

/* The three parts of an event, and how many events were published. */
struct events {
	struct buf exchange, key, body;
	uint64_t sent, confirmed;
};

/* Reads frames until at most `open` events are unconfirmed. */
static int
await_confirms(struct amqp_link *l, struct events *e, uint64_t open)
{
	const amqp_basic_ack_t *ack;
	amqp_frame_t f;
	int got = 1;

	while (got > 0 && e->sent - e->confirmed > open) {
		got = amqp_link_frame(l, &f, CONFIRM_MS);
		if (got <= 0 || !is_method(&f, AMQP_BASIC_ACK_METHOD))
			continue;
		ack = f.payload.method.decoded;
		e->confirmed =
		    ack->multiple ? ack->delivery_tag : e->confirmed + 1;
	}
	if (got == 0)
		amqp_link_drop(l, "RabbitMQ confirms nothing");
	return got > 0 ? 0 : -1;
}

static int
publish_event(struct amqp_link *l, struct events *e)
{
	amqp_basic_properties_t p = {
		._flags = AMQP_BASIC_CONTENT_ENCODING_FLAG,
		.content_encoding = amqp_cstring_bytes("application/json"),
	};

	e->sent++;
	if (amqp_link_check(l, "publish",
		amqp_basic_publish(l->conn, AMQP_LINK_CHANNEL,
		    amqp_cstring_bytes(buf_str(&e->exchange)),
		    amqp_cstring_bytes(buf_str(&e->key)), 0, 0, &p,
		    (amqp_bytes_t){ e->body.len, e->body.data })) != 0)
		return -1;
	return await_confirms(l, e, WINDOW);
}

/* Reads the next bytes of standard input. */
static bool
read_part(struct buf *part, size_t len)
{
	size_t got;

	buf_clear(part);
	got = fread(buf_room(part, len + 1), 1, len, stdin);
	buf_grown(part, got);
	return got == len;
}

/* All of standard input. */
static int
publish_events(struct amqp_link *l)
{
	const struct target nowhere = { .name = NULL };
	struct events e = { .exchange = BUF_INIT };
	struct buf *parts[] = { &e.exchange, &e.key, &e.body };
	size_t lengths[ARRAY_LEN(parts)], cap = 0, i;
	char *line = NULL, *p;
	int rc = open_link(l, &nowhere);

	while (rc == 0 && getline(&line, &cap, stdin) > 0) {
		for (p = line, i = 0; i < ARRAY_LEN(parts); i++)
			lengths[i] = strtoul(p, &p, 10);
		for (i = 0; i < ARRAY_LEN(parts) && rc == 0; i++)
			rc = read_part(parts[i], lengths[i]) ? 0 : -1;
		if (rc == 0)
			rc = publish_event(l, &e);
	}
	if (rc == 0)
		rc = await_confirms(l, &e, 0);
	free(line);
	for (i = 0; i < ARRAY_LEN(parts); i++)
		buf_release(parts[i]);
	return rc;
}

int
main(int argc, char **argv)
{
	struct amqp_link l = { .code = PROG_SOFTWARE };
	enum exit_code code = PROG_USAGE;
	struct target to = { .key = BUF_INIT, .body = BUF_INIT };
	unsigned long lines = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	bool events = argc == 2 && strcmp(argv[1], "-") == 0;
	struct buf why = BUF_INIT;
	struct conf *conf;

	prog_init(argv[0]);
	if (argc != 3 && !events)
		return PROG_USAGE;
	set_target(&to, argv[1]);
	conf = conf_load(NULL, &why);
	if (conf != NULL &&
	    amqp_link_init(&l, conf, "publishes lines", &why, &code) == 0) {
		code = PROG_OK;
		if ((events ? publish_events(&l)
			    : publish_all(&l, &to, lines)) != 0) {
			code = l.code;
			buf_setf(&why, "%s", buf_str(&l.why));
		}
		amqp_link_close(&l);
		amqp_link_release(&l);
	}
	if (why.len > 0)
		log_error("%s", buf_str(&why));
	conf_free(conf);
	buf_release(&to.key);
	buf_release(&to.body);
	buf_release(&why);
	return (int)code;
}
