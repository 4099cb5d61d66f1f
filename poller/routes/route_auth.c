/*
 * route_auth: see route_auth.h.
 */
#include "poller/routes/route_auth.h"

#include <string.h>
#include <strings.h>

#include "common/base/log.h"
#include "common/digest/checksum.h"
#include "common/tokens/jwt.h"
#include "poller/hooks/listener_context.h"
#include "poller/routes/route.h"

static bool
refuse_credentials(
    struct web_answer *a, const char *challenge, const char *detail)
{
	route_detail(a, 401, detail);
	a->authenticate = challenge;
	return false;
}

/* A token with a role is for reading: anyone who looks at a board must not
 * write what the board shows. */
static int
check_sender_token(const struct jwt_rules *rules, const char *token,
    const struct web_request *r, struct sender *s, struct buf *why)
{
	if (jwt_check(rules, token, r->now_ms, s->tenant, why) != 0)
		return -1;
	if (!jwt_has_role(token))
		return 0;
	buf_setf(why, "it has a role, so it is for reading");
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
		log_info("token_refused", "peer=%s reason=\"%s\"", r->peer,
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

/* A client with a trusted address may be a browser, which posts what any web
 * page makes it post (CSRF). But it sends Origin then, and without a preflight
 * it sends no JSON. */
bool
route_is_trusted(const struct listener_context *in, const struct web_request *r,
    int stranger, struct web_answer *a)
{
	bool trusted = listener_context_trusts(in, r->peer);

	if (!trusted && strcmp(r->peer, "::") == 0)
		route_detail(a, 403,
		    "Forbidden: it came from one of [listen] proxies, and no "
		    "X-Forwarded-For says for whom");
	else if (!trusted)
		route_detail(
		    a, stranger, stranger == 404 ? "Not Found" : "Forbidden");
	else if (r->header(r, "Origin") != NULL)
		route_detail(a, 403, "Forbidden: not for pages of the web");
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

enum idempotency_verdict
route_first(const struct listener_context *in, const struct web_request *r,
    const struct sender *s, const char *kind, const char *key,
    struct first_request *first)
{
	struct idempotent known = { .at = r->now_ms,
		.sum = checksum(0, r->body, r->len),
		.note = first->note };
	enum idempotency_verdict v = IDEMPOTENCY_NEW;

	if (key != NULL)
		v = idempotency_first(in->keys, s->tenant, kind, key, &known);
	first->at = known.at;
	first->note = known.note;
	return v;
}

void
route_busy(struct web_answer *a)
{
	route_detail(a, 503, "Service Unavailable");
	a->retry_after = 1;
}
