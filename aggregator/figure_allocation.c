/*
 * figure_allocation: what would have been with other limits, by operator and
 * in all. By hand only: in a stream allocation acts (stream_allocation.c), and
 * says so by its promises.
 */
#include "common/xalloc.h"

#include "aggregator/figure.h"
#include "aggregator/whatif.h"

static const struct column operator_columns[] = {
	{ "operator", COLUMN_TEXT },
	{ "name", COLUMN_TEXT },
	{ "max_chats", COLUMN_COUNT },
	{ "given", COLUMN_COUNT },
	{ "had", COLUMN_COUNT },
	{ "busiest", COLUMN_COUNT },
	{ "busiest_at", COLUMN_TIME },
	{ "breaches", COLUMN_COUNT },
	{ "above_seconds", COLUMN_SECONDS },
};

static const struct column total_columns[] = {
	{ "chats", COLUMN_COUNT },
	{ "given", COLUMN_COUNT },
	{ "unserved", COLUMN_COUNT },
	{ "waiting", COLUMN_COUNT },
	{ "avg_wait_seconds", COLUMN_SECONDS },
	{ "median_wait_seconds", COLUMN_SECONDS },
	{ "p90_wait_seconds", COLUMN_SECONDS },
	{ "longest_wait_seconds", COLUMN_SECONDS },
	{ "operators", COLUMN_COUNT },
	{ "least_given", COLUMN_COUNT },
	{ "most_given", COLUMN_COUNT },
	{ "breaches", COLUMN_COUNT },
};

const struct figure figure_allocation_operators = {
	.name = "allocation",
	.table = "allocation_operators",
	.help = "who would have got how many chats",
	.acts = true,
	.columns = operator_columns,
	.columns_n = ARRAY_LEN(operator_columns),
	.emit_whatif = whatif_operators,
};

const struct figure figure_allocation_totals = {
	.name = "allocation",
	.table = "allocation_totals",
	.help = "and how long chats would have waited",
	.acts = true,
	.columns = total_columns,
	.columns_n = ARRAY_LEN(total_columns),
	.emit_whatif = whatif_totals,
};
