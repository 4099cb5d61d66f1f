/*
 * serve_viewer: who a request is from; see serve.h.
 */
#include <string.h>
#include <strings.h>

#include "common/base/log.h"
#include "common/text/jsonw.h"
#include "sink/serve/serve.h"
#include "sink/serve/session.h"

#define BEARER "Bearer "

static void
refuse_viewer(struct web_answer *a, const char *challenge, const char *detail)
{
	a->status = 401;
	a->content_type = "application/problem+json";
	a->authenticate = challenge;
	buf_clear(&a->body);
	jsonw_open(&a->body);
	jsonw_str(&a->body, "type", "about:blank");
	jsonw_str(&a->body, "title", "Unauthorized");
	jsonw_int(&a->body, "status", 401);
	jsonw_str(&a->body, "detail", detail);
	jsonw_close(&a->body);
}

/* A cookie counts for GET only: no other page can have a browser send more. */
static bool
find_token(const struct web_request *r, struct buf *token)
{
	const char *header = r->header(r, "Authorization");

	if (header == NULL)
		return r->method == WEB_GET && session_cookie(r, token);
	if (strncasecmp(header, BEARER, strlen(BEARER)) != 0)
		return false;
	header += strlen(BEARER);
	buf_adds(token, header + strspn(header, " "));
	return true;
}

bool
serve_find_viewer(const struct serve *s, const struct web_request *r,
    struct viewer *v, struct web_answer *a)
{
	struct buf token = BUF_INIT, why = BUF_INIT;
	bool found = find_token(r, &token);

	if (!found) {
		refuse_viewer(
		    a, "Bearer", "send a token: Authorization: Bearer");
	} else if (viewer_from_token(
		       v, s->tokens, buf_str(&token), r->now_ms, &why) != 0) {
		found = false;
		log_info("token_refused", "peer=%s reason=\"%s\"", r->peer,
		    buf_str(&why));
		refuse_viewer(a, "Bearer error=\"invalid_token\"",
		    "the token is not valid");
	}
	buf_release(&token);
	buf_release(&why);
	return found;
}
