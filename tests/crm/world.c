/* world: the arrays and their consistency; see world.h. */
#include "tests/crm/world.h"

#include <stdlib.h>

#include "common/base/xalloc.h"

const struct channel world_channels[WORLD_CHANNELS] = {
	{ 11, "Main", "telegram" },
	{ 12, "Shop", "wa_dialog" },
	{ 13, "Site", "widget" },
	{ 14, "Viber \"old\"", "viber_public" },
	{ 15, "Direct", "insta_direct" },
};

#define FIRST_DIALOG 9001

struct dialog *
world_dialog(const struct world *w, int64_t id)
{
	int64_t i = id - w->opt.id_base - FIRST_DIALOG;

	return i >= 0 && i < (int64_t)w->dialogs_n ? &w->dialogs[i] : NULL;
}

int32_t
world_operator(const struct world *w, int64_t id)
{
	for (size_t i = 0; i < w->operators_n; i++)
		if (w->operators[i].id == id)
			return (int32_t)i;
	return NO_OPERATOR;
}

int64_t
world_load(const struct world *w, int32_t who)
{
	int64_t n = 0;

	for (size_t i = 0; i < w->dialogs_n; i++)
		n += w->dialogs[i].end == 0 && !w->dialogs[i].gone &&
		     w->dialogs[i].assignee == who;
	return n;
}

const struct message *
world_last(const struct world *w, const struct dialog *d)
{
	if (d->messages_n == 0)
		return NULL;
	return &w->messages[d->messages[d->messages_n - 1]];
}

bool
world_visible(const struct world *w, const struct message *m)
{
	return m->at <= w->now - w->opt.lag_ms && !w->dialogs[m->dialog].gone;
}

int32_t
world_add_dialog(struct world *w, int64_t client, int64_t t)
{
	struct dialog *d;

	XGROW(w->dialogs, w->dialogs_n, w->dialogs_cap);
	d = &w->dialogs[w->dialogs_n];
	*d = (struct dialog){ 0 };
	d->id = w->opt.id_base + FIRST_DIALOG + (int64_t)w->dialogs_n;
	d->client = client;
	d->begin = t;
	d->end = t;
	d->rng = rng_seeded(w->opt.seed, 1000 + w->dialogs_n);
	d->channel = (int32_t)rng_below(&d->rng, WORLD_CHANNELS);
	d->assignee = NO_OPERATOR;
	d->request = -1;
	d->previous = -1;
	d->phase = PHASE_CLOSED;
	return (int32_t)w->dialogs_n++;
}

/* The past has no webhooks. */
static void
add_event(struct world *w, struct event e)
{
	if (w->ids_later)
		return;
	e.who = w->dialogs[e.dialog].assignee;
	e.message = (int32_t)w->messages_n - 1;
	XGROW(w->events, w->happenings_n, w->happenings_cap);
	w->events[w->happenings_n++] = e;
}

/* Adds an event for the webhooks of Chatwoot. */
static void
changed(struct world *w, enum push_kind kind, int32_t dialog, int32_t before,
    int64_t t)
{
	if (w->opt.chatwoot)
		add_event(w, (struct event){ .at = t,
				 .kind = kind,
				 .dialog = dialog,
				 .before = before,
				 .is_new = w->dialogs[dialog].end == 0 });
}

int32_t
world_open_request(struct world *w, int32_t dialog, int64_t t)
{
	struct dialog *d = &w->dialogs[dialog];
	struct request *r;

	XGROW(w->requests, w->requests_n, w->requests_cap);
	r = &w->requests[w->requests_n];
	*r = (struct request){ .begin = t, .dialog = dialog };
	if (!w->ids_later) {
		w->next_request_id += 1 + rng_below(&d->rng, 3);
		r->id = w->next_request_id;
	}
	d->previous = d->request;
	d->request = (int32_t)w->requests_n++;
	d->end = 0;
	if (d->previous >= 0)
		changed(w, PUSH_STATUS, dialog, NO_OPERATOR, t);
	if (w->opt.qiscus) {
		d->assignee = NO_OPERATOR;
		d->agents = 0;
	}
	d->phase = PHASE_ANSWERED;
	if (w->opt.chatwoot && d->previous >= 0)
		world_tell(w, dialog, SERVICE_REOPENED, NO_OPERATOR, t);
	return w->dialogs[dialog].request;
}

/* Adds an event for the webhooks of Qiscus. */
static void
happened(struct world *w, enum push_kind kind, int32_t dialog, int64_t t,
    bool is_new)
{
	if (w->opt.qiscus)
		add_event(w, (struct event){ .at = t,
				 .kind = kind,
				 .dialog = dialog,
				 .is_new = is_new });
}

void
world_did(struct world *w, enum deed_kind kind, int32_t dialog, int32_t who,
    int32_t before)
{
	int64_t held = who != NO_OPERATOR ? world_load(w, who) : 0;

	if (w->ids_later) /* the past */
		return;
	XGROW(w->deeds, w->deeds_n, w->deeds_cap);
	w->deeds[w->deeds_n++] =
	    (struct deed){ w->now, kind, dialog, who, before, held };
}

