/* qiscus: routes, who may call them, parameters, agents; see qiscus.h. */
#include "tests/crm/qiscus.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/parse.h"
#include "common/base/xalloc.h"
#include "common/json/jsonw.h"

void
qiscus_error(struct answer *a, unsigned status, const char *text)
{
	a->status = status;
	buf_clear(&a->body);
	buf_adds(&a->body, "{");
	jsonw_quote(&a->body, "errors", 6);
	buf_addc(&a->body, ':');
	jsonw_quote(&a->body, text, strlen(text));
	buf_adds(&a->body, "}");
}

bool
qiscus_knows(const struct world *w, const struct call *c, struct answer *a)
{
	static const char hooks[] = "/api/v1/app/webhook/";
	bool comments = strncmp(c->path, "/api/v2.1/", 10) == 0;
	const char *app =
	    c->header(c->ctx, comments ? "QISCUS_SDK_APP_ID" : "Qiscus-App-Id");

	if (app == NULL && comments)
		app = c->header(c->ctx, "QISCUS-SDK-APP-ID");
	if (app == NULL || strcmp(app, w->opt.app) != 0)
		qiscus_error(a, 401, "Unauthorized. app id is wrong");
	else if (!c->by_admin && strncmp(c->path, hooks, strlen(hooks)) == 0)
		qiscus_error(a, 401, "Unauthorized. log in as an admin");
	else
		return true;
	return false;
}

/* Decodes %XX and + of a form, in place. */
static void
decode(char *s)
{
	char *to = s;
	unsigned n;

	for (; *s != '\0'; s++, to++) {
		if (*s == '%' && strlen(s) > 2) {
			char hex[] = { s[1], s[2], '\0' };

			n = (unsigned)strtoul(hex, NULL, 16);
			*to = (char)n;
			s += 2;
		} else {
			*to = *s == '+' ? ' ' : *s;
		}
	}
	*to = '\0';
}

static json_t *
read_form(char *text)
{
	json_t *params = json_object();
	char *rest = text, *pair, *value;

	while ((pair = strtok_r(rest, "&", &rest)) != NULL) {
		value = strchr(pair, '=');
		if (value == NULL)
			continue;
		*value++ = '\0';
		decode(pair);
		decode(value);
		json_object_set_new(params, pair, json_string(value));
	}
	return params;
}

json_t *
qiscus_params(const struct call *c)
{
	json_t *params = NULL;
	char *text;

	if (c->body.len == 0)
		return json_object();
	if (c->body.data[0] == '{') {
		params = json_loadb(
		    c->body.data, c->body.len, JSON_REJECT_DUPLICATES, NULL);
	} else {
		text = xstrndup(c->body.data, c->body.len);
		params = read_form(text);
		free(text);
	}
	return params;
}

const char *
qiscus_text(const json_t *params, const char *name)
{
	return json_string_value(json_object_get(params, name));
}

int64_t
qiscus_int(const json_t *params, const char *name, int64_t otherwise)
{
	const json_t *v = json_object_get(params, name);
	int64_t n;

	if (json_is_integer(v))
		return json_integer_value(v);
	if (json_is_string(v) &&
	    parse_int(json_string_value(v), INT64_MIN, INT64_MAX, &n) == 0)
		return n;
	return otherwise;
}

bool
qiscus_flag(const json_t *params, const char *name)
{
	const char *text = qiscus_text(params, name);

	return json_is_true(json_object_get(params, name)) ||
	       (text != NULL &&
		   (strcmp(text, "true") == 0 || strcmp(text, "1") == 0));
}

/* The admin comes first, then the agents. */
static void
get_agents(struct call *c, struct answer *a)
{
	struct world *w = c->world;
	int64_t page = c->same_page ? 1 : call_int(c, "page", 1), n = 0;
	int64_t limit = call_int(c, "limit", 20), from = (page - 1) * limit;
	struct buf *b = &a->body;
	bool any = false;

	buf_adds(b, "{\"data\":{\"agents\":[");
	for (size_t i = 0; i <= w->operators_n; i++) {
		if (i > 0 && !worker_is_agent(&w->operators[i - 1]))
			continue;
		if (n++ < from || n > from + limit)
			continue;
		buf_adds(b, any ? "," : "");
		any = true;
		if (i == 0)
			qiscus_admin(b, w);
		else
			qiscus_agent(b, w, (int32_t)i - 1);
	}
	buf_addf(b,
	    "]},\"meta\":{\"per_page\":%lld,\"total_count\":%lld},"
	    "\"status\":200}",
	    (long long)limit, (long long)n);
}

const struct route qiscus_routes[] = {
	{ METHOD_GET, "/api/v2/admin/agents", get_agents },
	{ METHOD_GET, "/api/v2/admin/webhook_config", qiscus_hook_config },
	{ METHOD_POST, "/api/v2/customer_rooms", qiscus_rooms },
	{ METHOD_GET, "/api/v2/customer_rooms/{id}", qiscus_one_room },
	{ METHOD_GET, "/api/v2.1/rest/load_comments", qiscus_comments },
	{ METHOD_POST, "/api/v1/admin/service/assign_agent", qiscus_assign },
	{ METHOD_POST, "/api/v1/app/webhook/agent_allocation",
	    qiscus_set_hook },
	{ METHOD_POST, "/api/v1/app/webhook/mark_as_resolved",
	    qiscus_set_hook },
	{ METHOD_POST, "/api/v1/app/webhook/new_session", qiscus_set_hook },
	{ .pattern = NULL },
};

bool
qiscus_is_path(const char *path)
{
	return strncmp(path, "/api/", 5) == 0;
}
