/*
 * web: see web.h.
 */
#include "common/http/web.h"

#include <inttypes.h>
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>

#include "common/digest/checksum.h"

void
etag_write(char etag[ETAG_TEXT], const struct buf *body, const char *more)
{
	uint64_t sum = checksum(0, body->data, body->len);

	if (more != NULL)
		sum = checksum(sum, more, strlen(more));
	(void)snprintf(etag, ETAG_TEXT, "\"%016" PRIx64 "\"", sum);
}

bool
etag_is_known(const struct web_request *r, const char *etag)
{
	const char *known = r->header(r, "If-None-Match");

	return known != NULL &&
	       (strcmp(known, "*") == 0 || strstr(known, etag) != NULL);
}

const char *
http_status_text(int status)
{
	return MHD_get_reason_phrase_for((unsigned)status);
}

bool
path_pattern_fits(const char *pattern, const char *path)
{
	while (*pattern != '\0') {
		if (*pattern != '{') {
			if (*pattern++ != *path++)
				return false;
			continue;
		}
		if (pattern[1] == '*')
			return *path != '\0';
		if (*path == '\0' || *path == '/')
			return false;
		path += strcspn(path, "/");
		pattern = strchr(pattern, '}') + 1;
	}
	return *path == '\0';
}

const char *
path_pattern_part(const char *path, size_t n, size_t *len)
{
	for (;;) {
		path += *path == '/';
		*len = strcspn(path, "/");
		if (n-- == 0 || *len == 0)
			return path;
		path += *len;
	}
}