/* Repeated for each message while the dialog has no assignee. */
static void
client_wrote(struct world *w, int32_t dialog, int64_t t)
{
	const struct dialog *d = &w->dialogs[dialog];
	bool is_new = true;

	for (size_t i = d->messages_n - 1; i-- > 0 && is_new;) {
		const struct message *m = &w->messages[d->messages[i]];

		if (m->request != d->request)
			break;
		is_new = m->type != FROM_CLIENT;
	}
	if (is_new)
		happened(w, PUSH_SESSION, dialog, t, true);
	if (d->assignee != NO_OPERATOR)
		return;
	happened(w, PUSH_WAITING, dialog, t, is_new);
	world_did(w, DEED_WAITS, dialog, NO_OPERATOR, NO_OPERATOR);
}

void
world_close(struct world *w, int32_t dialog, int64_t t)
{
	struct dialog *d;

	if (world_tells_all(w))
		world_tell(w, dialog, SERVICE_CLOSED, NO_OPERATOR, t);
	d = &w->dialogs[dialog];
	d->end = t;
	d->phase = PHASE_CLOSED;
	w->requests[d->request].end = t;
	happened(w, PUSH_RESOLVED, dialog, t, false);
	changed(w, PUSH_STATUS, dialog, NO_OPERATOR, t);
	world_did(w, DEED_RESOLVED, dialog, NO_OPERATOR, d->assignee);
}

void
world_give(struct world *w, int32_t dialog, int32_t who, int64_t t)
{
	struct dialog *d = &w->dialogs[dialog];
	int32_t before = d->assignee;

	d->assignee = who;
	d->agents = who != NO_OPERATOR;
	changed(w, PUSH_ASSIGNEE, dialog, before, t);
	if (w->opt.chatwoot || (w->opt.qiscus && who != NO_OPERATOR))
		world_tell(w, dialog, SERVICE_TRANSFERRED, who, t);
}

int32_t
world_say(struct world *w, int32_t dialog, enum message_type type,
    int32_t author, int64_t t)
{
	struct dialog *d = &w->dialogs[dialog];
	struct message *m;

	XGROW(w->messages, w->messages_n, w->messages_cap);
	m = &w->messages[w->messages_n];
	*m = (struct message){
		.at = t,
		.dialog = dialog,
		.request = d->request,
		.author = author,
		.type = (uint8_t)type,
		.text = (uint8_t)rng_below(&d->rng, WORLD_TEXTS + 1),
		.read = type != FROM_CLIENT,
	};
	if (!w->ids_later) {
		w->next_message_id += 1 + rng_below(&d->rng, 3);
		m->id = w->next_message_id;
	}
	XGROW(d->messages, d->messages_n, d->messages_cap);
	d->messages[d->messages_n++] = (int32_t)w->messages_n++;
	if (type == FROM_CLIENT)
		client_wrote(w, dialog, t);
	if (d->messages_n == 1)
		changed(w, PUSH_CREATED, dialog, NO_OPERATOR, t);
	if (type != SYSTEM) /* lines have no webhooks */
		changed(w, PUSH_MESSAGE, dialog, NO_OPERATOR, t);
	return (int32_t)w->messages_n - 1;
}

void
world_tell(struct world *w, int32_t dialog, enum service_line service,
    int32_t author, int64_t t)
{
	int32_t m = world_say(w, dialog, SYSTEM, author, t);

	if (w->opt.tells)
		w->messages[m].service = (uint8_t)service;
}

void
world_label(struct world *w, int32_t dialog)
{
	w->dialogs[dialog].labelled_at = w->now;
	changed(w, PUSH_LABELS, dialog, NO_OPERATOR, w->now);
}

static bool
earlier(const struct planned *a, const struct planned *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void
swap_planned(struct planned *a, struct planned *b)
{
	struct planned c = *a;

	*a = *b;
	*b = c;
}

void
world_plan(struct world *w, enum plan_kind kind, int32_t who, int64_t at)
{
	size_t i = w->plan_n;

	XGROW(w->plan, w->plan_n, w->plan_cap);
	w->plan[w->plan_n++] = (struct planned){ at, w->planned++, kind, who };
	while (i > 0 && earlier(&w->plan[i], &w->plan[(i - 1) / 2])) {
		swap_planned(&w->plan[i], &w->plan[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
}

bool
world_due(struct world *w, int64_t until, struct planned *next)
{
	size_t i = 0;

	if (w->plan_n == 0 || w->plan[0].at > until)
		return false;
	*next = w->plan[0];
	w->plan[0] = w->plan[--w->plan_n];
	for (;;) {
		size_t least = i, left = 2 * i + 1;

		for (size_t c = left; c < left + 2 && c < w->plan_n; c++)
			if (earlier(&w->plan[c], &w->plan[least]))
				least = c;
		if (least == i)
			return true;
		swap_planned(&w->plan[i], &w->plan[least]);
		i = least;
	}
}

void
world_release(struct world *w)
{
	for (size_t i = 0; i < w->dialogs_n; i++)
		free(w->dialogs[i].messages);
	for (size_t i = 0; i < PUSH_KINDS; i++)
		free(w->webhooks[i].url);
	free(w->events);
	free(w->deeds);
	free(w->dialogs);
	free(w->operators);
	free(w->requests);
	free(w->messages);
	free(w->plan);
	*w = (struct world){ 0 };
}
