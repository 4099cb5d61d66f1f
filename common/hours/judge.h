/*
 * judge: the hours and targets of a channel, and whether an interval or a wait
 * kept its target. Every program calls these functions, so all programs agree.
 */
#ifndef COMMON_HOURS_JUDGE_H
#define COMMON_HOURS_JUDGE_H

#include "common/hours/hours.h"
#include "common/hours/targets.h"
#include "common/hours/zone.h"

#include <stdbool.h>
#include <stdint.h>

/* The hours and targets of a channel; all borrowed. */
struct terms {
	const struct hours *hours;     /* NULL: none */
	const struct targets *targets; /* NULL: none */
	const struct zone *zone;       /* versions of targets begin at midnight
					* in it */
};

/* An interval of a chat's timeline. */
struct judged_interval {
	bool has_target;       /* false: part of a wait; has only a work time */
	enum target_kind kind; /* of the target */
	bool answered;         /* false: a closing ended the wait, which is
				* missed or not judged, but never kept */
	int64_t begin, end;
};

struct judgement {
	int64_t work_ms;   /* CLOCK_NONE: there are no hours */
	int64_t target_ms; /* CLOCK_NONE: there is no target */
	int kept;          /* 1 kept, 0 missed, -1 not judged */
	uint64_t judged;   /* a fingerprint of the target and of the hours on
			    * the interval's days, which determine the other
			    * fields; 0: there are neither */
};

/* Returns the version of the targets in force at an instant; borrowed; NULL:
 * none. */
const struct targets_version *targets_at(const struct terms *t, int64_t at);

/* Returns the target in force when an interval began; ms is 0 if there is
 * none. */
struct target judge_target(
    const struct terms *t, enum target_kind kind, int64_t begin);

struct judgement judge(const struct terms *t, const struct judged_interval *i);

/* Returns the last instant at which an answer to a wait that began at that time
 * keeps its target, and the first instant at which the wait is soon late. If
 * the target in work time ends with the closing, that last instant is the next
 * opening, since no work time passes in between. Both are CLOCK_NONE if the
 * wait has no target, or one that cannot be missed. */
struct judge_due {
	int64_t answer_by, soon_at;
};
struct judge_due judge_due(
    const struct terms *t, enum target_kind kind, int64_t begin);

/* Returns the first instant at which at most that much of the target is left,
 * not before the wait began; INT64_MAX if there is none. */
int64_t judge_left_at(const struct terms *t, enum target_kind kind,
    int64_t begin, int64_t left_ms);

/* A customer's wait, as the aggregator describes it in chat_metrics. */
struct judged_wait {
	enum target_kind kind; /* of the answer that the customer awaits */
	int64_t since; /* decides whether the target is in work time. The time
			* of a first response may have begun earlier, before a
			* bot answered; answer_by goes by that. The two only
			* differ if another version of the targets began
			* meanwhile with another kind of time */
	int64_t answer_by, soon_at; /* the result of judge_due(); answer_by is
				     * not CLOCK_NONE */
};

/* CLOSED: the target is in work time, and the team is closed, so no time is
 * running out. */
enum wait_due { WAIT_IN_TIME, WAIT_SOON, WAIT_LATE, WAIT_CLOSED };

struct wait_state {
	enum wait_due due;
	bool late;       /* an answer now would miss the target: answer_by is
			  * over. Also true if a late wait is CLOSED */
	bool work;       /* the target is in work time */
	int64_t until;   /* when CLOSED ends, or when it next begins;
			  * HOURS_NEVER: never */
	int64_t left_ms; /* of the target, in its own kind of time; negative:
			  * over */
};

/* Returns the state of the wait at an instant. */
struct wait_state wait_state_at(
    const struct terms *t, const struct judged_wait *w, int64_t now);

/* "in_time", "soon", "late", "closed". */
const char *wait_due_name(enum wait_due due);

#endif
