/*
 * login: see login.h.
 */
#include "sink/serve/login.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/text/form.h"
#include "sink/api/question.h"
#include "sink/serve/serve.h"
#include "sink/serve/session.h"

#define FORM_TYPE "application/x-www-form-urlencoded"

static bool
is_from_another_site(const struct web_request *r, struct web_answer *a)
{
	const char *site = r->header(r, "Sec-Fetch-Site");

	if (site == NULL || strcmp(site, "same-origin") == 0 ||
	    strcmp(site, "none") == 0)
		return false;
	problem_answer(a, 403, "the form stands on another site");
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

/* The browser goes to that page, by GET. */
static void
send_to(struct web_answer *a, const char *page)
{
	a->status = 303;
	a->content_type = NULL;
	buf_clear(&a->body);
	buf_clear(&a->headers);
	buf_addf(&a->headers, "Location: %s\nCache-Control: no-store\n", page);
}

/* People get the page of the login again, which says that it was refused;
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

/* Tokens that are pasted come with blanks around them. */
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
	    v.claims.id, viewer_role_name(v.role), r->peer);
	/* A valid token may have expired within the leeway. */
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
