/*
 * amqp_publish: a minimal publisher for tests. Standard input has messages: a
 * line of three lengths, then as many bytes of the exchange's name, of the
 * routing key and of the body. They have no id, and the only property of the
 * original's events: their type as content encoding. Messages that are not
 * confirmed because the broker is unavailable are published again.
 *
 *   amqp_publish N     at most N messages are unconfirmed; with 1, their order
 *       never changes
 *
 * The configuration is that of the programs.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/amqp/amqp_link.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/base/xalloc.h"
#include "common/conf/conf.h"
#include "common/os/stop.h"

/* The test fails if the broker does not answer within this time. */
#define CONFIRM_MS 60000
#define AGAIN_MS 100
#define OPEN_MAX 1000

struct message {
	struct buf exchange, key, body;
	bool confirmed;
};

/* A ring of messages from the oldest one that is not confirmed on. The first
 * `sent` of them were published on the present connection, after those that
 * are gone. */
struct open_messages {
	struct message *ring;
	size_t size, first, n, sent;
	uint64_t gone;
};

static struct message *
message_at(const struct open_messages *o, size_t i)
{
	return &o->ring[(o->first + i) % o->size];
}

static int
open_link(struct amqp_link *l, struct open_messages *o)
{
	size_t i;

	if (l->conn != NULL)
		return 0;
	o->sent = 0;
	o->gone = 0;
	for (i = 0; i < o->size; i++)
		o->ring[i].confirmed = false;
	if (amqp_link_connect(l) != OUTCOME_DONE)
		return -1;
	amqp_confirm_select(l->conn, AMQP_LINK_CHANNEL);
	return amqp_link_check_reply(l, "begin", amqp_get_rpc_reply(l->conn));
}

static int
publish(struct amqp_link *l, const struct message *m)
{
	amqp_basic_properties_t p = {
		._flags = AMQP_BASIC_CONTENT_ENCODING_FLAG,
		.content_encoding = amqp_cstring_bytes("application/json"),
	};

	return amqp_link_check(l, "publish",
	    amqp_basic_publish(l->conn, AMQP_LINK_CHANNEL,
		(amqp_bytes_t){ m->exchange.len, m->exchange.data },
		(amqp_bytes_t){ m->key.len, m->key.data }, 0, 0, &p,
		(amqp_bytes_t){ m->body.len, m->body.data }));
}

static int
publish_rest(struct amqp_link *l, struct open_messages *o)
{
	int rc = open_link(l, o);

	for (; rc == 0 && o->sent < o->n; o->sent++)
		rc = publish(l, message_at(o, o->sent));
	return rc;
}

/* Messages to different queues are confirmed in any order. */
static void
confirm(struct open_messages *o, const amqp_basic_ack_t *ack)
{
	uint64_t tag = ack->multiple ? o->gone + 1 : ack->delivery_tag;
	struct message *m;

	for (; tag <= ack->delivery_tag; tag++)
		message_at(o, tag - o->gone - 1)->confirmed = true;
	while (o->sent > 0 && (m = message_at(o, 0))->confirmed) {
		m->confirmed = false;
		o->first = (o->first + 1) % o->size;
		o->gone++;
		o->sent--;
		o->n--;
	}
}

static bool
is_method(const amqp_frame_t *f, amqp_method_number_t id)
{
	return f->frame_type == AMQP_FRAME_METHOD && f->payload.method.id == id;
}

/* Reads confirms until at most so many messages are open. */
static int
await_confirms(struct amqp_link *l, struct open_messages *o, size_t most)
{
	amqp_frame_t f;
	int got = 1;

	while (got > 0 && o->n > most) {
		got = amqp_link_frame(l, &f, CONFIRM_MS);
		if (got > 0 && is_method(&f, AMQP_BASIC_ACK_METHOD)) {
			confirm(o, f.payload.method.decoded);
		} else if (got > 0 && is_method(&f, AMQP_BASIC_NACK_METHOD)) {
			amqp_link_drop(l, "RabbitMQ refuses a message");
			got = -1;
		}
	}
	if (got == 0)
		amqp_link_drop(l, "RabbitMQ confirms nothing");
	return got > 0 ? 0 : -1;
}

/* Publishes until at most so many messages are open. A new quorum queue refuses
 * messages at first. */
static int
publish_surely(struct amqp_link *l, struct open_messages *o, size_t most)
{
	int64_t end = clock_mono_ms() + CONFIRM_MS;
	int rc;

	do {
		rc = publish_rest(l, o) == 0 ? await_confirms(l, o, most) : -1;
	} while (rc != 0 && clock_mono_ms() < end && !stop_sleep(AGAIN_MS));
	return rc;
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
publish_all(struct amqp_link *l, struct open_messages *o)
{
	size_t lengths[3], cap = 0, i;
	char *line = NULL, *p;
	struct message *m;
	int rc = 0;

	while (rc == 0 && getline(&line, &cap, stdin) > 0) {
		for (p = line, i = 0; i < ARRAY_LEN(lengths); i++)
			lengths[i] = strtoul(p, &p, 10);
		m = message_at(o, o->n++);
		if (!read_part(&m->exchange, lengths[0]) ||
		    !read_part(&m->key, lengths[1]) ||
		    !read_part(&m->body, lengths[2])) {
			buf_setf(&l->why, "the input ends within a message");
			rc = -1;
		} else {
			rc = publish_surely(l, o, o->size - 1);
		}
	}
	if (rc == 0)
		rc = publish_surely(l, o, 0);
	free(line);
	return rc;
}

static void
release(struct open_messages *o)
{
	size_t i;

	for (i = 0; i < o->size; i++) {
		buf_release(&o->ring[i].exchange);
		buf_release(&o->ring[i].key);
		buf_release(&o->ring[i].body);
	}
	free(o->ring);
}

int
main(int argc, char **argv)
{
	struct amqp_link l = { .code = PROG_SOFTWARE };
	enum exit_code code = PROG_USAGE;
	struct open_messages o = { .n = 0 };
	struct buf why = BUF_INIT;
	struct conf *conf;
	int64_t most;

	prog_init(argv[0]);
	if (argc != 2 || parse_int(argv[1], 1, OPEN_MAX, &most) != 0)
		return PROG_USAGE;
	o.size = (size_t)most;
	o.ring = xcalloc(o.size, sizeof *o.ring);
	conf = conf_load(NULL, &why);
	if (conf != NULL &&
	    amqp_link_init(&l, conf, "publishes", &why, &code) == 0) {
		code = PROG_OK;
		if (publish_all(&l, &o) != 0) {
			code = l.code;
			buf_setf(&why, "%s", buf_str(&l.why));
		}
		amqp_link_close(&l);
		amqp_link_release(&l);
	}
	if (why.len > 0)
		log_error("%s", buf_str(&why));
	conf_free(conf);
	release(&o);
	buf_release(&why);
	return (int)code;
}
