/*
 * past: see past.h. Each dialog runs through its past on its own clock, from 0
 * until it has its share of messages. That period is then moved so that it ends
 * at the start of the simulation. Only then are all messages sorted and
 * numbered, so ids ascend with time.
 */
#include "tests/crm/past.h"

#include <stdlib.h>

#include "common/base/xalloc.h"
#include "tests/crm/life.h"

static void
add_operator(struct world *w, enum operator_kind kind, int64_t id)
{
	static const char *const first[] = { "Anna", "Boris", "Chloé",
		"Дмитрий", "Eve", "Farid", "Grace", "Hana" };
	static const char *const last[] = { "Orlova", "Lee", "", "Иванов",
		"O'Neil", "Al-Amin", "Hopper \"Bug\"", "Sato" };
	size_t i = w->operators_n++;
	struct worker *o = &w->operators[i];

	*o = (struct worker){ .id = w->opt.id_base + id, .kind = kind };
	o->first_name = kind == ROBOT ? "Robot" : first[i % ARRAY_LEN(first)];
	o->last_name = kind == ROBOT ? "" : last[i % ARRAY_LEN(last)];
	/* A deleted account stays online. */
	o->online = kind == ROBOT || kind == DELETED || i % 5 != 4;
	if (kind == DELETED)
		o->offline_type = "busy";
	if (kind == HUMAN && i % 4 == 1)
		o->offline_type = "break";
	if (kind == HUMAN && w->opt.pace_ms > 0) {
		o->next_at = w->opt.start_ms + rng_spread(&w->rng, 20 * 60000);
		world_plan(w, PLAN_OPERATOR, (int32_t)i, o->next_at);
	}
}

static void
make_operators(struct world *w)
{
	int64_t n = w->opt.operators;

	w->operators = xcalloc((size_t)n + 4, sizeof *w->operators);
	for (int64_t i = 0; i < n; i++)
		add_operator(w, HUMAN, 501 + i);
	add_operator(w, HUMAN, 501 + n);
	/* Not hired yet. Nobody else has the name, because what Chatwoot's
	 * lines about a name mean would depend on when they are read. */
	w->operators[n].hidden = true;
	w->operators[n].first_name = "Ingrid";
	w->operators[n].last_name = "Berg";
	add_operator(w, ROBOT, 10900);
	add_operator(w, DISABLED, 10901);
	add_operator(w, DELETED, 10902);
}

/* Runs the dialog until it has its messages and is open, or closed. Returns the
 * time of the last event; *gap is the time until its next one. */
static int64_t
live(struct world *w, int32_t dialog, size_t messages, bool open, int64_t *gap)
{
	int64_t t = 1;

	for (;;) {
		struct dialog *d;

		*gap = life_step(w, dialog, t);
		d = &w->dialogs[dialog];
		if (d->messages_n >= messages &&
		    (d->phase != PHASE_CLOSED) == open)
			return t;
		t += *gap;
	}
}

/* Moves a dialog's past to the real clock. */
static void
move(struct world *w, int32_t dialog, size_t first_request, int64_t by)
{
	struct dialog *d = &w->dialogs[dialog];

	d->begin += by;
	if (d->phase == PHASE_CLOSED)
		d->end += by;
	for (size_t i = 0; i < d->messages_n; i++)
		w->messages[d->messages[i]].at += by;
	for (size_t i = first_request; i < w->requests_n; i++) {
		w->requests[i].begin += by;
		if (w->requests[i].end != 0)
			w->requests[i].end += by;
	}
}

static void
make_dialog(struct world *w, int64_t i, bool open)
{
	/* One client in ten has a second dialog, on another channel. */
	int64_t client = i % 10 == 9 ? i - 1 : i;
	int32_t dialog = world_add_dialog(w, client, 1);
	size_t first_request = w->requests_n;
	struct dialog *d = &w->dialogs[dialog];
	size_t messages = (size_t)rng_spread(&d->rng, w->opt.messages);
	int64_t gap, ago, last = live(w, dialog, messages, open, &gap);

	d = &w->dialogs[dialog];
	if (rng_chance(&d->rng, 10)) /* left behind by a deleted account */
		d->assignee = (int32_t)w->operators_n - 1;
	ago = rng_below(&d->rng, gap);
	move(w, dialog, first_request, w->opt.start_ms - ago - last);
	d->next_at = w->opt.start_ms - ago + gap;
}

struct order {
	int64_t at;
	size_t index;
};

static int
by_time(const void *a, const void *b)
{
	const struct order *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static void
sort_requests(struct world *w)
{
	size_t n = w->requests_n;
	struct order *order = xcalloc(n + 1, sizeof *order);
	struct request *old = w->requests;
	int32_t *now_at = xcalloc(n + 1, sizeof *now_at);

	for (size_t i = 0; i < n; i++)
		order[i] = (struct order){ old[i].begin, i };
	qsort(order, n, sizeof *order, by_time);
	w->requests = xcalloc(n + 1, sizeof *w->requests);
	w->requests_cap = n + 1;
	for (size_t i = 0; i < n; i++) {
		w->requests[i] = old[order[i].index];
		w->next_request_id += 1 + (int64_t)(i % 3);
		w->requests[i].id = w->next_request_id;
		now_at[order[i].index] = (int32_t)i;
	}
	for (size_t i = 0; i < w->messages_n; i++)
		w->messages[i].request = now_at[w->messages[i].request];
	for (size_t i = 0; i < w->dialogs_n; i++) {
		struct dialog *d = &w->dialogs[i];

		d->request = d->request < 0 ? -1 : now_at[d->request];
		d->previous = d->previous < 0 ? -1 : now_at[d->previous];
	}
	free(old);
	free(now_at);
	free(order);
}

static void
sort_messages(struct world *w)
{
	size_t n = w->messages_n;
	struct order *order = xcalloc(n + 1, sizeof *order);
	struct message *old = w->messages;

	for (size_t i = 0; i < n; i++)
		order[i] = (struct order){ old[i].at, i };
	qsort(order, n, sizeof *order, by_time);
	w->messages = xcalloc(n + 1, sizeof *w->messages);
	w->messages_cap = n + 1;
	for (size_t i = 0; i < w->dialogs_n; i++)
		w->dialogs[i].messages_n = 0;
	for (size_t i = 0; i < n; i++) {
		struct message *m = &w->messages[i];
		struct dialog *d;

		*m = old[order[i].index];
		w->next_message_id += 1 + (int64_t)(i % 3);
		m->id = w->next_message_id;
		d = &w->dialogs[m->dialog];
		d->messages[d->messages_n++] = (int32_t)i;
	}
	free(old);
	free(order);
}

void
past_make(struct world *w, const struct world_options *opt)
{
	int64_t pace = opt->pace_ms, closed = opt->dialogs / 5;

	w->opt = *opt;
	w->now = opt->start_ms;
	w->rng = rng_seeded(opt->seed, 1);
	w->next_message_id = opt->id_base + 3000000000;
	w->next_request_id = opt->id_base + 70000;
	make_operators(w);
	w->ids_later = true;
	if (pace == 0) /* A world without events has a past, too. */
		w->opt.pace_ms = 5 * 60000;
	for (int64_t i = 0; i < opt->dialogs + closed; i++)
		make_dialog(w, i, i % 6 != 5);
	w->opt.pace_ms = pace;
	sort_requests(w);
	sort_messages(w);
	w->ids_later = false;
	for (size_t i = 0; pace > 0 && i < w->dialogs_n; i++)
		life_plan(w, (int32_t)i, w->dialogs[i].next_at);
}
