/*
 * cookie: see cookie.h.
 */
#include "sink/serve/cookie.h"

#include <inttypes.h>
#include <string.h>

#include "common/base/xalloc.h"

#define COOKIE "session="

char *
cookie_token(const char *header)
{
	const char *p = header;

	while (p != NULL && *p != '\0') {
		p += strspn(p, " ;");
		if (strncmp(p, COOKIE, strlen(COOKIE)) == 0) {
			p += strlen(COOKIE);
			return xstrndup(p, strcspn(p, "; "));
		}
		p += strcspn(p, ";");
	}
	return NULL;
}

void
cookie_set(struct buf *headers, const char *token, int64_t age_s, bool secure)
{
	buf_addf(headers,
	    "Set-Cookie: " COOKIE "%s; Path=/; Max-Age=%" PRId64
	    "; HttpOnly; SameSite=Strict%s\n",
	    token, age_s, secure ? "; Secure" : "");
}
