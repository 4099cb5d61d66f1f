/*
 * cron_expr: the times at which a crontab line fires, for the forecast.
 *
 * Five fields (minute, hour, day of month, month, day of week) with lists,
 * ranges, steps and names, or @hourly, @daily, @midnight, @weekly, @monthly,
 * @yearly, @annually. As in cron, if both days are restricted, one of them is
 * enough.
 *
 * Debian has no C library for it. ccronexpr, the usual one, was tried: it
 * needs six fields, lacks @daily, and fires "0 0 0 13 * 5" only on a Friday the
 * 13th, where cron fires on each 13th and each Friday.
 */
#ifndef POLLER_QUOTA_CRON_EXPR_H
#define POLLER_QUOTA_CRON_EXPR_H

#include "common/base/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct cron_expr {
	uint64_t minutes;
	uint32_t hours, days, months, weekdays; /* a bit for each value */
	bool any_day, any_weekday;
};

/* Parses a crontab line. 0, or -1 and *why. */
int cron_expr_parse(struct cron_expr *c, const char *text, struct buf *why)
    __attribute__((warn_unused_result));

/* Whether it fires then. month from 1, weekday from 0 (Sunday). */
bool cron_expr_fires(const struct cron_expr *c, int minute, int hour, int day,
    int month, int weekday);

/* How often it fires in each hour of the day, summed over `days` days from the
 * local midnight before now_ms on. */
void cron_expr_count(
    const struct cron_expr *c, int64_t now_ms, int days, unsigned fires[24]);

#endif
