/*
 * forecast: how many calls a schedule will cost in a month. Pure.
 */
#ifndef POLLER_QUOTA_FORECAST_H
#define POLLER_QUOTA_FORECAST_H

#include "poller/quota/cron_expr.h"
#include "poller/quota/usage.h"

#include <stdbool.h>
#include <stdint.h>

#define FORECAST_DAYS 31

struct forecast_input {
	const struct cron_expr *schedule, *reaper;
	int64_t now_ms;
	/* Whether polls keep a state; if not, each reads everything. */
	bool state;
	const struct call_usage *polls, *runs; /* of each hour, or NULL */
	int64_t measured_ms; /* from the first of those polls to the last */
	/* What the CRM shows now, for hours that were not measured. */
	double pages; /* of the list of open chats */
	double chats;
	double customers; /* asked about, one by one */
	double operator_pages;
	int64_t operators_every_ms;
	double changed_per_minute; /* chats */
};

struct forecast {
	double polls, reaper; /* calls in FORECAST_DAYS days */
	double today;         /* calls of the whole current day */
	unsigned poll_runs, reaper_runs;
	bool measured, measured_reaper; /* at least in part */
};

/* Fewer polls, or a shorter time, are not enough to forecast a month. */
#define FORECAST_MEASURED_RUNS 12
#define FORECAST_MEASURED_MS (INT64_C(3600) * 1000)

void forecast_compute(const struct forecast_input *in, struct forecast *out);

#endif
