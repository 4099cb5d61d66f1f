/*
 * amqp_lines: a minimal publisher for tests: each N lines of standard input as
 * a persistent message of the broker without any other property, above all
 * without an id.
 *
 *   amqp_lines QUEUE N     N 0: an empty message for each line
 *
 * The configuration is that of the programs.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/amqp/amqp_link.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/conf/conf.h"
#include "common/os/stop.h"

/* The broker answers within that time, or the test is told. */
#define CONFIRM_MS 60000
#define AGAIN_MS 100

static int
publish(struct amqp_link *l, const char *queue, const struct buf *body)
{
	amqp_basic_properties_t p = {
		._flags = AMQP_BASIC_DELIVERY_MODE_FLAG,
		.delivery_mode = AMQP_DELIVERY_PERSISTENT,
	};

	return amqp_link_check(l, "publish",
	    amqp_basic_publish(l->conn, AMQP_LINK_CHANNEL, amqp_empty_bytes,
		amqp_cstring_bytes(queue), 0, 0, &p,
		(amqp_bytes_t){ body->len, body->data }));
}

static bool
is_method(const amqp_frame_t *f, amqp_method_number_t id)
{
	return f->frame_type == AMQP_FRAME_METHOD && f->payload.method.id == id;
}

/* 1: the broker has the message; 0: it refused it; -1: neither came. */
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

/* Until it is confirmed. A quorum queue that is just being made refuses, and a
 * transaction would lose that message and say nothing. */
static int
publish_surely(struct amqp_link *l, const char *queue, const struct buf *body)
{
	int64_t end = clock_mono_ms() + CONFIRM_MS;
	int had;

	do {
		if (publish(l, queue, body) != 0)
			return -1;
		had = read_confirm(l);
	} while (had == 0 && clock_mono_ms() < end && !stop_sleep(AGAIN_MS));
	if (had == 0) {
		buf_setf(&l->why, "queue '%s' takes no messages", queue);
		l->code = PROG_TEMPFAIL;
	}
	return had == 1 ? 0 : -1;
}

/* All of standard input. */
static int
publish_all(struct amqp_link *l, const char *queue, unsigned long lines)
{
	struct buf body = BUF_INIT;
	unsigned long n = 0;
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;
	int rc = 0;

	amqp_confirm_select(l->conn, AMQP_LINK_CHANNEL);
	rc = amqp_link_check_reply(l, "begin", amqp_get_rpc_reply(l->conn));
	while (rc == 0 && (len = getline(&line, &cap, stdin)) > 0) {
		if (lines > 0)
			buf_add(&body, line, (size_t)len);
		if (++n < lines)
			continue;
		rc = publish_surely(l, queue, &body);
		buf_clear(&body);
		n = 0;
	}
	if (rc == 0 && body.len > 0)
		rc = publish_surely(l, queue, &body);
	free(line);
	buf_release(&body);
	return rc;
}

int
main(int argc, char **argv)
{
	struct amqp_link l = { .code = PROG_SOFTWARE };
	enum exit_code code = PROG_USAGE;
	unsigned long lines = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	struct buf why = BUF_INIT;
	struct conf *conf;

	prog_init(argv[0]);
	if (argc != 3)
		return PROG_USAGE;
	conf = conf_load(NULL, &why);
	if (conf != NULL &&
	    amqp_link_init(&l, conf, "publishes lines", &why, &code) == 0) {
		code = PROG_OK;
		if (amqp_link_connect(&l) != OUTCOME_DONE ||
		    amqp_link_queue(&l, argv[1], NULL) != OUTCOME_DONE ||
		    publish_all(&l, argv[1], lines) != 0) {
			code = l.code;
			buf_setf(&why, "%s", buf_str(&l.why));
		}
		amqp_link_close(&l);
		amqp_link_release(&l);
	}
	if (why.len > 0)
		log_error("%s", buf_str(&why));
	conf_free(conf);
	buf_release(&why);
	return (int)code;
}
