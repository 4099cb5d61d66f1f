/*
 * pace: how often to poll so that the month's budget of calls lasts. Pure.
 *
 * Over the last days two kinds of calls were counted:
 *
 *     list      the calls of a poll that its interval does not change: the list
 *               of open chats and that of operators
 *     changes   all other calls, for each minute of polling: the messages of
 *               chats that changed, customers, status runs, assignments
 *
 * A poll every n minutes costs list / n + changes calls a minute. The budget
 * pays for left / minutes calls a minute: `left` is what is left of it, without
 * a reserve of 2 %, and `minutes` are those of polling until the month ends.
 * So the interval is
 *
 *     n = list / (left / minutes - changes)
 *
 * in whole minutes, rounded up, from 1 to PACE_SLOWEST. If the changes alone
 * cost more than the budget pays for, it is PACE_SLOWEST: polls never stop.
 * Each poll computes it from what was really used, so an error of the
 * measurement, or a busy day, is made up for on the days after it.
 *
 * minutes: the time left, times the part of the measured time in which polls
 * ran, since a team may poll in office hours only. All of it until a day was
 * measured.
 */
#ifndef POLLER_QUOTA_PACE_H
#define POLLER_QUOTA_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* Minutes. A longer pause between two polls is a time without polls. */
#define PACE_SLOWEST 60

/* With fewer minutes of polling measured, every poll is made until the budget
 * is used up. */
#define PACE_MEASURED_MINUTES 60

struct pace_measurement {
	int64_t since_ms;     /* when it began */
	double polls;         /* in that time */
	double minutes;       /* of polling: the sum of the polls' intervals */
	double list, changes; /* calls, see above */
};

struct pace_month {
	int64_t budget; /* calls; 0: no limit */
	int64_t used;   /* of them */
	int64_t now_ms, end_ms;
};

struct pace {
	unsigned interval; /* minutes */
	double apart;    /* the same, or more if cron runs the job less often */
	double expected; /* calls of the whole month, at that interval */
};

bool pace_is_measured(const struct pace_measurement *m);

/* Without a budget every poll is made. */
struct pace pace_compute(
    const struct pace_month *month, const struct pace_measurement *m);

#endif
