/*
 * session: see session.h.
 */
#include "sink/serve/session.h"

#include <inttypes.h>
#include <string.h>

bool
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

/* Whether it is http://HOST, with a port or without. */
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

void
session_set(const struct web_request *r, struct buf *headers, const char *token,
    int64_t age_s)
{
	buf_addf(headers,
	    "Set-Cookie: " SESSION_COOKIE "=%s; Path=/; Max-Age=%" PRId64
	    "; HttpOnly; SameSite=Strict%s\n",
	    token, age_s, wants_secure_cookie(r) ? "; Secure" : "");
}
