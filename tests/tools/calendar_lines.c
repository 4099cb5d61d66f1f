/*
 * calendar_lines: tests the calendar with lines: reads "ZONE MS" and writes the
 * time as text, and the end of each unit around it, from quarter to month, and
 * the beginning from day on; "none" for a name that is not a time zone.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sink/calendar/calendar.h"

static void
write_units(const struct zone *z, int64_t ms)
{
	const int64_t begins[] = {
		[CALENDAR_DAY] = calendar_day_begin(z, calendar_day(z, ms)),
		[CALENDAR_WEEK] = calendar_week_begin(z, ms),
		[CALENDAR_MONTH] = calendar_month_begin(z, ms),
	};
	char text[CALENDAR_TEXT];
	int unit;

	calendar_format(z, ms, text);
	fputs(text, stdout);
	for (unit = CALENDAR_QUARTER; unit <= CALENDAR_MONTH; unit++) {
		if (unit >= CALENDAR_DAY)
			printf(" %" PRId64, begins[unit]);
		printf(" %" PRId64,
		    calendar_next(z, (enum calendar_unit)unit, ms));
	}
	putchar('\n');
}

int
main(void)
{
	char line[256], name[256] = "", *blank;
	struct zone *z = NULL;

	while (fgets(line, sizeof line, stdin) != NULL) {
		blank = strchr(line, ' ');
		if (blank == NULL)
			return 1;
		*blank = '\0';
		if (z == NULL || strcmp(name, line) != 0) {
			zone_close(z);
			z = zone_open(line, NULL);
			memcpy(name, line, sizeof name);
		}
		if (z == NULL)
			puts("none");
		else
			write_units(z, strtoll(blank + 1, NULL, 10));
	}
	zone_close(z);
	return 0;
}
