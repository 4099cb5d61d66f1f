/*
 * bearer: see bearer.h.
 */
#include "common/tokens/bearer.h"

#include <string.h>
#include <strings.h>

#define BEARER "Bearer "
#define BLANKS " \t"

bool
bearer_add(struct buf *to, const char *header)
{
	size_t len;

	if (header == NULL || strncasecmp(header, BEARER, strlen(BEARER)) != 0)
		return false;
	header += strlen(BEARER);
	header += strspn(header, BLANKS);
	len = strlen(header);
	while (len > 0 && strchr(BLANKS, header[len - 1]) != NULL)
		len--;
	buf_add(to, header, len);
	return true;
}
