/*
 * resource: see resource.h: the table of resources, the search for a request's
 * row, and the check of its parameters.
 */
#include <string.h>

#include "common/base/parse.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/http/web.h"
#include "sink/access/scope.h"
#include "sink/resources/resource.h"

/* Maximum length of a name quoted in a problem. */
#define NAME_SHOWN 64

struct parameter_check {
	const char *const *names;
	size_t n;
	bool seen[RESOURCE_PARAMETERS];
	struct buf problem; /* for the first invalid one */
};

static size_t
find_name(const char *const *names, size_t n, const char *name)
{
	size_t i = 0;

	while (i < n && strcmp(names[i], name) != 0)
		i++;
	return i;
}

static void
refuse_name(struct parameter_check *c, const char *name)
{
	size_t i, len = strlen(name);
	bool shown = len <= NAME_SHOWN && parse_is_utf8(name, len) &&
		     text_is_printable(name, len);

	buf_addf(&c->problem, "%s%s%s is not a parameter of this resource",
	    shown ? "'" : "a name in the request", shown ? name : "",
	    shown ? "'" : "");
	buf_adds(&c->problem,
	    c->n > 0 ? "; its parameters are: " : ", which has no parameters");
	for (i = 0; i < c->n; i++)
		buf_addf(&c->problem, "%s%s", i > 0 ? ", " : "", c->names[i]);
}

static void
check_parameter(void *ctx, const char *name, const char *value)
{
	struct parameter_check *c = ctx;
	size_t i = find_name(c->names, c->n, name);
	size_t len = value != NULL ? strlen(value) : 0;

	if (c->problem.len > 0 || (*name == '\0' && value == NULL))
		return;
	if (i == c->n)
		refuse_name(c, name);
	else if (c->seen[i])
		buf_addf(&c->problem, "%s is given twice", name);
	else if (len == 0)
		buf_addf(&c->problem, "%s is empty; omit it", name);
	else if (!parse_is_utf8(value, len))
		buf_addf(&c->problem, "%s is not UTF-8", name);
	else if (text_ends_with_blank(value, len))
		buf_addf(&c->problem, "%s ends with a space", name);
	else
		c->seen[i] = true;
}

bool
resource_check_names(const char *const *names, size_t n,
    const struct web_request *r, struct web_answer *a)
{
	struct parameter_check c = { .names = names, .n = n };
	bool good;

	if (r->parameters != NULL)
		r->parameters(r, check_parameter, &c);
	good = c.problem.len == 0;
	if (!good)
		problem_answer(a, 400, buf_str(&c.problem));
	buf_release(&c.problem);
	return good;
}

static void
add_name(const char *names[RESOURCE_PARAMETERS], size_t *n, const char *name)
{
	if (*n < RESOURCE_PARAMETERS && find_name(names, *n, name) == *n)
		names[(*n)++] = name;
}

static void
add_names(
    const char *names[RESOURCE_PARAMETERS], size_t *n, const char *const *from)
{
	for (; from != NULL && *from != NULL; from++)
		add_name(names, n, *from);
}

/* Lists the parameters of list.h. */
static size_t
parameters_of_list(const struct list *l, const char *names[RESOURCE_PARAMETERS])
{
	size_t i, n = 0;

	add_names(names, &n, LIST_NAMES("limit", "cursor"));
	if (l->time != NULL)
		add_names(names, &n, LIST_NAMES("from", "to"));
	for (i = 0; l->columns[i].name != NULL; i++)
		if (l->columns[i].use != LIST_SHOWN)
			add_name(names, &n, l->columns[i].name);
	for (i = 0; l->words[i].parameter != NULL; i++)
		add_name(names, &n, l->words[i].parameter);
	add_names(names, &n, l->more);
	return n;
}

bool
resource_is_table(const struct resource *r)
{
	return r->list != NULL || r->is_sheet;
}

size_t
resource_parameters(
    const struct resource *r, const char *names[RESOURCE_PARAMETERS])
{
	size_t n = 0;

	if (r->list != NULL)
		n = parameters_of_list(r->list, names);
	add_names(names, &n, r->parameters);
	if (resource_is_table(r))
		add_name(names, &n, "bom");
	return n;
}

static bool
read_bom(struct question *q)
{
	return question_flag(q, "bom", &q->bom) &&
	       (!q->bom || q->format == SHEET_CSV ||
		   question_problem(q, 400, "bom is only for .csv"));
}

/* Returns false if the answer is now a problem, 400. */
static bool
resource_check_parameters(const struct resource *found,
    const struct web_request *r, struct web_answer *a)
{
	const char *names[RESOURCE_PARAMETERS];

	return found->lenient || resource_check_names(names,
				     resource_parameters(found, names), r, a);
}

const struct resource *const resources[] = {
	&resource_now,
	&resource_operators,
	&resource_chats,
	&resource_timeline,
	&resource_messages,
	&resource_intervals,
	&resource_responses,
	&resource_heatmap,
	&resource_backlog,
	&resource_figure,
	&resource_allocation,
	&resource_conversations,
	&resource_users,
	&resource_alerts,
	&resource_trends,
	&resource_events,
	&resource_receipts,
	&resource_channels,
	&resource_assignments,
	&resource_notices,
	&original_messages,
	&original_conversation,
	&original_channel,
	&original_dashboard,
	&original_analytics_health,
	&original_health,
	&resource_openapi,
};

const size_t resources_n = ARRAY_LEN(resources);

static const struct resource *
find_resource(const char *path)
{
	size_t i;

	for (i = 0; i < resources_n; i++) {
		if (path_pattern_fits(resources[i]->pattern, path))
			return resources[i];
	}
	return NULL;
}

const struct resource *
resource_find(const struct web_request *r)
{
	struct question q = { .request = r };

	return reply_form_read(&q) ? find_resource(q.path) : NULL;
}

bool
resource_is_public(const struct web_request *r)
{
	const struct resource *found = resource_find(r);

	return found != NULL && found->least == VIEWER_NONE;
}

/* True if its rows, or its figures, cannot be limited to some operators. */
static bool
is_of_tenant(const struct resource *r)
{
	return r->list != NULL ? r->list->operator_column == NULL
			       : r->of_tenant;
}

size_t
resource_answer(const struct viewer *viewer, struct db *db, int64_t timeout_ms,
    const struct web_request *r, struct web_answer *a)
{
	struct question q = { .request = r,
		.answer = a,
		.db = db,
		.viewer = *viewer,
		.timeout_ms = timeout_ms };
	const struct resource *found =
	    reply_form_read(&q) ? find_resource(q.path) : NULL;

	if (found == NULL) {
		question_problem(&q, 404, "unknown path");
	} else if (r->method != WEB_GET) {
		question_problem(&q, 405, "this resource is read-only");
		a->allow = web_allow(true, false);
	} else if (viewer->role < found->least) {
		question_problem(&q, 403, "not allowed for the role %s",
		    viewer_role_name(viewer->role));
	} else if (scope_limits_totals(viewer) && is_of_tenant(found)) {
		question_problem(&q, 403,
		    "not allowed for a token with teams, because rows do not "
		    "name an operator");
	} else if (!resource_check_parameters(found, r, a) ||
		   (resource_is_table(found) && !read_bom(&q))) {
		return 0;
	} else if (found->list != NULL) {
		list_answer(&q, found->list);
	} else {
		found->answer(&q);
	}
	return q.rows;
}
