/*
 * date: see date.h.
 */
#include "common/hours/date.h"

#include <string.h>

#include "common/base/clock.h"

#define DATE_LEN 10

bool
date_read(const char **s, int64_t *day)
{
	char text[] = "0000-00-00T00:00:00Z";
	int64_t ms;

	if (strnlen(*s, DATE_LEN) < DATE_LEN)
		return false;
	memcpy(text, *s, DATE_LEN);
	if (clock_parse(text, strlen(text), &ms) != 0)
		return false;
	*s += DATE_LEN;
	*day = clock_floor(ms, DAY_MS) / DAY_MS;
	return *day >= DATE_FIRST && *day <= DATE_LAST;
}

bool
date_read_all(const char *s, int64_t *day)
{
	return date_read(&s, day) && *s == '\0';
}

void
date_add(int64_t day, struct buf *to)
{
	char text[CLOCK_TEXT];

	(void)clock_format(day * DAY_MS, text);
	buf_add(to, text, DATE_LEN);
}
