/* control: see control.h. */
#include "tests/crm/control.h"

#include <string.h>

#include "common/base/xalloc.h"
#include "common/json/jsonw.h"
#include "tests/crm/api.h"
#include "tests/crm/life.h"
#include "tests/crm/render.h"

const char control_help[] =
    "Control, on the same port (no token, not counted as API calls):\n"
    "  GET  /control/stats             calls, by route and account; the clock\n"
    "  POST /control/reset-stats       calls back to 0\n"
    "  POST /control/advance?seconds=S moves the clock; the worlds live on\n"
    "  POST /control/set?lag=S&latency=MS&speed=X&auto_assign=1\n"
    "       (Chatwoot shows that it assigns itself)\n"
    "  POST /control/fault?name=NAME[&count=N][&after=N][&route=PREFIX]\n"
    "       [&value=V][&account=TOKEN][&method=M]  adds a fault; name=none\n"
    "       ends all\n"
    "  POST /control/act?do=ACT&dialog=ID[&operator=ID][&account=TOKEN]\n"
    "       ACT: client answer note autoreply system transfer close\n"
    "       late&ago=S (what the client wrote then arrives now);\n"
    "       handoff (of Chatwoot: a bot opens it, which it has not closed);\n"
    "       remove (from then on nothing shows it);\n"
    "       label (of Chatwoot: it has the label new first);\n"
    "       snooze (of Chatwoot: until the client writes);\n"
    "       arrive (a new client writes, or first the operator; the answer\n"
    "       names the dialog);\n"
    "       online offline (an operator, or all: from then on they stay so);\n"
    "       touch&percent=P (a client writes in that share of open dialogs)\n"
    "  POST /control/webhooks?lose=N&repeat=N&delay=MS  of 1000 webhooks N\n"
    "       are lost or sent twice; each waits for up to MS\n"
    "  GET  /control/world[?account=TOKEN]  all dialogs and messages, what "
    "the\n"
    "       API assigned, dialogs that more than one holds (crowded), or that\n"
    "       it gave to one who is not a member of inbox or team (strangers), "
    "times\n"
    "       of messages in ms (message_ms)\n"
    "  POST /control/report  the body is what Chatwoot reports: {agents: its\n"
    "       rows, business_hours: these, of business hours, events: {DIALOG: "
    "its}}\n"
    "  GET  /control/journal[?account=TOKEN][&from=N]  who was given what, in\n"
    "       order: waits (a customer wrote, nobody has it), assigned (by the\n"
    "       API), given (by others), resolved, online, offline; before: who\n"
    "       had it; held: how many open ones the operator has, with it\n"
    "With the header X-Uncounted: 1 the API itself is neither counted, slow\n"
    "nor given faults: what the CRM shows.\n";

static void
ok(struct answer *a)
{
	answer_text(a, 200, "{\"status\":\"success\"}\n");
}

static struct world *
account(const struct call *c)
{
	const char *token = c->query(c->ctx, "account");
	struct sim *s = c->sim;

	for (size_t i = 0; i < s->worlds_n; i++)
		if (token == NULL || strcmp(token, s->worlds[i].opt.token) == 0)
			return &s->worlds[i];
	return NULL;
}

static void
push_stats(struct buf *b, struct push_tally t)
{
	buf_adds(b, ",\"webhooks\":");
	jsonw_open(b);
	jsonw_int(b, "queued", t.queued);
	jsonw_int(b, "sent", t.sent);
	jsonw_int(b, "good", t.good);
	jsonw_int(b, "failed", t.failed);
	jsonw_int(b, "lost", t.lost);
	jsonw_int(b, "repeated", t.repeated);
	jsonw_close(b);
}

static void
stats(struct call *c, struct answer *a)
{
	struct buf *b = &a->body, name = BUF_INIT;
	struct sim *s = c->sim;

	a->status = 200;
	jsonw_open(b);
	jsonw_int(b, "calls", (int64_t)s->calls);
	jsonw_time(b, "now", s->now_ms);
	buf_adds(b, ",\"by_route\":{");
	for (size_t i = 0; i < SIM_ROUTES; i++) {
		const char *route = sim_route_name(s, i, &name);

		if (s->by_route[i] > 0)
			jsonw_int(b, route != NULL ? route : "unknown",
			    (int64_t)s->by_route[i]);
	}
	buf_adds(b, "},\"by_account\":{");
	for (size_t i = 0; i < s->worlds_n; i++)
		jsonw_int(
		    b, s->worlds[i].opt.token, (int64_t)s->worlds[i].calls);
	buf_addc(b, '}');
	if (s->push != NULL)
		push_stats(b, push_tally(s->push));
	buf_adds(b, "}\n");
	buf_release(&name);
}

