/* api: routes, paging and the single objects; see api.h. */
#include "tests/crm/api.h"

#include <string.h>

#include "common/base/xalloc.h"
#include "common/text/jsonw.h"
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
get_api_info(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a)
{
	struct buf *b = &a->body;

	(void)s;
	(void)c;
	(void)id;
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
get_operators(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a)
{
	const char *role = c->query(c->ctx, "role");
	struct page p;

	(void)s;
	(void)id;
	page_begin(&p, c, a);
	for (size_t i = 0; i < w->operators_n; i++) {
		const struct worker *o = &w->operators[i];

		if (o->hidden ||
		    (role != NULL && strcmp(role, render_role(o)) != 0))
			continue;
		if (page_row(&p))
			render_operator(&a->body, w, o);
	}
	page_end(&p, w);
}

static void
get_groups(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a)
{
	struct page p;

	(void)s;
	(void)id;
	page_begin(&p, c, a);
	if (page_row(&p))
		buf_addf(&a->body,
		    "{\"id\":1,\"name\":\"First "
		    "line\",\"operator_ids\":[%lld]}",
		    (long long)w->operators[0].id);
	page_end(&p, w);
}

static void
get_statuses(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a)
{
	(void)s;
	(void)w;
	(void)c;
	(void)id;
	buf_adds(&a->body, "[{\"id\":0,\"name\":{\"en\":\"Free\"}},"
			   "{\"id\":1,\"name\":{\"en\":\"Busy\"}}]");
}

/* Something happens in the first open dialog between two pages. */
static void
disturb(struct world *w, const struct call *c)
{
	for (size_t i = 0; i < w->dialogs_n; i++) {
		if (w->dialogs[i].end != 0 || w->dialogs[i].request < 0 ||
		    w->dialogs[i].gone)
			continue;
		if (c->disturb == 1)
			world_close(w, (int32_t)i, w->now);
		else
			life_client_writes(w, (int32_t)i, w->now);
		return;
	}
}

static void
get_dialogs(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a)
{
	const char *state = c->query(c->ctx, "state");
	const char *order = c->query(c->ctx, "order");
	int64_t operator_id = call_int(c, "operator_id", 0);
	int32_t who =
	    operator_id == 0 ? NO_OPERATOR : world_operator(w, operator_id);
	bool desc = order != NULL && strcmp(order, "desc") == 0;
	struct page p;

	(void)s;
	(void)id;
	page_begin(&p, c, a);
	if (c->disturb >= 0 && p.offset > 0)
		disturb(w, c);
	for (size_t i = 0; i < w->dialogs_n; i++) {
		const struct dialog *d =
		    &w->dialogs[desc ? w->dialogs_n - 1 - i : i];

		if (d->gone)
			continue;
		if (state != NULL &&
		    (strncmp(state, "open", 4) == 0) != (d->end == 0))
			continue;
		if (operator_id != 0 && d->assignee != who)
			continue;
		if (page_row(&p))
			render_dialog(&a->body, w, d);
	}
	page_end(&p, w);
}

static void
get_dialog(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a)
{
	const struct dialog *d = world_dialog(w, id);

	(void)s;
	(void)c;
	if (d == NULL || d->gone) {
		answer_error(a, 404, "not_found", "\"dialog not found\"");
		return;
	}
	one_begin(a);
	render_dialog(&a->body, w, d);
	one_end(a);
}

static void
get_message(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a)
{
	const struct message *m = world_message(w, id);

	(void)s;
	(void)c;
	if (m == NULL || !world_visible(w, m)) {
		answer_error(a, 404, "not_found", "\"message not found\"");
		return;
	}
	one_begin(a);
	render_message(&a->body, w, m);
	one_end(a);
}

static void
get_request(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a)
{
	const struct request *r = world_request(w, id);
	struct buf *b = &a->body;

	(void)s;
	(void)c;
	if (r == NULL) {
		answer_error(a, 404, "not_found", "\"request not found\"");
		return;
	}
	one_begin(a);
	jsonw_open(b);
	jsonw_int(b, "id", r->id);
	jsonw_int(b, "dialog_id", w->dialogs[r->dialog].id);
	jsonw_close(b);
	one_end(a);
}

/* Lists messages newest first: the real list is not sorted by time. */
static void
get_request_messages(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a)
{
	const struct request *r = world_request(w, id);
	const struct dialog *d;
	bool first = true;

	(void)s;
	(void)c;
	if (r == NULL) {
		answer_error(a, 404, "not_found", "\"request not_found\"");
		return;
	}
	d = &w->dialogs[r->dialog];
	buf_addc(&a->body, '[');
	for (size_t i = d->messages_n; i-- > 0;) {
		const struct message *m = &w->messages[d->messages[i]];

		if (&w->requests[m->request] != r || !world_visible(w, m))
			continue;
		if (!first)
			buf_addc(&a->body, ',');
		first = false;
		render_request_message(&a->body, w, m);
	}
	buf_addc(&a->body, ']');
}

static void
get_client(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a)
{
	int64_t client = render_client_number(w, id);

	(void)s;
	(void)c;
	if (client < 0) {
		answer_error(a, 404, "not_found", "\"client not found\"");
		return;
	}
	one_begin(a);
	render_client(&a->body, w, client);
	one_end(a);
}

static void
get_client_dialogs(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a)
{
	int64_t client = render_client_number(w, id);
	struct page p;

	(void)s;
	page_begin(&p, c, a);
	for (size_t i = 0; i < w->dialogs_n; i++)
		if (w->dialogs[i].client == client && !w->dialogs[i].gone &&
		    page_row(&p))
			render_dialog(&a->body, w, &w->dialogs[i]);
	page_end(&p, w);
}

/* The offset has no effect here; this was observed. */
static void
get_channels(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a)
{
	struct page p;

	(void)s;
	(void)id;
	page_begin(&p, c, a);
	p.offset = 0;
	for (size_t i = 0; i < WORLD_CHANNELS; i++)
		if (page_row(&p))
			render_channel(&a->body, w, &world_channels[i]);
	page_end(&p, w);
}

static const struct route routes[] = {
	{ METHOD_GET, "/v1/companies/api_info", get_api_info },
	{ METHOD_GET, "/v1/operators", get_operators },
	{ METHOD_GET, "/v1/operators_groups", get_groups },
	{ METHOD_GET, "/v1/operators/statuses", get_statuses },
	{ METHOD_GET, "/v1/dialogs", get_dialogs },
	{ METHOD_GET, "/v1/dialogs/{id}", get_dialog },
	{ METHOD_GET, "/v1/messages", api_messages },
	{ METHOD_GET, "/v1/messages/{id}", get_message },
	{ METHOD_GET, "/v1/requests/{id}", get_request },
	{ METHOD_GET, "/v1/requests/{id}/messages", get_request_messages },
	{ METHOD_GET, "/v1/clients/{id}", get_client },
	{ METHOD_GET, "/v1/clients/{id}/dialogs", get_client_dialogs },
	{ METHOD_GET, "/v1/channels", get_channels },
	{ METHOD_GET, "/v1/statistics", api_statistics },
	{ METHOD_PUT, "/v1/dialogs/{id}", api_put_dialog },
	{ METHOD_GET, "/v1/messages/{id}/transfer", api_transfer },
	{ METHOD_POST, "/v1/messages", api_post_message },
	{ METHOD_GET, "/v1/webhooks", api_hooks },
	{ METHOD_POST, "/v1/webhooks", api_post_hook },
	{ METHOD_PUT, "/v1/webhooks/{id}", api_put_hook },
	{ METHOD_DELETE, "/v1/webhooks/{id}", api_delete_hook },
};

static const char *const method_names[] = { "GET", "POST", "PUT", "PATCH",
	"DELETE", "?" };

const char *
api_name(const struct route *all, size_t n, size_t index, struct buf *text)
{
	if (index >= n)
		return NULL;
	buf_clear(text);
	buf_addf(
	    text, "%s %s", method_names[all[index].method], all[index].pattern);
	return buf_str(text);
}

const char *
api_route_name(size_t index, struct buf *text)
{
	return api_name(routes, ARRAY_LEN(routes), index, text);
}

/* Matches a path against a pattern. A slash at the end of the path is
 * ignored. */
static bool
matches(const char *pattern, const char *path, int64_t *id)
{
	while (*pattern != '\0') {
		if (*pattern == '{') {
			if (*path < '0' || *path > '9')
				return false;
			for (*id = 0; *path >= '0' && *path <= '9'; path++)
				if (*id < INT64_MAX / 100)
					*id = *id * 10 + (*path - '0');
			pattern = strchr(pattern, '}') + 1;
		} else if (*pattern++ != *path++) {
			return false;
		}
	}
	return strcmp(path, "") == 0 || strcmp(path, "/") == 0;
}

const struct route *
api_find(const struct route *all, size_t n, const struct call *c, int64_t *id,
    size_t *index)
{
	*id = 0;
	for (size_t i = 0; i < n; i++) {
		if (all[i].method == c->method &&
		    matches(all[i].pattern, c->path, id)) {
			*index = i;
			return &all[i];
		}
	}
	return NULL;
}

const struct route *
api_route(const struct call *c, int64_t *id, size_t *index)
{
	return api_find(routes, ARRAY_LEN(routes), c, id, index);
}
