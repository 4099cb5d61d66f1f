/*
 * judge: the hours and targets that apply to a channel, and what they say about
 * an interval. Every program calls these functions, so that all of them have
 * the same judgement.
 */
#ifndef COMMON_HOURS_JUDGE_H
#define COMMON_HOURS_JUDGE_H

#include "common/hours/hours.h"
#include "common/hours/targets.h"
#include "common/hours/zone.h"

#include <stdbool.h>
#include <stdint.h>

/* What applies to a channel of a tenant; all borrowed. */
struct terms {
	const struct hours *hours;     /* NULL: none */
	const struct targets *targets; /* NULL: none */
	const struct zone *zone;       /* of the days on which targets begin */
};

/* An interval of a chat's timeline. */
struct judged_interval {
	bool has_target;       /* false: a part of a wait, only its work time */
	enum target_kind kind; /* whose target */
	bool answered;         /* false: a wait that the closing ended, which is
				* missed or not judged, never kept */
	int64_t begin, end;
};

struct judgement {
	int64_t work_ms;   /* CLOCK_NONE: there are no hours */
	int64_t target_ms; /* CLOCK_NONE: there is no target */
	int kept;          /* 1 kept, 0 missed, -1 not judged */
	uint64_t judged;   /* a fingerprint of the target and of the hours on
			    * the interval's days, from which the other fields
			    * follow; 0: there are neither */
};

/* Returns the target in force when an interval began; ms is 0 if there is
 * none. */
struct target judge_target(
    const struct terms *t, enum target_kind kind, int64_t begin);

struct judgement judge(const struct terms *t, const struct judged_interval *i);

/* By when a wait that began then must end to keep its target, and from when on
 * it is soon late. CLOCK_NONE: there is no target, or it cannot be missed. */
struct judge_due {
	int64_t answer_by, soon_at;
};
struct judge_due judge_due(
    const struct terms *t, enum target_kind kind, int64_t begin);

#endif
