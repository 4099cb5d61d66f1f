/*
 * route_health: whether the listener is there, in the three shapes that the
 * original services answer with. Nothing stands between it and its broker or
 * spool that could be missing, so that an answer at all is the news.
 */
#include "poller/route.h"

#include "common/clock.h"
#include "common/jsonw.h"

/* To the second. */
static void
add_time(struct buf *to, int64_t now_ms)
{
	char text[CLOCK_TEXT];

	clock_format(now_ms, text);
	text[19] = 'Z';
	jsonw_strn(to, "timestamp", text, 20);
}

void
route_health(
    const struct intake *in, const struct web_request *r, struct web_answer *a)
{
	(void)in;
	(void)r;
	jsonw_open(&a->body);
	jsonw_str(&a->body, "status", "healthy");
	jsonw_close(&a->body);
}

void
route_messages_health(
    const struct intake *in, const struct web_request *r, struct web_answer *a)
{
	(void)in;
	jsonw_open(&a->body);
	jsonw_str(&a->body, "status", "healthy");
	jsonw_str(&a->body, "service", "message-api");
	add_time(&a->body, r->now_ms);
	jsonw_close(&a->body);
}

void
route_analytics_health(
    const struct intake *in, const struct web_request *r, struct web_answer *a)
{
	(void)in;
	jsonw_open(&a->body);
	jsonw_str(&a->body, "status", "healthy");
	add_time(&a->body, r->now_ms);
	jsonw_bool(&a->body, "database_connected", true);
	jsonw_bool(&a->body, "cache_connected", true);
	jsonw_int(&a->body, "processing_queue_size", 0);
	jsonw_close(&a->body);
}
