/*
 * judge: see judge.h.
 */
#include "common/hours/judge.h"

#include <stddef.h>

#include "common/base/clock.h"
#include "common/digest/hash.h"

const struct targets_version *
targets_at(const struct terms *t, int64_t at)
{
	int64_t local;

	if (t->targets == NULL)
		return NULL;
	local = at + zone_find(t->zone, at).offset;
	return targets_on(t->targets, clock_floor(local, DAY_MS) / DAY_MS);
}

struct target
judge_target(const struct terms *t, enum target_kind kind, int64_t begin)
{
	const struct targets_version *v = targets_at(t, begin);

	return v != NULL ? v->of[kind] : (struct target){ 0 };
}

/* Without work time, a target in work time says nothing. */
static int
is_kept(const struct judged_interval *i, struct target target, int64_t work)
{
	int64_t ms = target.work ? work : i->end - i->begin;

	if (target.ms == 0 || ms == CLOCK_NONE)
		return -1;
	if (ms > target.ms)
		return 0;
	return i->answered ? 1 : -1;
}

struct judgement
judge(const struct terms *t, const struct judged_interval *i)
{
	struct judgement j = { CLOCK_NONE, CLOCK_NONE, -1, 0 };
	struct target target = { 0 };
	struct {
		uint64_t hours;
		int64_t target;
	} print = { 0, 0 };

	if (t->hours != NULL && hours_known(t->hours, i->begin, i->end)) {
		j.work_ms = hours_work(t->hours, i->begin, i->end);
		print.hours = hours_print(t->hours, i->begin, i->end);
	}
	if (i->has_target)
		target = judge_target(t, i->kind, i->begin);
	if (target.ms > 0)
		j.target_ms = target.ms;
	print.target = 2 * target.ms + target.work;
	j.kept = is_kept(i, target, j.work_ms);
	if (print.hours != 0 || print.target != 0)
		j.judged = checksum(0, &print, sizeof print);
	return j;
}

/* Returns the last instant at which no more work time has passed than at a
 * deadline. */
static int64_t
last_instant(const struct hours *h, int64_t deadline)
{
	struct hours_state team;

	if (deadline == HOURS_NEVER)
		return HOURS_NEVER;
	team = hours_at(h, deadline);
	return team.open ? deadline : team.until;
}

struct judge_due
judge_due(const struct terms *t, enum target_kind kind, int64_t begin)
{
	const struct targets_version *v = targets_at(t, begin);
	struct judge_due due = { CLOCK_NONE, CLOCK_NONE };
	struct target target = v != NULL ? v->of[kind] : (struct target){ 0 };
	int64_t early = target.ms / 100 * (100 - (v != NULL ? v->soon : 0));

	if (target.ms == 0)
		return due;
	if (!target.work)
		return (struct judge_due){ begin + target.ms, begin + early };
	if (t->hours == NULL || !hours_known(t->hours, begin, begin))
		return due;
	due.answer_by =
	    last_instant(t->hours, hours_deadline(t->hours, begin, target.ms));
	due.soon_at = hours_deadline(t->hours, begin, early);
	if (due.answer_by == HOURS_NEVER)
		return (struct judge_due){ CLOCK_NONE, CLOCK_NONE };
	return due;
}

int64_t
judge_left_at(const struct terms *t, enum target_kind kind, int64_t begin,
    int64_t left_ms)
{
	struct target target = judge_target(t, kind, begin);
	int64_t ms = target.ms > left_ms ? target.ms - left_ms : 0;

	if (target.ms == 0 || (target.work && t->hours == NULL))
		return INT64_MAX;
	return target.work ? hours_deadline(t->hours, begin, ms) : begin + ms;
}

/* Returns what is left of the target in its own kind of time. */
static int64_t
time_left(const struct hours *h, int64_t answer_by, int64_t now)
{
	if (h == NULL)
		return answer_by - now;
	return hours_work(h, now, answer_by) - hours_work(h, answer_by, now);
}

struct wait_state
wait_state_at(const struct terms *t, const struct judged_wait *w, int64_t now)
{
	bool work = t->hours != NULL && judge_target(t, w->kind, w->since).work;
	struct hours_state team = { .open = true, .until = HOURS_NEVER };
	struct wait_state s = { .due = WAIT_IN_TIME, .work = work };

	if (work)
		team = hours_at(t->hours, now);
	s.until = team.until;
	s.left_ms = time_left(work ? t->hours : NULL, w->answer_by, now);
	s.late = now > w->answer_by;
	if (!team.open)
		s.due = WAIT_CLOSED;
	else if (s.late)
		s.due = WAIT_LATE;
	else if (w->soon_at != CLOCK_NONE && now >= w->soon_at)
		s.due = WAIT_SOON;
	return s;
}

const char *
wait_due_name(enum wait_due due)
{
	static const char *const names[] = {
		[WAIT_IN_TIME] = "in_time",
		[WAIT_SOON] = "soon",
		[WAIT_LATE] = "late",
		[WAIT_CLOSED] = "closed",
	};

	return names[due];
}
