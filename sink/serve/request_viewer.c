/*
 * request_viewer: see request_viewer.h. No token, and no part of one, is logged
 * or answered.
 */
#include "sink/serve/request_viewer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/log.h"
#include "sink/api/problem.h"
#include "sink/serve/cookie.h"
#include "sink/serve/revocation.h"

#define BEARER "Bearer "

static bool
refuse_viewer(struct web_answer *a, const char *challenge, const char *detail)
{
	problem_answer(a, 401, detail);
	a->authenticate = challenge;
	return false;
}

static bool
refuse_bearer(
    const struct web_request *r, const char *reason, struct web_answer *a)
{
	log_info("token_refused", "peer=%s reason=\"%s\"", r->peer, reason);
	return refuse_viewer(
	    a, "Bearer error=\"invalid_token\"", "the token is not valid");
}

bool
request_viewer_of_token(const struct serve_context *s,
    const struct web_request *r, const char *token, struct viewer *v,
    struct web_answer *a)
{
	struct buf why = BUF_INIT;
	bool good =
	    viewer_from_token(v, s->tokens, token, r->now_ms, &why) == 0;

	if (!good)
		refuse_bearer(r, buf_str(&why), a);
	buf_release(&why);
	if (!good)
		return false;
	switch (revocation_of(s->revocation, v->tenant, v->claims.id)) {
	case REVOCATION_NONE:
		return true;
	case REVOCATION_DONE:
		return refuse_bearer(r, "it was revoked", a);
	case REVOCATION_UNKNOWN:
		break;
	}
	problem_answer(a, 503,
	    "the database is away, and it is not known which tokens were "
	    "revoked; try again");
	a->retry_after = 1;
	return false;
}

bool
request_viewer(const struct serve_context *s, const struct web_request *r,
    struct viewer *v, struct web_answer *a)
{
	const char *header = r->header(r, "Authorization");
	char *token = NULL;
	bool good;

	if (header != NULL &&
	    strncasecmp(header, BEARER, strlen(BEARER)) == 0) {
		header += strlen(BEARER);
		header += strspn(header, " ");
		return request_viewer_of_token(s, r, header, v, a);
	}
	if (header == NULL && r->method == WEB_GET)
		token = cookie_token(r->header(r, "Cookie"));
	if (token == NULL)
		return refuse_viewer(
		    a, "Bearer", "send a token: Authorization: Bearer");
	good = request_viewer_of_token(s, r, token, v, a);
	free(token);
	return good;
}
