/*
 * duration: see duration.h.
 */
#include "common/output/duration.h"

#include <inttypes.h>
#include <stdio.h>

const char *
duration_format(int64_t ms, char *text)
{
	int64_t s = ms / 1000;

	if (ms < 10 * 1000)
		snprintf(text, DURATION_TEXT, "%" PRId64 ".%" PRId64 "s", s,
		    ms % 1000 / 100);
	else if (s < 60)
		snprintf(text, DURATION_TEXT, "%" PRId64 "s", s);
	else if (s < 3600)
		snprintf(text, DURATION_TEXT, "%" PRId64 "m%02" PRId64 "s",
		    s / 60, s % 60);
	else if (s < 86400)
		snprintf(text, DURATION_TEXT, "%" PRId64 "h%02" PRId64 "m",
		    s / 3600, s % 3600 / 60);
	else
		snprintf(text, DURATION_TEXT, "%" PRId64 "d%02" PRId64 "h",
		    s / 86400, s % 86400 / 3600);
	return text;
}
