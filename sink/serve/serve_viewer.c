/*
 * serve_viewer: who a request is from; see serve.h. No token, and no part of
 * one, is logged or answered.
 */
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/tokens/jwt.h"
#include "sink/access/revocation.h"
#include "sink/api/question.h"
#include "sink/serve/serve.h"
#include "sink/serve/session.h"

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

static bool
refuse_for_now(struct web_answer *a)
{
	problem_answer(a, 503,
	    "the database is away, and it is not known which tokens were "
	    "revoked; try again");
	a->retry_after = 1;
	return false;
}

static bool
check_revocation(const struct serve *s, const struct web_request *r,
    const struct viewer *v, struct web_answer *a)
{
	switch (revocation_of(s->revocation, v->tenant, v->claims.id)) {
	case REVOCATION_NONE:
		return true;
	case REVOCATION_DONE:
		return refuse_bearer(r, "it was revoked", a);
	case REVOCATION_UNKNOWN:
		break;
	}
	return refuse_for_now(a);
}

bool
serve_check_token(const struct serve *s, const struct web_request *r,
    const char *token, struct viewer *v, struct web_answer *a)
{
	struct buf why = BUF_INIT;
	bool good =
	    viewer_from_token(v, s->tokens, token, r->now_ms, &why) == 0 ||
	    refuse_bearer(r, buf_str(&why), a);

	buf_release(&why);
	v->teams = s->teams;
	v->conf = s->conf;
	return good && check_revocation(s, r, v, a);
}

void
serve_keep_viewer(const struct viewer *v, struct web_answer *a)
{
	buf_clear(&a->note);
	buf_add(&a->note, (const char *)v, sizeof *v);
}

bool
serve_find_kept_viewer(const struct serve *s, const struct web_request *r,
    struct viewer *v, struct web_answer *a)
{
	memcpy(v, a->note.data, sizeof *v);
	return check_revocation(s, r, v, a);
}

bool
serve_token_is_good(const void *context, const struct web_answer *a)
{
	const struct serve *s = context;
	struct viewer v;

	memcpy(&v, a->note.data, sizeof v);
	return clock_now_ms() / 1000 < v.claims.expires_s + JWT_LEEWAY_S &&
	       revocation_of(s->revocation, v.tenant, v.claims.id) !=
		   REVOCATION_DONE;
}

/* A cookie counts for GET only: no other page can have a browser send more. It
 * does beside a header of another scheme, which a proxy may have asked for. */
static bool
find_token(const struct web_request *r, struct buf *token)
{
	return bearer_add(token, r->header(r, "Authorization")) ||
	       (r->method == WEB_GET && session_cookie(r, token));
}

bool
serve_find_viewer(const struct serve *s, const struct web_request *r,
    struct viewer *v, struct web_answer *a)
{
	struct buf token = BUF_INIT;
	bool found = find_token(r, &token);

	if (found)
		found = serve_check_token(s, r, buf_str(&token), v, a);
	else
		refuse_viewer(
		    a, "Bearer", "send a token: Authorization: Bearer");
	buf_release(&token);
	return found;
}
