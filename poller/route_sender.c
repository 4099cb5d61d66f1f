/*
 * route_sender: see route_sender.h.
 */
#include "poller/route_sender.h"

#include <string.h>
#include <strings.h>

#include "common/fnv.h"
#include "common/log.h"
#include "poller/intake.h"
#include "poller/jwt.h"
#include "poller/route.h"

#define BEARER "Bearer "

static bool
refuse(struct web_answer *a, const char *challenge, const char *detail)
{
	route_detail(a, 401, detail);
	a->authenticate = challenge;
	return false;
}

bool
route_token(const struct intake *in, const struct web_request *r,
    struct web_answer *a, struct sender *s)
{
	const char *header = r->header(r, "Authorization");
	struct buf why = BUF_INIT;
	int rc;

	if (in->jwt.keys_n == 0)
		return true;
	if (header == NULL || strncasecmp(header, BEARER, strlen(BEARER)) != 0)
		return refuse(a, "Bearer", "Not authenticated");
	header += strlen(BEARER);
	header += strspn(header, " ");
	rc = jwt_check(&in->jwt, header, r->now_ms, s->tenant, &why);
	if (rc != 0)
		log_info("token_refused", "peer=%s reason=\"%s\"", r->peer,
		    buf_str(&why));
	buf_release(&why);
	if (rc != 0)
		return refuse(a, "Bearer error=\"invalid_token\"",
		    "Could not validate credentials");
	s->by_token = true;
	return true;
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
route_take_back(struct web_answer *a)
{
	buf_clear(&a->records);
	a->records_n = 0;
	buf_clear(&a->body);
}

enum idempotency_verdict
route_first(const struct intake *in, const struct web_request *r,
    const struct sender *s, const char *kind, const char *key, uint64_t *note,
    int64_t *at)
{
	struct idempotent first = { .at = r->now_ms,
		.sum = fnv_add(FNV_START, r->body, r->len),
		.note = note != NULL ? *note : 0 };
	enum idempotency_verdict v = IDEMPOTENCY_NEW;

	if (key != NULL)
		v = idempotency_first(in->keys, s->tenant, kind, key, &first);
	*at = first.at;
	if (note != NULL)
		*note = first.note;
	return v;
}

void
route_busy(struct web_answer *a)
{
	route_detail(a, 503, "Service Unavailable");
	a->retry_after = 1;
}
