/*
 * kept: see kept.h. If a metric has several tables, only the first is queried:
 * it has rows whenever the others do.
 */
#include "sink/api/kept.h"

#include <string.h>

#include "common/base/xalloc.h"
#include "common/json/jsonw.h"
#include "common/tables/tables.h"

static const char *
metric_of(const struct table *t)
{
	return t->selector != NULL ? t->selector : t->name;
}

const char *
kept_metric(const char *table)
{
	return metric_of(table_find(table, strlen(table)));
}

static const struct table *
table_of(const char *metric)
{
	const struct table *t = tables;

	while (strcmp(metric_of(t), metric) != 0)
		t++;
	return t;
}

static bool
has_row(struct question *q, const char *table, const char *condition, bool *is)
{
	struct buf sql = BUF_INIT;
	bool good;

	buf_addf(&sql, "SELECT 1 FROM %s WHERE tenant = ?%s LIMIT 1", table,
	    condition);
	good = question_finds(q, buf_str(&sql), NULL, 0, is);
	buf_release(&sql);
	return good;
}

/* An operator who is not listed, but has a chat or a response, has a row,
 * too. */
#define NO_OPERATORS                                                           \
	" AND operators = 0 AND open_chats = unassigned_chats AND responses "  \
	"= 0"

/* Sets *is if, according to the tenant's totals, there are no present data. */
static bool
find_nothing(struct question *q, const struct table *t, bool *is)
{
	return has_row(q, "tenant_metrics",
	    t == &tables[TABLE_chat_metrics] ? " AND open_chats = 0"
					     : NO_OPERATORS,
	    is);
}

/* *is: the tenant has a row of the metric. */
static bool
kept_find(struct question *q, const char *metric, bool *is)
{
	const struct table *t = table_of(metric);
	bool good = has_row(q, t->name, "", is);

	if (good && !*is && t->life == LIFE_NOW)
		good = find_nothing(q, t, is);
	return good;
}

bool
kept_find_if_empty(
    struct question *q, bool empty, const char *metric, struct kept_lacking *l)
{
	bool is = true, good = !empty || kept_find(q, metric, &is);

	if (good && !is)
		l->metrics[l->n++] = metric;
	return good;
}

bool
kept_lacks(const struct kept_lacking *l, const char *metric)
{
	size_t i;

	for (i = 0; i < l->n; i++) {
		if (strcmp(l->metrics[i], metric) == 0)
			return true;
	}
	return false;
}

void
kept_add_lacking(const struct kept_lacking *l, struct buf *to)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		buf_addf(to, "%s%s", i > 0 ? ", " : "", l->metrics[i]);
}

void
kept_write_lacking(const struct kept_lacking *l, struct buf *to)
{
	struct buf names = BUF_INIT;

	kept_add_lacking(l, &names);
	jsonw_text(to, "not_kept", (struct text){ names.data, names.len });
	buf_release(&names);
}
