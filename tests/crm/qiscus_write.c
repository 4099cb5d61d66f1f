/* qiscus_write: assigns rooms, and sets the addresses of webhooks; see
 * qiscus.h. */
#include <stdlib.h>
#include <string.h>

#include "common/base/parse.h"
#include "common/base/xalloc.h"
#include "common/json/jsonw.h"
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

	return who != NO_OPERATOR && worker_is_agent(&w->operators[who])
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
qiscus_assign(struct call *c, struct answer *a)
{
	struct world *w = c->world;
	json_t *params = qiscus_params(c);
	struct dialog *d = room_of(w, params);
	int32_t who = agent_of(w, params);
	int32_t before = d != NULL ? d->assignee : NO_OPERATOR;
	bool replace = qiscus_flag(params, "replace_latest_agent");
	int64_t most = qiscus_int(params, "max_agent", AGENTS_MOST);

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

/* The webhooks of an app, in the order of enum push_kind: the end of the path
 * that sets one, and the members that show its address and whether it is on. */
static const struct {
	const char *path, *url, *on;
} hooks[PUSH_KINDS] = {
	{ "agent_allocation", "allocate_agent_webhook_url",
	    "is_allocate_agent_webhook_enabled" },
	{ "mark_as_resolved", "mark_as_resolved_webhook_url",
	    "is_mark_as_resolved_webhook_enabled" },
	{ "new_session", "new_session_webhook_url",
	    "is_new_session_webhook_enabled" },
};

void
qiscus_hook_config(struct call *c, struct answer *a)
{
	buf_adds(&a->body, "{\"data\":");
	jsonw_open(&a->body);
	for (size_t i = 0; i < PUSH_KINDS; i++) {
		const struct webhook *h = &c->world->webhooks[i];

		if (h->url == NULL)
			jsonw_null(&a->body, hooks[i].url);
		else
			jsonw_str(&a->body, hooks[i].url, h->url);
		jsonw_bool(&a->body, hooks[i].on, h->on);
	}
	jsonw_close(&a->body);
	buf_adds(&a->body, ",\"status\":200}");
}

void
qiscus_set_hook(struct call *c, struct answer *a)
{
	json_t *params = qiscus_params(c);
	const char *url = qiscus_text(params, "webhook_url");
	struct webhook *h = c->world->webhooks;

	for (size_t i = 0; strstr(c->path, hooks[i].path) == NULL; i++)
		h++;
	if (url == NULL) {
		qiscus_error(a, 422, "webhook_url is required");
	} else {
		free(h->url);
		h->url = *url != '\0' ? xstrdup(url) : NULL;
		h->on =
		    h->url != NULL && qiscus_flag(params, "is_webhook_enabled");
		qiscus_hook_config(c, a);
	}
	json_decref(params);
}