static void
reset_stats(struct call *c, struct answer *a)
{
	struct sim *s = c->sim;

	s->calls = 0;
	memset(s->by_route, 0, sizeof s->by_route);
	for (size_t i = 0; i < s->worlds_n; i++)
		s->worlds[i].calls = 0;
	ok(a);
}

static void
advance(struct call *c, struct answer *a)
{
	int64_t seconds = call_int(c, "seconds", 0);

	if (seconds < 0 || seconds > 366 * 86400) {
		answer_error(a, 400, "seconds must be 0 to a year", NULL);
		return;
	}
	sim_advance(c->sim, seconds * 1000);
	ok(a);
}

static void
set(struct call *c, struct answer *a)
{
	struct sim *s = c->sim;
	int64_t lag = call_int(c, "lag", -1);

	for (size_t i = 0; lag >= 0 && i < s->worlds_n; i++)
		s->worlds[i].opt.lag_ms = lag * 1000;
	s->latency_ms = call_int(c, "latency", s->latency_ms);
	s->speed_milli = call_int(c, "speed", s->speed_milli / 1000) * 1000;
	s->auto_assign = call_int(c, "auto_assign", s->auto_assign) != 0;
	ok(a);
}

static void
fault(struct call *c, struct answer *a)
{
	if (fault_add(&c->sim->faults, c) != 0)
		answer_error(a, 400, "no such fault; see --help", NULL);
	else
		ok(a);
}

static void
webhooks(struct call *c, struct answer *a)
{
	struct push *p = c->sim->push;

	if (p == NULL) {
		answer_error(a, 400, "Chat2Desk sends no webhooks here", NULL);
		return;
	}
	push_fault(p, call_int(c, "lose", 0), call_int(c, "repeat", 0),
	    call_int(c, "delay", 0));
	ok(a);
}

/* A new client writes, or an operator writes first. The answer is the dialog's
 * number. */
static void
arrive(struct world *w, int32_t who, struct answer *a)
{
	int32_t i = world_add_dialog(w, (int64_t)w->dialogs_n, w->now);

	if (who == NO_OPERATOR) {
		life_client_writes(w, i, w->now);
	} else {
		world_open_request(w, i, w->now);
		world_say(w, i, TO_CLIENT, who, w->now);
	}
	if (w->opt.pace_ms > 0)
		life_plan(w, i, w->now + w->opt.pace_ms);
	buf_clear(&a->body);
	buf_addf(&a->body, "{\"status\":\"success\",\"dialog\":%lld}\n",
	    (long long)w->dialogs[i].id);
}

/* True if it is an action of an operator without a dialog. */
static bool
operator_acts(struct world *w, const char *what, int32_t who)
{
	bool on = strcmp(what, "online") == 0;

	if (!on && strcmp(what, "offline") != 0)
		return false;
	for (size_t i = 0; i < w->operators_n; i++) {
		struct worker *o = &w->operators[i];

		if (!worker_is_agent(o) ||
		    (who != NO_OPERATOR && (int32_t)i != who))
			continue;
		o->online = on;
		o->offline_type = NULL;
		o->next_at = 0; /* no more changes on its own */
		world_did(w, on ? DEED_ONLINE : DEED_OFFLINE, -1, (int32_t)i,
		    NO_OPERATOR);
	}
	return true;
}

static void
touch(struct world *w, int64_t percent)
{
	size_t n = 0, done = 0;

	for (size_t i = 0; i < w->dialogs_n; i++) {
		if (w->dialogs[i].end != 0)
			continue;
		n++;
		if (n * (size_t)percent / 100 > done) {
			life_client_writes(w, (int32_t)i, w->now);
			done++;
		}
	}
}

