/*
 * route: the table of routes, the sender of a request, and ids; see route.h.
 */
#include "poller/intake/route.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/digest/encoding.h"
#include "common/digest/hash.h"
#include "common/digest/random.h"
#include "common/digest/signature.h"
#include "common/http/web.h"
#include "common/json/jsonw.h"
#include "common/tokens/jwt.h"
#include "poller/intake/listener_context.h"

void
route_detail(struct web_answer *a, int status, const char *text)
{
	a->status = status;
	buf_clear(&a->body);
	jsonw_object_of(&a->body, "detail", text);
}

/* ---- ids ---- */

void
route_uuid(char id[ROUTE_ID])
{
	static const size_t groups[] = { 4, 2, 2, 2, 6 };
	unsigned char b[16];
	size_t i, at = 0;

	random_fill(b, sizeof b);
	b[6] = (unsigned char)((b[6] & 0x0F) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3F) | 0x80);
	for (i = 0; i < 5; i++) {
		id = hex_write(id, b + at, groups[i]);
		at += groups[i];
		*id++ = i < 4 ? '-' : '\0';
	}
}

void
route_message_id(char id[ROUTE_ID])
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static int64_t last;
	int64_t us = clock_now_us();

	(void)pthread_mutex_lock(&lock);
	if (us <= last)
		us = last + 1;
	last = us;
	(void)pthread_mutex_unlock(&lock);
	(void)snprintf(id, ROUTE_ID, "msg-%lld%03u", (long long)us,
	    (unsigned)(random_32() % 1000));
}

void
route_conversation(const char *a, const char *b, char id[ROUTE_ID])
{
	struct buf pair = BUF_INIT;
	unsigned char mac[SIGNATURE_MAC];
	const char *swap = a;

	if (strcmp(a, b) > 0) {
		a = b;
		b = swap;
	}
	buf_add(&pair, a, strlen(a) + 1);
	buf_adds(&pair, b);
	signature_mac("conversation", pair.data, pair.len, mac);
	buf_release(&pair);
	id += snprintf(id, ROUTE_ID, "conv-");
	*hex_write(id, mac, 12) = '\0';
}

void
route_key_id(const char *key, const struct web_request *r,
    const struct idempotent *first, char id[ROUTE_KEY_ID])
{
	uint64_t sum;

	sum = checksum((uint64_t)(first->at / DAY_MS), key, strlen(key));
	sum = checksum(sum, r->body, r->len);
	(void)snprintf(id, ROUTE_KEY_ID, "%.160s-%016" PRIx64, key, sum);
}

/* ---- the sender of a request ---- */

static bool
refuse_credentials(
    struct web_answer *a, const char *challenge, const char *detail)
{
	route_detail(a, 401, detail);
	a->authenticate = challenge;
	return false;
}

/* A token with a role is only for reading: a viewer of the board must not write
 * the data that the board shows. */
static int
check_sender_token(const struct jwt_rules *rules, const char *token,
    const struct web_request *r, struct sender *s, struct buf *why)
{
	struct jwt_claims c;

	if (jwt_check(rules, token, r->now_ms, s->tenant, &c, why) != 0)
		return -1;
	if (!c.has_role)
		return 0;
	buf_setf(why, "a token with a role is only valid for reading");
	return -1;
}

bool
route_token(const struct listener_context *in, const struct web_request *r,
    struct web_answer *a, struct sender *s)
{
	struct buf token = BUF_INIT, why = BUF_INIT;
	int rc;

	if (in->tokens.rules.keys_n == 0)
		return true;
	if (!bearer_add(&token, r->header(r, "Authorization")))
		return refuse_credentials(a, "Bearer", "Not authenticated");
	rc = check_sender_token(&in->tokens.rules, buf_str(&token), r, s, &why);
	if (rc != 0)
		log_info("token_refused", "peer=%s reason=\"%s\"", r->from,
		    buf_str(&why));
	buf_release(&token);
	buf_release(&why);
	if (rc != 0)
		return refuse_credentials(a, "Bearer error=\"invalid_token\"",
		    "Could not validate credentials");
	s->by_token = true;
	return true;
}

bool
route_says_json(const struct web_request *r)
{
	const char *type = r->header(r, "Content-Type");
	size_t len;

	if (type == NULL)
		return true;
	type += strspn(type, " \t");
	len = strcspn(type, "; \t");
	if (strncasecmp(type, "application/", 12) != 0)
		return false;
	return (len == 16 && strncasecmp(type + 12, "json", 4) == 0) ||
	       (len > 17 && strncasecmp(type + len - 5, "+json", 5) == 0);
}

/* A client with a trusted address may be a browser, which sends any request
 * that a web page makes (CSRF). However, the browser then also sends Origin,
 * and it sends no JSON without a preflight. */
