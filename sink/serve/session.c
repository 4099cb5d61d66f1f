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

void
session_set(struct buf *headers, const char *token, int64_t age_s, bool secure)
{
	buf_addf(headers,
	    "Set-Cookie: " SESSION_COOKIE "=%s; Path=/; Max-Age=%" PRId64
	    "; HttpOnly; SameSite=Strict%s\n",
	    token, age_s, secure ? "; Secure" : "");
}