/* Actions that need only a person, a dialog and a time. */
static const struct {
	const char *name;
	enum message_type type;
	bool by_operator;
} sayings[] = {
	{ "answer", TO_CLIENT, true },
	{ "note", COMMENT, true },
	{ "autoreply", AUTOREPLY, false },
	{ "system", SYSTEM, false },
	{ "late", FROM_CLIENT, false },
};

static bool
say(struct world *w, int32_t i, const char *what, int32_t who, int64_t t)
{
	for (size_t k = 0; k < ARRAY_LEN(sayings); k++) {
		if (strcmp(sayings[k].name, what) != 0)
			continue;
		if (w->dialogs[i].end != 0 && sayings[k].type == TO_CLIENT)
			world_open_request(w, i, w->now);
		world_say(w, i, sayings[k].type,
		    sayings[k].by_operator ? who : NO_OPERATOR, t);
		if (sayings[k].type == TO_CLIENT)
			w->dialogs[i].phase = PHASE_ANSWERED;
		return true;
	}
	return false;
}

/* Control calls that the API does not have. */
static void
transfer(struct world *w, int32_t i, int32_t who)
{
	int32_t before = w->dialogs[i].assignee;

	world_give(w, i, who, w->now);
	world_did(w, DEED_GIVEN, i, who, before);
}

static void
act(struct call *c, struct answer *a)
{
	struct world *w = account(c);
	const char *what = c->query(c->ctx, "do");
	struct dialog *d =
	    w == NULL ? NULL : world_dialog(w, call_int(c, "dialog", -1));
	int64_t id = call_int(c, "operator", 0);
	int32_t i, who;

	ok(a);
	if (w != NULL && what != NULL && strcmp(what, "touch") == 0) {
		touch(w, call_int(c, "percent", 5));
		return;
	}
	if (w != NULL && what != NULL && strcmp(what, "arrive") == 0) {
		arrive(w, id == 0 ? NO_OPERATOR : world_operator(w, id), a);
		return;
	}
	if (w != NULL && what != NULL &&
	    operator_acts(
		w, what, id == 0 ? NO_OPERATOR : world_operator(w, id)))
		return;
	if (d == NULL || what == NULL || d->request < 0) {
		answer_error(a, 400, "no such dialog or act", NULL);
		return;
	}
	i = (int32_t)(d - w->dialogs);
	who = id == 0 ? d->assignee : world_operator(w, id);
	if (strcmp(what, "client") == 0)
		life_client_writes(w, i, w->now);
	else if (strcmp(what, "transfer") == 0)
		transfer(w, i, id == 0 ? NO_OPERATOR : who);
	else if (strcmp(what, "close") == 0 && d->end == 0)
		world_close(w, i, w->now);
	else if (strcmp(what, "label") == 0)
		world_label(w, i);
	else if (strcmp(what, "snooze") == 0)
		d->snoozed_at = w->now;
	else if (strcmp(what, "remove") == 0)
		d->gone = true;
	else if (strcmp(what, "handoff") == 0)
		world_tell(w, i, SERVICE_REOPENED, NO_OPERATOR, w->now);
	else if (!say(w, i, what, who, w->now - call_int(c, "ago", 0) * 1000))
		answer_error(a, 400, "no such act here", NULL);
}

/* Shows which dialogs the API assigned to whom, in order, and dialogs that
 * several operators hold. */
static void
show_assigned(struct buf *b, const struct world *w)
{
	const char *comma = "";

	buf_adds(b, ",\"assigned\":[");
	for (size_t i = 0; i < w->deeds_n; i++) {
		const struct deed *x = &w->deeds[i];

		if (x->kind != DEED_ASSIGNED)
			continue;
		buf_adds(b, comma);
		comma = ",";
		jsonw_open(b);
		jsonw_time(b, "at", x->at);
		jsonw_int(b, "dialog", w->dialogs[x->dialog].id);
		jsonw_int(b, "operator", w->operators[x->who].id);
		jsonw_close(b);
	}
	buf_adds(b, "],\"crowded\":[");
	comma = "";
	for (size_t i = 0; i < w->dialogs_n; i++) {
		if (w->dialogs[i].agents < 2)
			continue;
		buf_addf(b, "%s%lld", comma, (long long)w->dialogs[i].id);
		comma = ",";
	}
	buf_adds(b, "],\"strangers\":[");
	comma = "";
	for (size_t i = 0; i < w->dialogs_n; i++) {
		if (!w->dialogs[i].stranger)
			continue;
		buf_addf(b, "%s%lld", comma, (long long)w->dialogs[i].id);
		comma = ",";
	}
	buf_addc(b, ']');
}