bool
route_is_trusted(const struct listener_context *in, const struct web_request *r,
    int stranger, struct web_answer *a)
{
	bool trusted = listener_context_trusts(in, r->peer);

	if (!trusted && strcmp(r->peer, "::") == 0)
		route_detail(a, 403,
		    "Forbidden: a request from one of [listen] proxies needs "
		    "X-Forwarded-For");
	else if (!trusted)
		route_detail(
		    a, stranger, stranger == 404 ? "Not Found" : "Forbidden");
	else if (r->header(r, "Origin") != NULL)
		route_detail(a, 403,
		    "Forbidden: requests from web pages are not accepted");
	else if (!route_says_json(r))
		route_detail(
		    a, 415, "Unsupported Media Type: send application/json");
	else
		return true;
	return false;
}

bool
route_key(const struct web_request *r, const char **key)
{
	const char *p = *key = r->header(r, "Idempotency-Key");

	if (p == NULL)
		return true;
	while (*p > ' ' && *p < 0x7F)
		p++;
	return *p == '\0' && p > *key && p - *key <= IDEMPOTENCY_KEY_MAX;
}

void
route_clear_answer(struct web_answer *a)
{
	buf_clear(&a->records);
	a->records_n = 0;
	buf_clear(&a->body);
}

/* ---- the table of routes ---- */

const struct route routes[] = {
	{ WEB_GET, "/", route_root, ROUTE_HEALTH, "root", "Root", "@Root", NULL,
	    NULL },
	{ WEB_GET, "/health", route_health, ROUTE_HEALTH, "health", "Health",
	    "@Health", NULL, NULL },
	{ WEB_GET, "/api/v1/health", route_messages_health, ROUTE_HEALTH,
	    "health_api_v1", "Health of the message API", "@MessageHealth",
	    NULL, NULL },
	{ WEB_GET, "/api/v1/analytics/health", route_analytics_health,
	    ROUTE_HEALTH, "health_api_v1_analytics",
	    "Health of the analytics API", "@AnalyticsHealthResponse", NULL,
	    NULL },
	{ WEB_POST, "/api/v1/messages/send", route_messages_send, ROUTE_MESSAGE,
	    "send_message", "Send Message", "@MessageResponse",
	    "@MessageRequest", NULL },
	{ WEB_POST, "/api/v1/analytics/events", route_events_one,
	    ROUTE_ANALYTICS, "create_event", "Create Event", "@EventResponse",
	    "@EventCreate", NULL },
	{ WEB_POST, "/api/v1/analytics/events/bulk", route_events_bulk,
	    ROUTE_ANALYTICS, "create_bulk_events", "Create Bulk Events",
	    "[@EventResponse]", "@BulkEventCreate", NULL },
	{ WEB_POST, "/api/v1/analytics/messages/analytics",
	    route_message_analytics, ROUTE_ANALYTICS,
	    "process_message_analytics", "Process Message Analytics",
	    "@MessageAnalyticsResponse", "@MessageAnalyticsCreate", NULL },
	{ WEB_GET, "/openapi.json", route_openapi, ROUTE_HEALTH, "openapi",
	    "This description", "object", NULL, NULL },
	{ WEB_GET, "/metrics", route_metrics, ROUTE_METRICS, "metrics",
	    "Metrics", "text", NULL,
	    "Counters of this listener in Prometheus' text format. For the "
	    "addresses of [listen] trusted, and for Prometheus on this "
	    "machine." },
	{ WEB_POST, "/hooks/{tenant}/{source}", route_hook, ROUTE_HOOK,
	    "webhook", "A CRM's webhook", "@HookTaken", "object",
	    "Stored, even if it was not understood" },
	{ WEB_POST, "/hooks/{tenant}/{source}/{secret}", route_hook, ROUTE_HOOK,
	    "webhook_with_secret", "A CRM's webhook", "@HookTaken", "object",
	    "Stored, even if it was not understood" },
	{ WEB_POST, "/webhook", route_original, ROUTE_ORIGINAL,
	    "original_webhook", "Custom agent allocation for Qiscus",
	    "@OriginalTaken", "object", NULL },
	{ WEB_POST, "/resolve", route_original, ROUTE_ORIGINAL,
	    "original_resolve", "Mark as resolved in Qiscus", "@OriginalTaken",
	    "object", NULL },
};

const size_t routes_n = ARRAY_LEN(routes);

/* Returns the row for the request, or NULL. */
static const struct route *
find_route(enum web_method method, const char *path)
{
	size_t i;

	for (i = 0; i < routes_n; i++) {
		if (routes[i].method == method &&
		    path_pattern_fits(routes[i].pattern, path))
			return &routes[i];
	}
	return NULL;
}

void
route_answer(
    const void *context, const struct web_request *r, struct web_answer *a)
{
	const struct route *found = find_route(r->method, r->path);
	bool get = find_route(WEB_GET, r->path) != NULL;
	bool post = find_route(WEB_POST, r->path) != NULL;

	if (found != NULL) {
		found->handle(context, r, a);
	} else if (get || post) {
		route_detail(a, 405, "Method Not Allowed");
		a->allow = web_allow(get, post);
	} else {
		route_detail(a, 404, "Not Found");
	}
}
