/*
 * job: see job.h.
 */
#include "aggregator/tenant/job.h"

#include <string.h>

#include "common/base/text.h"
#include "common/base/xalloc.h"

/* Types of records that can be passed through unchanged. */
static const char *const pass_through_names[] = { "messages", "views",
	"eventlog" };

static bool
is_name_selected(const char *name, char *const *wanted)
{
	return text_is_listed(name, wanted) || text_is_listed("all", wanted);
}

/* A metric with side effects is selected only by its own name. */
static bool
is_metric_selected(const struct metric *f, char *const *wanted)
{
	return f->acts ? text_is_listed(f->table->selector, wanted)
		       : is_name_selected(f->table->selector, wanted);
}

static bool
is_metric_name(const char *name)
{
	size_t i;

	for (i = 0; i < metrics_n; i++)
		if (strcmp(metrics[i]->table->selector, name) == 0)
			return true;
	for (i = 0; i < ARRAY_LEN(pass_through_names); i++)
		if (strcmp(pass_through_names[i], name) == 0)
			return true;
	return strcmp(name, "all") == 0;
}

static void
list_known_metrics(const char *name, struct buf *why)
{
	size_t i;

	buf_setf(why, "unknown metric '%s'; metrics: ", name);
	for (i = 0; i < ARRAY_LEN(pass_through_names); i++)
		buf_addf(why, "%s%s", i > 0 ? ", " : "", pass_through_names[i]);
	for (i = 0; i < metrics_n; i++) {
		name = metrics[i]->table->selector;
		if (i == 0 ||
		    strcmp(name, metrics[i - 1]->table->selector) != 0)
			buf_addf(why, ", %s", name);
	}
	buf_adds(why, "; all");
}

static bool
is_any_selected(const struct metric_selection *c)
{
	return c->n > 0 || c->messages || c->views || c->eventlog;
}

bool
metric_selection_has(const struct metric_selection *c, const char *table)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (strcmp(c->metrics[i]->table->name, table) == 0)
			return true;
	return false;
}

static void
add_metric(struct metric_selection *c, const struct metric *f)
{
	if (!metric_selection_has(c, f->table->name))
		c->metrics[c->n++] = f;
	c->allocation = c->allocation || f->acts;
}

int
metric_selection_parse(
    struct metric_selection *c, char *const *wanted, struct buf *why)
{
	size_t i;

	memset(c, 0, sizeof *c);
	for (i = 0; wanted[i] != NULL; i++) {
		if (!is_metric_name(wanted[i])) {
			list_known_metrics(wanted[i], why);
			return -1;
		}
	}
	c->messages = is_name_selected(pass_through_names[0], wanted);
	c->views = is_name_selected(pass_through_names[1], wanted);
	c->eventlog = is_name_selected(pass_through_names[2], wanted);
	for (i = 0; i < metrics_n; i++)
		if (is_metric_selected(metrics[i], wanted))
			add_metric(c, metrics[i]);
	if (is_any_selected(c))
		return 0;
	buf_setf(why, "no metric given");
	return -1;
}

void
metric_selection_add(struct metric_selection *c, const char *table)
{
	add_metric(c, metric_find(table));
}

bool
metric_selection_leave_out_allocation(struct metric_selection *c)
{
	size_t i, n = 0;

	for (i = 0; i < c->n; i++)
		if (!c->metrics[i]->acts)
			c->metrics[n++] = c->metrics[i];
	c->n = n;
	c->allocation = false;
	return is_any_selected(c);
}

void
metric_selection_add_overview(struct metric_selection *c)
{
	size_t i;

	c->overview = true;
	for (i = 0; i < metrics_n; i++)
		if (metrics[i]->in_overview)
			add_metric(c, metrics[i]);
}

bool
metric_selection_passes(
    const struct metric_selection *c, const struct record *r)
{
	return r->type == RECORD_NAME ||
	       (r->type == RECORD_MESSAGE && c->messages) ||
	       (r->type == RECORD_VIEW && c->views) ||
	       (r->type == RECORD_EVENT && c->eventlog);
}
