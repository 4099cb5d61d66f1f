/* qiscus_write: assigns and resolves rooms, and sets the addresses of webhooks;
 * see qiscus.h. */
#include <stdlib.h>

#include "common/base/parse.h"
#include "common/base/xalloc.h"
#include "common/text/jsonw.h"
#include "tests/crm/life.h"
#include "tests/crm/qiscus.h"

/* The vendor's own client allows at most this many agents in a room. */
#define AGENTS_MOST 5

static struct dialog *
room_of(const struct world *w, const json_t *params)
{
	struct dialog *d = world_dialog(w, qiscus_int(params, "room_id", -1));

	return d != NULL && !d->gone ? d : NULL;
}

static int32_t
agent_of(const struct world *w, const json_t *params)
{
	int32_t who = world_operator(w, qiscus_int(params, "agent_id", -1));

	return who != NO_OPERATOR && w->operators[who].kind == HUMAN &&
		       !w->operators[who].hidden
		   ? who
		   : NO_OPERATOR;
}

static void
answer_assigned(
    struct world *w, const struct dialog *d, int32_t who, struct answer *a)
{
	buf_adds(&a->body, "{\"data\":{\"added_agent\":");
	qiscus_agent(&a->body, w, who);
	buf_adds(&a->body, ",\"service\":");
	qiscus_service(&a->body, w, d->request, who);
	buf_adds(&a->body, "}}");
}

/* Without replace_latest_agent, the agent is added to the room, up to max_agent
 * agents. */
void
qiscus_assign(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a)
{
	json_t *params = qiscus_params(c);
	struct dialog *d = room_of(w, params);
	int32_t who = agent_of(w, params);
	int32_t before = d != NULL ? d->assignee : NO_OPERATOR;
	bool replace = qiscus_flag(params, "replace_latest_agent");
	int64_t most = qiscus_int(params, "max_agent", AGENTS_MOST);

	(void)s;
	(void)id;
	if (d == NULL) {
		qiscus_error(a, 404, "room not found");
	} else if (who == NO_OPERATOR) {
		qiscus_error(a, 404, "agent not found");
	} else if (d->end != 0) {
		qiscus_error(a, 400, "room is already resolved");
	} else if (d->assignee == who) {
		qiscus_error(a, 400, "agent is already assigned to this room");
	} else if (!replace && d->agents >= most) {
		qiscus_error(a, 400, "maximum number of agents is reached");
	} else {
		if (d->assignee == NO_OPERATOR || replace)
			world_give(w, (int32_t)(d - w->dialogs), who, w->now);
		else
			d->agents++;
		world_did(
		    w, DEED_ASSIGNED, (int32_t)(d - w->dialogs), who, before);
		answer_assigned(w, d, who, a);
	}
	json_decref(params);
}

void
qiscus_remove(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a)
{
	json_t *params = qiscus_params(c);
	struct dialog *d = room_of(w, params);
	int32_t who = agent_of(w, params);

	(void)s;
	(void)id;
	if (d == NULL || who == NO_OPERATOR || d->assignee != who) {
		qiscus_error(a, 400, "agent is not in this room");
	} else {
		world_give(w, (int32_t)(d - w->dialogs), NO_OPERATOR, w->now);
		world_did(
		    w, DEED_GIVEN, (int32_t)(d - w->dialogs), NO_OPERATOR, who);
		buf_adds(&a->body, "{\"data\":{\"removed_agent\":");
		qiscus_agent(&a->body, w, who);
		buf_adds(&a->body, "}}");
	}
	json_decref(params);
}

void
qiscus_resolve(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a)
{
	json_t *params = qiscus_params(c);
	struct dialog *d = room_of(w, params);
	int32_t i = d == NULL ? -1 : (int32_t)(d - w->dialogs);

	(void)s;
	(void)id;
	if (d == NULL || d->request < 0) {
		qiscus_error(a, 404, "room not found");
	} else if (d->end != 0) {
		qiscus_error(a, 400, "room is already resolved");
	} else {
		world_close(w, i, w->now);
		if (w->opt.pace_ms > 0)
			life_plan(w, i, w->now + 10 * w->opt.pace_ms);
		d = &w->dialogs[i];
		buf_adds(&a->body, "{\"data\":{\"service\":");
		qiscus_service(&a->body, w, d->request, d->assignee);
		buf_adds(&a->body, ",\"room_info\":{\"room\":");
		qiscus_room(&a->body, w, d);
		buf_adds(&a->body, "}}}");
	}
	json_decref(params);
}

/* The names of the flags of an app, in the order of enum push_kind. */
static const char *const flags[PUSH_KINDS][2] = {
	{ "allocate_agent_webhook_url", "is_allocate_agent_webhook_enabled" },
	{ "mark_as_resolved_webhook_url",
	    "is_mark_as_resolved_webhook_enabled" },
	{ "new_session_webhook_url", "is_new_session_webhook_enabled" },
};

void
qiscus_hook_config(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a)
{
	(void)s;
	(void)c;
	(void)id;
	buf_adds(&a->body, "{\"data\":");
	jsonw_open(&a->body);
	for (size_t i = 0; i < PUSH_KINDS; i++) {
		const struct webhook *h = &w->webhooks[i];

		if (h->url == NULL)
			jsonw_null(&a->body, flags[i][0]);
		else
			jsonw_str(&a->body, flags[i][0], h->url);
		jsonw_bool(&a->body, flags[i][1], h->on);
	}
	jsonw_close(&a->body);
	buf_adds(&a->body, ",\"status\":200}");
}

static void
set_hook(struct world *w, struct call *c, enum push_kind kind, struct answer *a)
{
	json_t *params = qiscus_params(c);
	const char *url = qiscus_text(params, "webhook_url");
	struct webhook *h = &w->webhooks[kind];

	if (url == NULL) {
		qiscus_error(a, 422, "webhook_url is required");
	} else {
		free(h->url);
		h->url = *url != '\0' ? xstrdup(url) : NULL;
		h->on =
		    h->url != NULL && qiscus_flag(params, "is_webhook_enabled");
		qiscus_hook_config(NULL, w, c, 0, a);
	}
	json_decref(params);
}

void
qiscus_hook_allocation(struct sim *s, struct world *w, struct call *c,
    int64_t id, struct answer *a)
{
	(void)s;
	(void)id;
	set_hook(w, c, PUSH_WAITING, a);
}

void
qiscus_hook_resolved(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a)
{
	(void)s;
	(void)id;
	set_hook(w, c, PUSH_RESOLVED, a);
}

void
qiscus_hook_session(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a)
{
	(void)s;
	(void)id;
	set_hook(w, c, PUSH_SESSION, a);
}
