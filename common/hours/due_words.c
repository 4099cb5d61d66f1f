/*
 * due_words: see due_words.h. A target in work time is counted in work time,
 * which stands still while the team is closed, so the wait of a late customer
 * does not grow at night. Before the deadline, a duration is only shown if the
 * team is open until then; otherwise readers would take it for clock time.
 */
#include "common/hours/due_words.h"

#include <inttypes.h>

#include "common/base/clock.h"
#include "common/hours/date.h"

static void
add_length(int64_t ms, struct buf *to)
{
	int64_t s = ms / 1000, hours = s / 3600;

	if (s < 60)
		buf_addf(to, "%" PRId64 " s", s);
	else if (hours == 0)
		buf_addf(to, "%" PRId64 " min", s / 60);
	else
		buf_addf(
		    to, "%" PRId64 " h %" PRId64 " min", hours, s % 3600 / 60);
}

/* Appends "9:00", with the day if it is not within the next 24 hours. */
static void
add_time(const struct zone *zone, int64_t at, int64_t now, struct buf *to)
{
	static const char *const weekdays[] = { "Mon", "Tue", "Wed", "Thu",
		"Fri", "Sat", "Sun" };
	int64_t local = at + zone_find(zone, at).offset;
	int64_t day = clock_floor(local, DAY_MS) / DAY_MS;
	int64_t minute = (local - day * DAY_MS) / 60000;

	if (at - now >= 7 * DAY_MS) {
		date_add(day, to);
		buf_addc(to, ' ');
	} else if (at - now >= DAY_MS) {
		buf_addf(
		    to, "%s ", weekdays[(day + 3) - clock_floor(day + 3, 7)]);
	}
	buf_addf(to, "%" PRId64 ":%02" PRId64, minute / 60, minute % 60);
}

void
due_words(const struct terms *t, const struct judged_wait *w, int64_t now,
    struct buf *to)
{
	struct wait_state s = wait_state_at(t, w, now);

	if (s.due == WAIT_CLOSED) {
		buf_adds(to, "closed, ");
		if (s.until != HOURS_NEVER) {
			buf_adds(to, "opens ");
			add_time(t->zone, s.until, now, to);
			buf_adds(to, ", ");
		}
	}
	if (s.late) {
		buf_adds(to, "late, ");
		add_length(-s.left_ms, to);
		buf_adds(to, " over");
	} else if (s.due != WAIT_CLOSED && w->answer_by <= s.until) {
		buf_adds(to, "late in ");
		add_length(s.left_ms, to);
	} else {
		buf_adds(to, "answer by ");
		add_time(t->zone, w->answer_by, now, to);
	}
}
