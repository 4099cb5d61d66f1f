/*
 * interval_filter: see interval_filter.h. What is appended has checked numbers
 * only, so no argument is needed for it.
 */
#include "sink/responses/interval_filter.h"

#include <inttypes.h>

#include "common/base/clock.h"
#include "common/digest/encoding.h"
#include "common/tables/intervals.h"
#include "sink/api/reply.h"
#include "sink/responses/response_week.h"

const char *const interval_parameters[] = { "weekday", "hour", "zone", "open",
	NULL };

/* By the definition of Chatwoot a chat counts with its whole life. Asked once a
 * statement, as it depends on no row. */
#define WHOLE_LIFE                                                             \
	"(SELECT s.value FROM metric_settings s "                              \
	"WHERE s.name = 'definition') = 1"

/* Of an open chat those since its episode began: when it was opened, or closed
 * last. Whatever ended in the very millisecond of that closing was before. The
 * closing depends on nothing but the chat, so MariaDB's cache of subqueries has
 * it for the chat's other intervals. */
static const char of_open_chats[] =
    " AND intervals.chat IN (SELECT c.chat FROM chat_metrics c "
    "WHERE c.tenant = intervals.tenant AND c.status <> 'left' "
    "AND (c.opened_at IS NULL OR intervals.start_at >= c.opened_at "
    "OR " WHOLE_LIFE ")) "
    "AND (" WHOLE_LIFE " OR intervals.end_at > COALESCE("
    "(SELECT MAX(r.end_at) FROM intervals r FORCE INDEX (by_chat) "
    "WHERE r.tenant = intervals.tenant AND r.chat = intervals.chat "
    "AND r.kind = 'resolution' AND " INTERVAL_COUNTS "), '1000-01-01'))";

static bool
add_open(struct question *q, struct buf *sql)
{
	bool open;

	if (!question_flag(q, "open", &open))
		return false;
	if (open)
		buf_adds(sql, of_open_chats);
	return true;
}

/* The clock is asked for a day more on both sides: whatever a date means. */
static bool
add_hour_condition(struct question *q, int64_t hour, struct buf *sql)
{
	struct zone *zone = question_zone(q);
	struct response_span span = { .zone = NULL };
	bool good = zone != NULL && response_span_read(q, zone, &span);

	if (good) {
		span.from -= DAY_MS;
		span.to += DAY_MS;
		buf_adds(sql, " AND ");
		response_week_hour(sql, &span);
		buf_addf(sql, " = %" PRId64, hour);
	}
	response_span_release(&span);
	zone_close(zone);
	return good;
}

static bool
add_hour_of_week(struct question *q, struct buf *sql)
{
	int64_t weekday = 0, hour = -1;

	if (!question_int(q, "weekday", 1, 7, &weekday) ||
	    !question_int(q, "hour", 0, 23, &hour))
		return false;
	if (weekday == 0 && hour < 0)
		return true;
	if (weekday == 0 || hour < 0 || question_parameter(q, "from") == NULL ||
	    question_parameter(q, "to") == NULL)
		return question_problem(
		    q, 400, "weekday and hour need each other, from and to");
	return add_hour_condition(q, 24 * (weekday - 1) + hour, sql);
}

bool
interval_filter_add(struct question *q, struct buf *sql)
{
	return add_open(q, sql) && add_hour_of_week(q, sql);
}

void
interval_filter_link(const struct question *q, struct buf *to)
{
	const char *const *p, *v;

	for (p = interval_parameters; *p != NULL; p++) {
		v = question_parameter(q, *p);
		if (v == NULL)
			continue;
		buf_addf(to, "&%s=", *p);
		percent_encode(to, v);
	}
}
