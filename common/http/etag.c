/*
 * etag: see etag.h.
 */
#include "common/http/etag.h"

#include <inttypes.h>
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
