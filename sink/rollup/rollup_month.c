/*
 * rollup_month: where months of UTC begin; see rollup.h.
 */
#include <stdlib.h>

#include "common/base/clock.h"
#include "sink/rollup/rollup.h"

/* The civil month: 12 times the year and the month from 0. */
static int64_t
civil_month(int64_t ms)
{
	char text[CLOCK_TEXT];

	clock_format(ms, text); /* 2026-11-20... */
	return 12 * strtol(text, NULL, 10) + strtol(text + 5, NULL, 10) - 1;
}

static int64_t
civil_month_begin(int64_t month)
{
	return 1000 * clock_civil(
			  (int)(month / 12), (int)(month % 12) + 1, 1, 0, 0, 0);
}

int64_t
rollup_month(int64_t ms)
{
	return civil_month_begin(civil_month(ms));
}

int64_t
rollup_next_month(int64_t ms)
{
	return civil_month_begin(civil_month(ms) + 1);
}
