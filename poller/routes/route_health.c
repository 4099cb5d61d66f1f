/*
 * route_health: whether the listener is there, in the shapes that the original
 * services answer with. Most ask nobody: that there is an answer is the news.
 * Analytics' says what the outbox knows: whether the broker confirms, and
 * whether the spool takes what comes while it does not. One of them is enough
 * for requests to succeed.
 */
#include "poller/routes/route.h"

#include "common/base/clock.h"
#include "common/text/jsonw.h"
#include "poller/hooks/listener_context.h"
#include "poller/spool/outbox.h"

/* To the second. */
static void
add_time(struct buf *to, int64_t now_ms)
{
	char text[CLOCK_TEXT];

	clock_format(now_ms, text);
	text[19] = 'Z';
	jsonw_strn(to, "timestamp", text, 20);
}

/* Who is there, in the original's words. */
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
	add_time(&a->body, r->now_ms);
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
	add_time(&a->body, r->now_ms);
	jsonw_bool(&a->body, "database_connected", now.confirms);
	jsonw_bool(&a->body, "cache_connected", now.keeps);
	jsonw_int(&a->body, "processing_queue_size", (int64_t)now.waiting);
	jsonw_close(&a->body);
}
