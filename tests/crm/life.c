/* life: the events of dialogs and operators; see life.h. */
#include "tests/crm/life.h"

#include <stddef.h>

#include "common/base/xalloc.h"

static bool
is_night(const struct world *w, int64_t t)
{
	int64_t hour = t / 3600000 % 24;

	return hour < w->opt.hour_from || hour >= w->opt.hour_to;
}

/* Returns a human who can take a dialog; sometimes one who should not. */
static int32_t
somebody(struct world *w, struct dialog *d)
{
	if (w->ids_later && rng_chance(&d->rng, 20)) /* since deleted */
		return (int32_t)w->operators_n - 1;
	for (int tries = 0; tries < 20; tries++) {
		int32_t i =
		    (int32_t)rng_below(&d->rng, (int64_t)w->operators_n);
		const struct worker *o = &w->operators[i];

		if (o->kind == HUMAN && !o->hidden && (o->online || tries > 9))
			return i;
	}
	return 0;
}

static int32_t
robot(const struct world *w)
{
	for (size_t i = 0; i < w->operators_n; i++)
		if (w->operators[i].kind == ROBOT)
			return (int32_t)i;
	return NO_OPERATOR;
}

/* True if only the API assigns dialogs. In the past, operators took them. */
static bool
is_ours(const struct world *w)
{
	return w->opt.by_us && !w->ids_later;
}

static void
take(struct world *w, int32_t dialog, int64_t t)
{
	struct dialog *d = &w->dialogs[dialog];

	if (d->assignee != NO_OPERATOR || is_ours(w))
		return;
	world_give(w, dialog, somebody(w, d), t);
	if (!world_tells_all(w) && rng_chance(&d->rng, 400))
		world_tell(w, dialog, SERVICE_TRANSFERRED, d->assignee, t);
}

void
life_client_writes(struct world *w, int32_t dialog, int64_t t)
{
	struct dialog *d = &w->dialogs[dialog];

	if (d->phase == PHASE_CLOSED)
		world_open_request(w, dialog, t);
	d->snoozed_at = 0;
	/* For a client's message, the API shows the assignee, not an author. */
	world_say(w, dialog, FROM_CLIENT, d->assignee, t);
	w->dialogs[dialog].phase = PHASE_WAITING;
}

void
life_operator_answers(struct world *w, int32_t dialog, int64_t t)
{
	struct dialog *d = &w->dialogs[dialog];

	if (d->phase == PHASE_CLOSED)
		world_open_request(w, dialog, t);
	take(w, dialog, t);
	if (d->assignee == NO_OPERATOR)
		return;
	world_say(w, dialog, TO_CLIENT, d->assignee, t);
	d->phase = PHASE_ANSWERED;
}

static void
other_answers(struct world *w, int32_t dialog, int64_t t)
{
	struct dialog *d = &w->dialogs[dialog];

	if (is_ours(w))
		return;
	world_say(w, dialog, TO_CLIENT, somebody(w, d), t);
	d->phase = PHASE_ANSWERED;
}

static void
robot_answers(struct world *w, int32_t dialog, int64_t t)
{
	world_say(w, dialog, TO_CLIENT, robot(w), t);
	w->dialogs[dialog].phase = PHASE_ANSWERED;
}

/* The API sends a message to the client, without an author. */
static void
integration_answers(struct world *w, int32_t dialog, int64_t t)
{
	world_say(w, dialog, TO_CLIENT, NO_OPERATOR, t);
}

static void
autoreply(struct world *w, int32_t dialog, int64_t t)
{
	world_say(w, dialog, AUTOREPLY, NO_OPERATOR, t);
}

static void
note(struct world *w, int32_t dialog, int64_t t)
{
	struct dialog *d = &w->dialogs[dialog];

	if (!w->opt.qiscus)
		world_say(w, dialog, COMMENT, somebody(w, d), t);
}

static void
system_line(struct world *w, int32_t dialog, int64_t t)
{
	world_say(w, dialog, SYSTEM, NO_OPERATOR, t);
}

static void
transfer(struct world *w, int32_t dialog, int64_t t)
{
	struct dialog *d = &w->dialogs[dialog];

	if (is_ours(w))
		return;
	world_give(w, dialog, somebody(w, d), t);
	if (!world_tells_all(w) && rng_chance(&d->rng, 700))
		world_tell(w, dialog, SERVICE_TRANSFERRED, d->assignee, t);
}

static void
release(struct world *w, int32_t dialog, int64_t t)
{
	if (!is_ours(w))
		world_give(w, dialog, NO_OPERATOR, t);
}

/* A survey belongs to the request that it asks about, even if it comes late. */
static void
late_survey(struct world *w, int32_t dialog, int64_t t)
{
	struct dialog *d = &w->dialogs[dialog];

	if (d->previous >= 0 && !w->opt.qiscus) {
		int32_t m = world_say(w, dialog, UNTYPED, NO_OPERATOR, t);

		w->messages[m].request = d->previous;
	}
}

static void
finish(struct world *w, int32_t dialog, int64_t t)
{
	struct dialog *d = &w->dialogs[dialog];

	if (!world_tells_all(w) && rng_chance(&d->rng, 600))
		world_tell(w, dialog, SERVICE_CLOSED, NO_OPERATOR, t);
	world_close(w, dialog, t);
	if (!w->opt.qiscus && rng_chance(&d->rng, 300))
		world_say(w, dialog, UNTYPED, NO_OPERATOR, t);
}

