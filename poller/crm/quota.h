/*
 * quota: when a tenant's CRM may be called. Polls are skipped so that the
 * month's budget of calls lasts.
 */
#ifndef POLLER_CRM_QUOTA_H
#define POLLER_CRM_QUOTA_H

#include "poller/crm/failure.h"
#include "poller/crm/profile.h"
#include "poller/crm/store.h"
#include "poller/crm/tenant.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * pace: how often to poll so that the month's budget of calls lasts. Pure. Two
 * kinds of calls were counted since the start of the month:
 *
 *     list      the calls of a poll that do not depend on its interval: the
 *               list of open chats and that of operators
 *     changes   all other calls, for each minute of polling: the messages of
 * chats that have changed, customers, status runs, assignments
 *
 * A poll every n minutes costs list / n + changes calls per minute. The budget
 * allows left / minutes calls per minute: `left` is the remaining budget
 * without a reserve of 2 %, and `minutes` are the minutes of polling until the
 * end of the month. So the interval is
 *
 *     n = list / (left / minutes - changes)
 *
 * in whole minutes, rounded up, from 1 to PACE_SLOWEST. If the changes alone
 * cost more than the budget allows, it is PACE_SLOWEST: polls never stop. Each
 * poll computes the interval from the calls really made, so a wrong
 * measurement, or a busy day, is compensated on the following days.
 *
 * minutes: the time left, multiplied by the share of the measured time in which
 * polls ran, because a team may poll only during office hours. Until a day has
 * been measured, this is all of the time.
 */

/* In minutes. A longer pause between two polls counts as time without polls. */
#define PACE_SLOWEST 60

/* If fewer minutes of polling have been measured, no poll is skipped until the
 * budget is used up. */
#define PACE_MEASURED_MINUTES 60

struct pace_month {
	int64_t budget; /* calls; 0: no limit */
	int64_t used;   /* calls used */
	int64_t now_ms, end_ms;

	/* What was measured. */
	int64_t since_ms;     /* when the first poll of the month was due */
	double polls;         /* since then */
	double minutes;       /* minutes of polling: the sum of the polls'
			       * intervals */
	double list, changes; /* calls, see above */
};

struct pace {
	unsigned interval; /* minutes */
	double apart;      /* the same, or longer if cron runs the job less
			    * often */
	double expected;   /* calls in the whole month at that interval */
};

bool pace_is_measured(const struct pace_month *m);

/* Without a budget every poll is made. */
struct pace pace_compute(const struct pace_month *m);

/*
 * usage: counts the calls of polls, status runs, assigning and backfill in the
 * state, by their result, for each UTC month by the CRM's clock.
 */

enum usage_who {
	USAGE_POLL,
	USAGE_STATUS,
	USAGE_ASSIGN,
	USAGE_BACKFILL,
	USAGE_WHO
};
extern const char *const usage_names[USAGE_WHO];

/* Returns the sum of calls with all results. */
uint64_t usage_sum(const uint64_t calls[CALL_RESULTS]);

/* These functions add to the committed value: call each at most once between
 * two commits. Adds the calls since `counted` to the month of now_ms. */
void usage_add(struct store *s, enum usage_who who, int64_t now_ms,
    const uint64_t counted[CALL_RESULTS], const uint64_t calls[CALL_RESULTS]);

/* Adds a measured poll that began interval_ms after the previous one;
 * usage_add() adds its calls, too. */
void usage_add_poll(struct store *s, int64_t now_ms, int64_t interval_ms,
    const uint64_t calls[PROFILE_CALLS]);

/* Returns the calls in the month of now_ms. */
uint64_t usage_month(struct store *s, int64_t now_ms);

/* Sets calls to those of one kind, and returns their sum. */
uint64_t usage_month_of(struct store *s, enum usage_who who, int64_t now_ms,
    uint64_t calls[CALL_RESULTS]);

/* Returns the end of the month of now_ms. */
int64_t usage_month_end(int64_t now_ms);

/* Returns the committed values of the month of now_ms, without a budget. With s
 * NULL they are 0. */
struct pace_month usage_measure(struct store *s, int64_t now_ms);

/* ---- quota ---- */

/* Returns the present interval of polls in minutes; 1: every poll is made. */
unsigned quota_interval(
    const struct tenant *t, struct store *s, int64_t now_ms);

/* True if the last poll began less than an interval ago (in minutes). */
bool quota_is_recent(struct store *s, unsigned interval, int64_t now_ms);

/* Records that a poll begins. Returns the milliseconds since the previous one,
 * at most PACE_SLOWEST minutes. */
int64_t quota_begin_poll(struct store *s, int64_t now_ms);

/* Warns once a day while polls are skipped. */
void quota_warn(const struct tenant *t, struct store *s, int64_t now_ms);

#endif
