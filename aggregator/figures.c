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
extern const struct figure figure_allocation_operators;
extern const struct figure figure_allocation_totals;

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
	&figure_allocation_operators,
	&figure_allocation_totals,
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