/* The events of an open dialog; the weights, per phase, add up to 1000. */
static const struct {
	void (*act)(struct world *w, int32_t dialog, int64_t t);
	int waiting, answered;
	bool by_hand; /* needs an operator at work */
} acts[] = {
	{ life_operator_answers, 400, 170, true },
	{ life_client_writes, 230, 500, false },
	{ other_answers, 30, 20, true },
	{ robot_answers, 50, 10, false },
	{ integration_answers, 15, 15, false },
	{ autoreply, 80, 30, false },
	{ note, 55, 45, true },
	{ system_line, 20, 30, false },
	{ transfer, 65, 45, true },
	{ release, 30, 20, true },
	{ late_survey, 5, 15, false },
	{ finish, 20, 100, true },
};

/* A closed dialog is reopened, or a new client takes its place. The past is
 * created dialog by dialog; in it, each dialog is reopened after hours or
 * days. */
static int64_t
after_closing(struct world *w, struct dialog *d, int64_t t)
{
	int64_t gap = rng_spread(&d->rng, 6 * w->opt.pace_ms);

	if (w->ids_later)
		return rng_spread(&d->rng, 12 * 3600000);
	if (rng_chance(&d->rng, 500))
		return gap;
	world_plan(w, PLAN_ARRIVAL, 0, t + gap);
	return 0;
}

static void
come_back(struct world *w, int32_t dialog, int64_t t)
{
	struct dialog *d = &w->dialogs[dialog];

	if (!w->opt.chatwoot && rng_chance(&d->rng, 300))
		d->assignee = NO_OPERATOR;
	if (d->request >= 0 && rng_chance(&d->rng, 100)) {
		world_open_request(w, dialog, t);
		if (!w->opt.chatwoot) /* Chatwoot reports each of them. */
			world_tell(w, dialog, SERVICE_REOPENED, NO_OPERATOR, t);
	}
	if (rng_chance(&d->rng, 920))
		life_client_writes(w, dialog, t);
	else
		life_operator_answers(w, dialog, t);
}

static int64_t
open_gap(struct world *w, struct dialog *d, int64_t t)
{
	int64_t gap;

	if (rng_chance(&d->rng, 250))
		return 1 + rng_below(&d->rng, 8000);
	gap = 1 + rng_spread(&d->rng, w->opt.pace_ms * 4 / 3);
	return !w->ids_later && is_night(w, t) ? 4 * gap : gap;
}

int64_t
life_step(struct world *w, int32_t dialog, int64_t t)
{
	struct dialog *d = &w->dialogs[dialog];
	int64_t pick;

	if (d->phase == PHASE_CLOSED) {
		come_back(w, dialog, t);
		return open_gap(w, d, t);
	}
	pick = rng_below(&d->rng, 1000);
	for (size_t i = 0; i < ARRAY_LEN(acts); i++) {
		pick -= d->phase == PHASE_WAITING ? acts[i].waiting
						  : acts[i].answered;
		if (pick >= 0)
			continue;
		if (!acts[i].by_hand || w->ids_later || !is_night(w, t) ||
		    rng_chance(&d->rng, 50))
			acts[i].act(w, dialog, t);
		break;
	}
	if (d->phase == PHASE_CLOSED)
		return after_closing(w, d, t);
	return open_gap(w, d, t);
}

void
life_plan(struct world *w, int32_t dialog, int64_t at)
{
	w->dialogs[dialog].next_at = at;
	world_plan(w, PLAN_DIALOG, dialog, at);
}

static void
dialog_event(struct world *w, int32_t dialog, int64_t t)
{
	int64_t gap;

	if (w->dialogs[dialog].next_at != t)
		return;
	gap = life_step(w, dialog, t);
	if (gap > 0)
		life_plan(w, dialog, t + gap);
}

static void
arrival(struct world *w, int64_t t)
{
	/* Most clients are new; some write on a second channel. */
	int64_t client = rng_chance(&w->rng, 900)
			     ? (int64_t)w->dialogs_n
			     : rng_below(&w->rng, (int64_t)w->dialogs_n);
	int32_t dialog = world_add_dialog(w, client, t);

	w->dialogs[dialog].next_at = t;
	if (rng_chance(&w->rng, 30)) {
		/* It was opened by an operator, and has no message yet. */
		world_open_request(w, dialog, t);
		life_plan(w, dialog, t + rng_spread(&w->rng, 60000));
		return;
	}
	dialog_event(w, dialog, t);
}

static void
operator_event(struct world *w, int32_t who, int64_t t)
{
	static const char *const breaks[] = { "break", "busy", "study",
		"holiday", "tech break" };
	struct worker *o = &w->operators[who];
	int64_t pick = rng_below(&w->rng, 10);

	if (o->next_at != t)
		return;
	o->online = pick < 8;
	o->offline_type = NULL;
	if (pick == 6 || pick == 7)
		o->offline_type = breaks[rng_below(&w->rng, 5)];
	if (pick == 9 && rng_chance(&w->rng, 200))
		o->hidden = !o->hidden;
	o->next_at = t + rng_spread(&w->rng, 30 * 60000);
	world_plan(w, PLAN_OPERATOR, who, o->next_at);
}

bool
life_next(struct world *w, int64_t t)
{
	struct planned next;

	if (!world_due(w, t, &next)) {
		if (t > w->now)
			w->now = t;
		return false;
	}
	w->now = next.at;
	switch (next.kind) {
	case PLAN_DIALOG:
		dialog_event(w, next.who, next.at);
		break;
	case PLAN_OPERATOR:
		operator_event(w, next.who, next.at);
		break;
	case PLAN_ARRIVAL:
		arrival(w, next.at);
		break;
	}
	return true;
}
