/*
 * chat_rows: see chat_rows.h.
 */
#include "sink/resources/chat_rows.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"

#define WAITING_MAX_S (INT64_C(3660) * 86400)
#define WAITING_SINCE " AND waiting_since <= '%s' AND status <> 'left'"

bool
chat_waits_filter(struct question *q, struct buf *sql)
{
	int64_t seconds = CLOCK_NONE;
	char since[CLOCK_TEXT];

	struct zone *zone = question_zone(q);
	int64_t at = CLOCK_NONE;
	bool good = zone != NULL && question_zoned_time(q, zone, "at", &at);

	zone_close(zone);
	if (!good ||
	    !question_int(q, "waiting_seconds", 0, WAITING_MAX_S, &seconds))
		return false;
	if (seconds != CLOCK_NONE) {
		clock_format_sql(q->request->now_ms - 1000 * seconds, since);
		buf_addf(sql, WAITING_SINCE, since);
	}
	if (at != CLOCK_NONE) {
		clock_format_sql(at, since);
		buf_addf(sql, WAITING_SINCE, since);
	}
	return true;
}

struct ordered_row {
	const char *time; /* as in the database: sorts bytewise */
	const char *id;
	size_t place;
};

static int
compare_rows(const void *pa, const void *pb)
{
	const struct ordered_row *a = pa, *b = pb;
	int c = strcmp(a->time, b->time);

	if (c == 0)
		c = id_compare(a->id, strlen(a->id), b->id, strlen(b->id));
	return c != 0 ? c : (a->place > b->place) - (a->place < b->place);
}

void
message_order(struct db_rows *rows, size_t time, size_t id)
{
	size_t i, n = db_rows_count(rows);
	struct ordered_row *all = xcalloc(n + 1, sizeof *all);
	size_t *order = xcalloc(n + 1, sizeof *order);

	db_rewind(rows);
	for (i = 0; i < n && db_next(rows); i++)
		all[i] = (struct ordered_row){ db_get(rows, time),
			db_get(rows, id), i };
	qsort(all, n, sizeof *all, compare_rows);
	for (i = 0; i < n; i++)
		order[i] = all[i].place;
	db_rows_arrange(rows, order);
	free(order);
	free(all);
}