static void
show_world(struct call *c, struct answer *a)
{
	struct world *w = account(c);
	struct buf *b = &a->body;
	const char *comma = "";

	if (w == NULL) {
		answer_error(a, 404, "no such account", NULL);
		return;
	}
	a->status = 200;
	jsonw_open(b);
	jsonw_time(b, "now", w->now);
	buf_adds(b, ",\"bot_operators\":[");
	for (size_t i = 0; i < w->operators_n; i++)
		if (w->operators[i].kind == ROBOT)
			buf_addf(b, "\"%lld\"", (long long)w->operators[i].id);
	buf_adds(b, "],\"dialogs\":[");
	for (size_t i = 0; i < w->dialogs_n; i++, comma = ",") {
		buf_adds(b, comma);
		render_dialog(b, w, &w->dialogs[i]);
	}
	buf_adds(b, "],\"gone\":[");
	comma = "";
	for (size_t i = 0; i < w->dialogs_n; i++) {
		if (!w->dialogs[i].gone)
			continue;
		buf_addf(b, "%s%lld", comma, (long long)w->dialogs[i].id);
		comma = ",";
	}
	buf_adds(b, "],\"messages\":[");
	comma = "";
	for (size_t i = 0; i < w->messages_n; i++, comma = ",") {
		buf_adds(b, comma);
		render_message(b, w, &w->messages[i]);
	}
	buf_adds(b, "],\"message_ms\":[");
	for (size_t i = 0; i < w->messages_n; i++)
		buf_addf(b, "%s%lld", i > 0 ? "," : "",
		    (long long)w->messages[i].at);
	buf_addc(b, ']');
	show_assigned(b, w);
	buf_adds(b, "}\n");
}

static void
put_operator(struct buf *b, const char *key, const struct world *w, int32_t who)
{
	if (who == NO_OPERATOR)
		jsonw_null(b, key);
	else
		jsonw_int(b, key, w->operators[who].id);
}

/* Shows the journal from a number on: who was assigned which dialog, and the
 * outcome. */
static void
show_journal(struct call *c, struct answer *a)
{
	static const char *const names[] = { "waits", "assigned", "given",
		"resolved", "online", "offline" };
	const struct world *w = account(c);
	int64_t i = call_int(c, "from", 0);
	struct buf *b = &a->body;
	const char *comma = "";

	if (w == NULL || i < 0) {
		answer_error(a, 404, "no such account, or number", NULL);
		return;
	}
	a->status = 200;
	buf_addc(b, '[');
	for (; i < (int64_t)w->deeds_n; i++, comma = ",\n") {
		const struct deed *x = &w->deeds[i];

		buf_adds(b, comma);
		jsonw_open(b);
		jsonw_time(b, "at", x->at);
		jsonw_str(b, "what", names[x->kind]);
		if (x->dialog >= 0)
			jsonw_int(b, "dialog", w->dialogs[x->dialog].id);
		put_operator(b, "operator", w, x->who);
		put_operator(b, "before", w, x->before);
		jsonw_int(b, "held", x->held);
		jsonw_close(b);
	}
	buf_adds(b, "]\n");
}

static void
report(struct call *c, struct answer *a)
{
	buf_clear(&c->sim->report);
	buf_add(&c->sim->report, c->body.data, c->body.len);
	ok(a);
}

const struct route control_routes[] = {
	{ METHOD_GET, "/control/stats", stats },
	{ METHOD_POST, "/control/reset-stats", reset_stats },
	{ METHOD_POST, "/control/advance", advance },
	{ METHOD_POST, "/control/set", set },
	{ METHOD_POST, "/control/fault", fault },
	{ METHOD_POST, "/control/webhooks", webhooks },
	{ METHOD_POST, "/control/act", act },
	{ METHOD_POST, "/control/report", report },
	{ METHOD_GET, "/control/world", show_world },
	{ METHOD_GET, "/control/journal", show_journal },
	{ .pattern = NULL },
};
