/* api: the routes of Chat2Desk, paging and the single objects; see api.h. */
#include "tests/crm/api.h"

#include <jansson.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/json/jsonw.h"
#include "tests/crm/life.h"
#include "tests/crm/render.h"

void
page_begin(struct page *p, const struct call *c, struct answer *a)
{
	*p = (struct page){ .a = a };
	p->limit = call_int(c, "limit", 20);
	if (p->limit < 1)
		p->limit = 1;
	if (p->limit > 200)
		p->limit = 200;
	p->offset = call_int(c, "offset", 0);
	if (p->offset < 0 || c->same_page)
		p->offset = 0;
	if (p->offset > 0)
		p->offset += c->shift;
	buf_adds(&a->body, "{\"data\":[");
}

bool
page_row(struct page *p)
{
	int64_t row = p->total++;

	if (row < p->offset || p->shown >= p->limit)
		return false;
	if (p->shown++ > 0)
		buf_addc(&p->a->body, ',');
	return true;
}

void
page_end(struct page *p, const struct world *w)
{
	struct buf *b = &p->a->body;

	buf_adds(b, "],\"meta\":{");
	if (w->opt.seed % 3 == 0) /* Some accounts see a string. */
		buf_addf(b, "\"total\":\"%lld\"", (long long)p->total);
	else
		jsonw_int(b, "total", p->total);
	jsonw_int(b, "limit", p->limit);
	jsonw_int(b, "offset", p->offset);
	buf_adds(b, "},\"status\":\"success\"}");
}

static void
one_begin(struct answer *a)
{
	buf_adds(&a->body, "{\"data\":");
}

static void
one_end(struct answer *a)
{
	buf_adds(&a->body, ",\"status\":\"success\"}");
}

static void
get_api_info(struct call *c, struct answer *a)
{
	struct world *w = c->world;
	struct buf *b = &a->body;

	one_begin(a);
	jsonw_open(b);
	jsonw_int(b, "companyID", 1);
	jsonw_int(b, "partnerID", 1);
	jsonw_str(b, "company_name", "Simulated Company");
	jsonw_str(b, "admin_email", "admin@example.test");
	jsonw_str(b, "mode", "active");
	jsonw_null(b, "hook");
	jsonw_str(b, "current_version", "v1");
	jsonw_int(b, "channels", WORLD_CHANNELS);
	jsonw_int(b, "requests_this_month", (int64_t)w->calls);
	buf_adds(b, ",\"api_calls\":{");
	jsonw_int(b, "used", (int64_t)w->calls);
	buf_adds(b, "}}");
	one_end(a);
}

static void
get_operators(struct call *c, struct answer *a)
{
	struct world *w = c->world;
	struct page p;

	page_begin(&p, c, a);
	for (size_t i = 0; i < w->operators_n; i++)
		if (!w->operators[i].hidden && page_row(&p))
			render_operator(&a->body, w, &w->operators[i]);
	page_end(&p, w);
}

void
disturb(struct world *w, int what)
{
	for (size_t i = 0; i < w->dialogs_n; i++) {
		if (w->dialogs[i].end != 0 || w->dialogs[i].request < 0 ||
		    w->dialogs[i].gone)
			continue;
		if (what == 1)
			world_close(w, (int32_t)i, w->now);
		else
			life_client_writes(w, (int32_t)i, w->now);
		return;
	}
}

static void
get_dialogs(struct call *c, struct answer *a)
{
	struct world *w = c->world;
	const char *state = c->query(c->ctx, "state");
	bool open = state != NULL && strncmp(state, "open", 4) == 0;
	struct page p;

	page_begin(&p, c, a);
	if (c->disturb >= 0 && p.offset > 0)
		disturb(w, c->disturb);
	for (size_t i = 0; i < w->dialogs_n; i++) {
		const struct dialog *d = &w->dialogs[i];

		if (d->gone || (state != NULL && open != (d->end == 0)))
			continue;
		if (page_row(&p))
			render_dialog(&a->body, w, d);
	}
	page_end(&p, w);
}

