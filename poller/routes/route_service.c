/*
 * route_service: what the listener says about itself: its health, in the shapes
 * that the original services answer with, and GET /openapi.json, the file of
 * that name beside the profiles. The health of analytics is that of the outbox:
 * whether the broker confirms, and whether the spool takes requests while it
 * does not; one of them is enough for requests to succeed. The others always
 * answer healthy.
 */
#include "poller/routes/route.h"

#include "common/base/clock.h"
#include "common/text/jsonw.h"
#include "poller/hooks/listener_context.h"
#include "poller/spool/outbox.h"

/* To the second. */
static void
add_timestamp(struct buf *to, int64_t now_ms)
{
	char text[CLOCK_TEXT];

	clock_format(now_ms, text);
	text[19] = 'Z';
	jsonw_strn(to, "timestamp", text, 20);
}

/* In the original's words. */
void
route_root(const struct listener_context *in, const struct web_request *r,
    struct web_answer *a)
{
	(void)in;
	(void)r;
	jsonw_open(&a->body);
	jsonw_str(&a->body, "service", "Analytics Service");
	jsonw_str(&a->body, "version", "1.0.0");
	jsonw_str(&a->body, "status", "running");
	jsonw_close(&a->body);
}

void
route_health(const struct listener_context *in, const struct web_request *r,
    struct web_answer *a)
{
	(void)in;
	(void)r;
	jsonw_open(&a->body);
	jsonw_str(&a->body, "status", "healthy");
	jsonw_close(&a->body);
}

void
route_messages_health(const struct listener_context *in,
    const struct web_request *r, struct web_answer *a)
{
	(void)in;
	jsonw_open(&a->body);
	jsonw_str(&a->body, "status", "healthy");
	jsonw_str(&a->body, "service", "message-api");
	add_timestamp(&a->body, r->now_ms);
	jsonw_close(&a->body);
}

void
route_analytics_health(const struct listener_context *in,
    const struct web_request *r, struct web_answer *a)
{
	struct outbox_view now = { .confirms = false };
	bool good;

	if (in->outbox != NULL)
		outbox_look(in->outbox, &now);
	good = now.confirms || now.keeps;
	jsonw_open(&a->body);
	jsonw_str(&a->body, "status", good ? "healthy" : "unhealthy");
	add_timestamp(&a->body, r->now_ms);
	jsonw_bool(&a->body, "database_connected", now.confirms);
	jsonw_bool(&a->body, "cache_connected", now.keeps);
	jsonw_int(&a->body, "processing_queue_size", (int64_t)now.waiting);
	jsonw_close(&a->body);
}

void
route_openapi(const struct listener_context *in, const struct web_request *r,
    struct web_answer *a)
{
	(void)r;
	buf_add(&a->body, buf_str(&in->openapi), in->openapi.len);
}
