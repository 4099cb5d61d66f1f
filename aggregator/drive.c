/*
 * drive: see drive.h.
 */
#include "aggregator/drive.h"

#include <string.h>

/* Figures that are made of the clocks' intervals. */
static bool
needs_clocks(const struct choice *c)
{
	return choice_has(c, "operator_metrics") ||
	       choice_has(c, "chat_metrics") ||
	       choice_has(c, "tenant_metrics") || choice_has(c, "intervals") ||
	       choice_has(c, "response_hours") ||
	       choice_has(c, "response_histogram");
}

void
drive_init(struct drive *d, const struct drive_setup *setup, struct text tenant,
    bool stream, int64_t as_of, uint32_t number)
{
	struct model *m = &d->model;

	memset(d, 0, sizeof *d);
	d->choice = setup->choice;
	model_init(m, tenant, stream, as_of);
	m->lasting = setup->state != NULL;
	m->window = setup->window_ms;
	m->no_clocks = !needs_clocks(d->choice);
	(void)number;
	m->no_events = !choice_has(d->choice, "event_counts");
}

void
drive_release(struct drive *d)
{
	model_release(&d->model);
}

enum model_taken
drive_add(struct drive *d, const struct record *r)
{
	return model_add(&d->model, r);
}

void
drive_settle(struct drive *d, const struct rules *rules, bool refresh)
{
	(void)refresh;
	model_settle(&d->model, rules);
}

void
drive_sent(struct drive *d)
{
	(void)d;
}
