/*
 * api_write: the calls that change something. Parameters are in the query or in
 * a JSON body. See api.h.
 */
#include <jansson.h>
#include <string.h>

#include "common/text/jsonw.h"
#include "tests/crm/api.h"
#include "tests/crm/life.h"
#include "tests/crm/render.h"

struct params {
	const struct call *call;
	json_t *body; /* NULL: none */
};

static struct params
params_of(const struct call *c)
{
	struct params p = { c, NULL };

	if (c->body.len > 0)
		p.body = json_loadb(
		    c->body.data, c->body.len, JSON_REJECT_DUPLICATES, NULL);
	return p;
}

static const char *
param_text(const struct params *p, const char *name)
{
	const char *text = json_string_value(json_object_get(p->body, name));

	return text != NULL ? text : p->call->query(p->call->ctx, name);
}

static int64_t
param_int(const struct params *p, const char *name, int64_t otherwise)
{
	json_t *value = json_object_get(p->body, name);

	if (json_is_integer(value))
		return json_integer_value(value);
	if (json_is_null(value))
		return 0;
	return call_int(p->call, name, otherwise);
}

static void
set_state(struct world *w, int32_t i, const char *state, struct answer *a)
{
	bool open = strcmp(state, "open") == 0;

	if (open == (w->dialogs[i].end == 0)) {
		answer_error(a, 400, "dialog already has state", NULL);
		return;
	}
	if (open)
		world_open_request(w, i, w->now);
	else
		world_close(w, i, w->now);
	if (w->opt.pace_ms > 0)
		life_plan(w, i, w->now + 10 * w->opt.pace_ms);
}

void
api_put_dialog(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a)
{
	struct dialog *d = world_dialog(w, id);
	struct params p = params_of(c);
	int64_t operator_id = param_int(&p, "operator_id", -1);
	const char *state = param_text(&p, "state");
	int32_t before = d != NULL ? d->assignee : NO_OPERATOR;

	(void)s;
	a->status = 200;
	if (d == NULL) {
		answer_error(a, 404, "not_found", "\"dialog not found\"");
	} else if (operator_id > 0 && world_operator(w, operator_id) < 0) {
		answer_error(a, 404, "operator not found", NULL);
	} else {
		if (operator_id >= 0)
			world_give(w, (int32_t)(d - w->dialogs),
			    world_operator(w, operator_id), w->now);
		if (operator_id > 0)
			world_did(w, DEED_ASSIGNED, (int32_t)(d - w->dialogs),
			    d->assignee, before);
		if (state != NULL)
			set_state(w, (int32_t)(d - w->dialogs), state, a);
		if (a->status == 200) {
			buf_adds(&a->body, "{\"data\":");
			render_dialog(&a->body, w, d);
			buf_adds(&a->body, ",\"status\":\"success\"}");
		}
	}
	json_decref(p.body);
}

void
api_transfer(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a)
{
	const struct message *m = world_message(w, id);
	int32_t who = world_operator(w, call_int(c, "operator_id", 0));

	(void)s;
	if (m == NULL || who < 0) {
		answer_error(a, 404,
		    m == NULL ? "message not found" : "operator not found",
		    NULL);
		return;
	}
	w->dialogs[m->dialog].assignee = who;
	answer_text(a, 200, "{\"status\":\"success\"}");
}

static int32_t
dialog_of_client(const struct world *w, int64_t client)
{
	for (size_t i = w->dialogs_n; i-- > 0;)
		if (w->dialogs[i].client == client)
			return (int32_t)i;
	return -1;
}

static void
post(struct world *w, const struct params *p, int32_t dialog, struct answer *a)
{
	struct dialog *d = &w->dialogs[dialog];
	const char *type = param_text(p, "type");
	const char *open = param_text(p, "open_dialog");
	int32_t who = world_operator(w, param_int(p, "operator_id", 0));
	bool note = type != NULL && strcmp(type, "comment") == 0;
	bool stay = json_is_false(json_object_get(p->body, "open_dialog")) ||
		    (open != NULL && strcmp(open, "false") == 0);
	const struct message *m;

	/* The trap: by default a closed dialog is opened again. */
	if (d->end != 0 && !stay)
		world_open_request(w, dialog, w->now);
	if (who == NO_OPERATOR)
		who = d->assignee;
	m = &w->messages[world_say(
	    w, dialog, note ? COMMENT : TO_CLIENT, who, w->now)];
	buf_adds(&a->body, "{\"data\":");
	jsonw_open(&a->body);
	jsonw_int(&a->body, "message_id", m->id);
	jsonw_int(&a->body, "channel_id", world_channels[d->channel].id);
	jsonw_str(&a->body, "type", note ? "comment" : "to_client");
	jsonw_int(&a->body, "client_id", render_client_id(w, d->client));
	jsonw_int(&a->body, "dialog_id", d->id);
	jsonw_int(&a->body, "request_id", w->requests[m->request].id);
	buf_adds(&a->body, "},\"status\":\"success\"}");
}

void
api_post_message(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a)
{
	struct params p = params_of(c);
	int64_t client =
	    render_client_number(w, param_int(&p, "client_id", -1));
	int32_t dialog = client < 0 ? -1 : dialog_of_client(w, client);

	(void)s;
	(void)id;
	a->status = 200;
	if (dialog < 0 || w->dialogs[dialog].request < 0)
		answer_error(a, 404, "not_found", "\"client not found\"");
	else
		post(w, &p, dialog, a);
	json_decref(p.body);
}
