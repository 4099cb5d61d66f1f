/*
 * endpoint_amqp_reply: see endpoint_amqp_reply.h.
 */
#include "common/endpoint/endpoint_amqp_reply.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"

/* The pause between two attempts to connect. */
#define RETRY_MS 5000
/* How often the link is served. */
#define SERVE_MS 500

bool
amqp_reply_is_address(const void *reply_to, size_t len)
{
	static const char prefix[] = "amq.rabbitmq.reply-to.";

	return len >= sizeof prefix && len < 256 &&
	       memcmp(reply_to, prefix, sizeof prefix - 1) == 0 &&
	       memchr(reply_to, '\0', len) == NULL;
}

/* Logs the reason why no answer can be sent. */
static void
report(const char *why)
{
	log_info("no_answer", "why=%s", why);
}

static bool
connect_reply(struct amqp_reply *r)
{
	struct buf why = BUF_INIT;
	enum exit_code code;
	int64_t now = clock_mono_ms();

	if (r->link.conn != NULL)
		return true;
	if (now < r->next_try_ms)
		return false;
	r->next_try_ms = now + RETRY_MS;
	if (!r->ready)
		r->ready = amqp_link_init(
			       &r->link, r->conf, "answers", &why, &code) == 0;
	if (!r->ready)
		report(buf_str(&why));
	else if (amqp_link_connect(&r->link) != OUTCOME_DONE)
		report(buf_str(&r->link.why));
	buf_release(&why);
	return r->link.conn != NULL;
}

/* The broker reports an alarm, closes the link, or is silent. */
static void
read_frames(struct amqp_reply *r)
{
	amqp_frame_t f;

	r->served_ms = clock_mono_ms();
	while (r->ready && r->link.conn != NULL &&
	       amqp_link_frame(&r->link, &f, 0) > 0)
		;
}

void
amqp_reply_send(
    struct amqp_reply *r, const char *reply_to, const char *text, size_t len)
{
	const amqp_basic_properties_t p = {
		._flags = AMQP_BASIC_CONTENT_TYPE_FLAG |
			  AMQP_BASIC_DELIVERY_MODE_FLAG,
		.content_type = amqp_cstring_bytes("application/json"),
		.delivery_mode = AMQP_DELIVERY_NONPERSISTENT,
	};
	union {
		const char *text;
		void *bytes;
	} body = { .text = text };
	int status;

	read_frames(r);
	if (!connect_reply(r) || r->link.blocked)
		return;
	status = amqp_basic_publish(r->link.conn, AMQP_LINK_CHANNEL,
	    amqp_empty_bytes, amqp_cstring_bytes(reply_to), 0, 0, &p,
	    (amqp_bytes_t){ len, body.bytes });
	if (amqp_link_check(&r->link, "publish an answer", status) != 0)
		report(buf_str(&r->link.why));
}

void
amqp_reply_serve(struct amqp_reply *r)
{
	if (r->ready && clock_mono_ms() - r->served_ms >= SERVE_MS)
		read_frames(r);
}

void
amqp_reply_release(struct amqp_reply *r)
{
	if (!r->ready)
		return;
	amqp_link_close(&r->link);
	amqp_link_release(&r->link);
}
