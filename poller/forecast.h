/*
 * forecast: how many calls a schedule will cost. Pure.
 */
#ifndef POLLER_FORECAST_H
#define POLLER_FORECAST_H

#include "poller/cron_expr.h"
#include "poller/usage.h"

#include <stdbool.h>
#include <stdint.h>

#define FORECAST_DAYS 31

struct forecast_input {
	const struct cron_expr *schedule, *reaper;
	int64_t now_ms;
	const struct usage *polls, *runs; /* of each hour, or NULL */
	/* What a look at the CRM shows, for hours without a measurement. */
	double pages; /* of the list of open chats */
	double operator_pages;
	int64_t operators_every_ms;
	double changed_per_minute; /* chats */
};

struct forecast {
	double polls, reaper; /* calls in FORECAST_DAYS days */
	double today;         /* calls of the whole present day */
	unsigned poll_runs, reaper_runs;
	bool measured, measured_reaper; /* at least in part */
};

void forecast_compute(const struct forecast_input *in, struct forecast *out);

#endif
