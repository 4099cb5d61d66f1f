/*
 * figures: the registry. Rows are written in this order.
 */
#include "aggregator/figure.h"

#include <string.h>

#include "common/xalloc.h"

extern const struct figure figure_operators;
extern const struct figure figure_chats;
extern const struct figure figure_tenant;
extern const struct figure figure_events;
extern const struct figure figure_intervals;
extern const struct figure figure_conversations;
extern const struct figure figure_users;
extern const struct figure figure_activity;
extern const struct figure figure_alerts;
extern const struct figure figure_trends;
extern const struct figure figure_channels;
extern const struct figure figure_response_hours;
extern const struct figure figure_response_histogram;

const struct figure *const figures[] = {
	&figure_operators,
	&figure_chats,
	&figure_tenant,
	&figure_events,
	&figure_intervals,
	&figure_conversations,
	&figure_users,
	&figure_activity,
	&figure_alerts,
	&figure_trends,
	&figure_channels,
	&figure_response_hours,
	&figure_response_histogram,
};

const size_t figures_n = ARRAY_LEN(figures);

const struct figure *
figure_find(const char *table)
{
	size_t i;

	for (i = 0; i < figures_n; i++)
		if (strcmp(figures[i]->table, table) == 0)
			return figures[i];
	return NULL;
}

int
figure_column(const struct figure *f, const char *name)
{
	size_t i;

	for (i = 0; i < f->columns_n; i++)
		if (strcmp(f->columns[i].name, name) == 0)
			return (int)i;
	return -1;
}

uint64_t
figures_default(void)
{
	uint64_t mask = 0;
	size_t i;

	for (i = 0; i < figures_n; i++)
		if (figures[i]->by_default)
			mask |= UINT64_C(1) << i;
	return mask;
}

static int
choose_one(const char *name, size_t len, uint64_t *mask)
{
	size_t i;

	for (i = 0; i < figures_n; i++) {
		if (strlen(figures[i]->name) == len &&
		    memcmp(figures[i]->name, name, len) == 0) {
			*mask |= UINT64_C(1) << i;
			return 0;
		}
	}
	return -1;
}

int
figures_choose(const char *list, uint64_t *mask, struct buf *why)
{
	const char *p = list, *end;
	size_t i;

	*mask = 0;
	if (strcmp(list, "all") == 0) {
		for (i = 0; i < figures_n; i++)
			*mask |= UINT64_C(1) << i;
		return 0;
	}
	for (;; p = end + 1) {
		end = p + strcspn(p, ",");
		if (choose_one(p, (size_t)(end - p), mask) == -1)
			break;
		if (*end == '\0')
			return 0;
	}
	buf_setf(why, "no figure '%.*s'; there are all", (int)(end - p), p);
	for (i = 0; i < figures_n; i++)
		buf_addf(why, ", %s", figures[i]->name);
	return -1;
}