static void
get_dialog(struct call *c, struct answer *a)
{
	struct world *w = c->world;
	const struct dialog *d = world_dialog(w, c->id);

	if (d == NULL || d->gone) {
		answer_error(a, 404, "not_found", "\"dialog not found\"");
		return;
	}
	one_begin(a);
	render_dialog(&a->body, w, d);
	one_end(a);
}

/*
 * Lists the messages of a dialog, or all. The traps: offset, page and
 * request_id have no effect. start_id is the least id, in ascending order
 * whatever `order` says.
 */
static void
get_messages(struct call *c, struct answer *a)
{
	struct world *w = c->world;
	const char *order = c->query(c->ctx, "order");
	int64_t start_id = c->same_page ? -1 : call_int(c, "start_id", -1);
	bool desc = start_id < 0 && order != NULL && strcmp(order, "desc") == 0;
	int64_t id = call_int(c, "dialog_id", -1);
	const struct dialog *d = world_dialog(w, id);
	size_t n = d != NULL ? d->messages_n : id < 0 ? w->messages_n : 0;
	struct page p;

	page_begin(&p, c, a);
	if (!c->sim->honour_offset)
		p.offset = 0;
	for (size_t i = 0; i < n; i++) {
		size_t at = desc ? n - 1 - i : i;
		const struct message *m =
		    &w->messages[d != NULL ? (size_t)d->messages[at] : at];

		if (m->id >= start_id && world_visible(w, m) && page_row(&p))
			render_message(&a->body, w, m);
	}
	page_end(&p, w);
}

/* Gives the dialog to the operator of the body, 0 to nobody. Without a number
 * nothing changes. */
static void
put_dialog(struct call *c, struct answer *a)
{
	struct world *w = c->world;
	struct dialog *d = world_dialog(w, c->id);
	json_t *body =
	    json_loadb(c->body.data, c->body.len, JSON_REJECT_DUPLICATES, NULL);
	json_t *asked = json_object_get(body, "operator_id");
	int64_t id = json_is_integer(asked) ? json_integer_value(asked) : -1;
	int32_t who = world_operator(w, id), i, before;

	json_decref(body);
	if (d == NULL) {
		answer_error(a, 404, "not_found", "\"dialog not found\"");
	} else if (id > 0 && who == NO_OPERATOR) {
		answer_error(a, 404, "operator not found", NULL);
	} else {
		i = (int32_t)(d - w->dialogs);
		before = d->assignee;
		if (id >= 0)
			world_give(w, i, who, w->now);
		if (id > 0)
			world_did(w, DEED_ASSIGNED, i, who, before);
		one_begin(a);
		render_dialog(&a->body, w, d);
		one_end(a);
	}
}

static void
get_client(struct call *c, struct answer *a)
{
	struct world *w = c->world;
	int64_t client = render_client_number(w, c->id);

	if (client < 0) {
		answer_error(a, 404, "not_found", "\"client not found\"");
		return;
	}
	one_begin(a);
	render_client(&a->body, w, client);
	one_end(a);
}

const struct route api_routes[] = {
	{ METHOD_GET, "/v1/companies/api_info", get_api_info },
	{ METHOD_GET, "/v1/operators", get_operators },
	{ METHOD_GET, "/v1/dialogs", get_dialogs },
	{ METHOD_GET, "/v1/dialogs/{id}", get_dialog },
	{ METHOD_GET, "/v1/messages", get_messages },
	{ METHOD_GET, "/v1/clients/{id}", get_client },
	{ METHOD_PUT, "/v1/dialogs/{id}", put_dialog },
	{ METHOD_GET, "/v1/webhooks", api_hooks },
	{ METHOD_POST, "/v1/webhooks", api_post_hook },
	{ METHOD_PUT, "/v1/webhooks/{id}", api_put_hook },
	{ METHOD_DELETE, "/v1/webhooks/{id}", api_delete_hook },
	{ .pattern = NULL },
};
