/*
 * login: determines the sender of a request: tokens, the cookie of a browser
 * that has logged in, and the login; see serve.h. No token, and no part of one,
 * is logged or sent back.
 */
#include "sink/serve/serve.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/tokens/jwt.h"
#include "sink/access/revocation.h"
#include "sink/api/form.h"
#include "sink/api/question.h"

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
	log_info("token_refused", "peer=%s reason=\"%s\"", r->from, reason);
	return refuse_viewer(
	    a, "Bearer error=\"invalid_token\"", "the token is not valid");
}

static bool
refuse_for_now(struct revocation *revocation, struct web_answer *a)
{
	struct buf detail = BUF_INIT;

	buf_addf(&detail, "%s, so revoked tokens cannot be checked; try again",
	    revocation_problem(revocation));
	problem_answer(a, 503, buf_str(&detail));
	a->retry_after = 1;
	buf_release(&detail);
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
	return refuse_for_now(s->revocation, a);
}

/* Finds the viewer of a token; r is the request that has it. Returns false if
 * the answer is complete. */
static bool
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
	v->terms = s->terms;
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

/* The cookie that a login gives a browser: messaging_session=TOKEN. All
 * applications on a host share its cookies, regardless of their ports, so the
 * name must be one that no other application uses. Scripts cannot read the
 * cookie (HttpOnly), and other sites' pages do not send it (SameSite=Strict).
 * The cookie is only sent with TLS (Secure), unless the browser reports that
 * the login form was on a page of its own machine without TLS (header Origin,
 * http://localhost and the like): only the browser knows how it reached us,
 * regardless of proxies. */
#define SESSION_COOKIE "messaging_session"

/* Appends the token in the request's cookie. Returns false if there is none. */
static bool
session_cookie(const struct web_request *r, struct buf *token)
{
	static const char name[] = SESSION_COOKIE "=";
	const char *p = r->header(r, "Cookie");
	size_t len;

	for (; p != NULL && *p != '\0'; p += len) {
		p += strspn(p, "; ");
		len = strcspn(p, ";");
		if (strncmp(p, name, sizeof name - 1) == 0) {
			buf_add(token, p + sizeof name - 1,
			    len - (sizeof name - 1));
			return true;
		}
	}
	return false;
}

/* A cookie counts only for GET, because a GET that another site's page triggers
 * does no harm. The cookie counts even if there is an Authorization header with
 * another scheme, for example one that a proxy requires. */
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

/* True for http://HOST, with or without a port. */
static bool
is_page_of(const char *origin, const char *host)
{
	static const char scheme[] = "http://";
	size_t len = strlen(host);

	if (origin == NULL || strncmp(origin, scheme, strlen(scheme)) != 0)
		return false;
	origin += strlen(scheme);
	return strncmp(origin, host, len) == 0 &&
	       (origin[len] == '\0' || origin[len] == ':');
}

static bool
wants_secure_cookie(const struct web_request *r)
{
	const char *origin = r->header(r, "Origin");

	return !is_page_of(origin, "localhost") &&
	       !is_page_of(origin, "127.0.0.1") && !is_page_of(origin, "[::1]");
}

/* Appends a header that sets the cookie for age_s seconds; 0 removes it. r: the
 * login or logout. token must only contain characters that are valid in
 * tokens. */
static void
session_set(const struct web_request *r, struct buf *headers, const char *token,
    int64_t age_s)
{
	buf_addf(headers,
	    "Set-Cookie: " SESSION_COOKIE "=%s; Path=/; Max-Age=%" PRId64
	    "; HttpOnly; SameSite=Strict%s\n",
	    token, age_s, wants_secure_cookie(r) ? "; Secure" : "");
}

/* The login. */

#define FORM_TYPE "application/x-www-form-urlencoded"

static bool
is_from_another_site(const struct web_request *r, struct web_answer *a)
{
	const char *site = r->header(r, "Sec-Fetch-Site");

	if (site == NULL || strcmp(site, "same-origin") == 0 ||
	    strcmp(site, "none") == 0)
		return false;
	problem_answer(a, 403, "the form was sent from another site");
	return true;
}

static bool
is_form(const struct web_request *r, struct web_answer *a)
{
	const char *type = r->header(r, "Content-Type");
	size_t len = strlen(FORM_TYPE);

	if (type != NULL && strncasecmp(type, FORM_TYPE, len) == 0 &&
	    strchr("; ", type[len]) != NULL)
		return true;
	problem_answer(a, 415, "send a form: " FORM_TYPE);
	return false;
}

/* Sends the browser to that page with GET. */
static void
send_to(struct web_answer *a, const char *page)
{
	a->status = 303;
	a->content_type = NULL;
	buf_clear(&a->body);
	buf_clear(&a->headers);
	buf_addf(&a->headers, "Location: %s\nCache-Control: no-store\n", page);
}

/* People get the login page again, which says that the login was refused;
 * programs get the problem. */
static void
show_refusal(const struct web_request *r, struct web_answer *a)
{
	const char *accept = r->header(r, "Accept");

	if (accept == NULL || strstr(accept, "text/html") == NULL)
		return;
	a->authenticate = NULL;
	send_to(a, "/login#refused");
}

/* Pasted tokens are often surrounded by spaces. */
static char *
trimmed(const char *text)
{
	size_t len;

	text += strspn(text, " \t\r\n");
	len = strlen(text);
	while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL)
		len--;
	return xstrndup(text, len);
}

static void
log_in(const struct serve *s, const struct web_request *r, const char *token,
    struct web_answer *a)
{
	struct viewer v;
	int64_t age_s;

	if (!serve_check_token(s, r, token, &v, a))
		return;
	log_info("login", "tenant=%s id=%s role=%s peer=%s", v.tenant,
	    v.claims.id, viewer_role_name(v.role), r->from);
	/* Because of the leeway, a valid token may have expired already. */
	age_s = v.claims.expires_s - r->now_ms / 1000;
	send_to(a, "/");
	session_set(r, &a->headers, token, age_s > 0 ? age_s : 1);
}

void
login_answer(
    const void *context, const struct web_request *r, struct web_answer *a)
{
	struct form f = { .n = 0 };
	const char *value;
	char *body, *token;

	if (is_from_another_site(r, a) || !is_form(r, a))
		return;
	body = xstrndup(r->body, r->len);
	form_split(&f, body);
	value = form_value(&f, "token");
	token = trimmed(value != NULL ? value : "");
	if (*token == '\0')
		problem_answer(a, 400, "the form has no token");
	else
		log_in(context, r, token, a);
	if (a->status == 400 || a->status == 401)
		show_refusal(r, a);
	free(token);
	free(body);
}

void
logout_answer(
    const void *context, const struct web_request *r, struct web_answer *a)
{
	(void)context;
	if (is_from_another_site(r, a))
		return;
	send_to(a, "/");
	session_set(r, &a->headers, "", 0);
}
