/*
 * padded: lines for flat_parse(), which reads 64 bytes behind them.
 */
#ifndef TESTS_UNIT_PADDED_H
#define TESTS_UNIT_PADDED_H

#include <string.h>

/* A copy with readable bytes behind it; valid until the next call. */
static inline const char *
padded(const char *line)
{
	static char text[4096];

	memset(text, 0, sizeof text);
	memcpy(text, line, strlen(line));
	return text;
}

#endif
