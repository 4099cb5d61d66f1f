/*
 * resource_routes: the table of resources, the search for a request's row, and
 * the parameters that a request may have; see resource.h.
 */
#include <string.h>

#include "common/base/parse.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/http/web.h"
#include "sink/access/scope.h"
#include "sink/api/question.h"
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

#define KIND "(response|first_response|reply|resolution|unanswered) "

/* Shapes of parameters that do more than select rows by a value. of: the id of
 * the only resource to which this applies. */
static const struct {
	const char *name, *of, *shape;
} parameter_shapes[] = {
	{ "limit", NULL,
	    "integer 1..1000 =100 'Maximum number of rows in a page. A page "
	    "ends earlier after 4 MiB of text, or after 10000 rows examined "
	    "without an index; it may then be empty although another page "
	    "follows'" },
	{ "cursor", NULL, "text 'Cursor of the page, from the previous page'" },
	{ "from", NULL,
	    "text 'Only rows at or after this time: 2026-11-20T10:00:00Z, "
	    "2026-11-20, or how long ago: 24h, 7d'" },
	{ "to", NULL, "text 'Only rows before this time'" },
	{ "at", NULL,
	    "text 'Show at most 1000 rows before this time and 1000 at or "
	    "after it (2026-11-20T10:00:00Z, 2026-11-20, or how long ago: "
	    "24h, 7d); default: the first 2000 rows'" },
	{ "zone", NULL, "text 'An IANA time zone; default: UTC'" },
	{ "kind", "responses", KIND "=response 'Kind of interval'" },
	{ "kind", "heatmap", KIND "=response 'Kind of interval'" },
	{ "kind", NULL,
	    "(response|first_response|reply|resolution|unanswered|waiting) "
	    "'Only rows with this value'" },
	{ "tag", NULL,
	    "text 'Only rows with this value; refused for the role "
	    "agent'" },
	{ "assigned", NULL, "(1) '1: only assigned chats'" },
	{ "nobody", NULL, "(1) '1: only rows without an operator'" },
	{ "no_channel", NULL, "(1) '1: only rows without a channel'" },
	{ "open", "chats", "(1) '1: only open chats'" },
	{ "open", NULL,
	    "(1) '1: only rows of the current episode of open chats'" },
	{ "waiting", NULL,
	    "(1) '1: only open chats in which a customer is waiting'" },
	{ "waiting_seconds", NULL,
	    "integer 0..316224000 'Only open chats whose customer has been "
	    "waiting for at least this long'" },
	{ "withdrawn", NULL,
	    "(0|1|false|true) 'Only rows with this value; 1 is true, 0 is"
	    " false'" },
	{ "weekday", NULL,
	    "integer 1..7 'Weekday on which the interval ended; 1 is Monday; "
	    "needs hour, from and to'" },
	{ "hour", NULL,
	    "integer 0..23 'Hour in which the interval ended, in "
	    "the time zone'" },
	{ "by", NULL,
	    "(quarter|hour|day|week|month|total) =day 'Length of a "
	    "period'" },
	{ "group", "transfers",
	    "(none|operator) =none 'operator: one row per operator'" },
	{ "group", NULL,
	    "(none|operator|channel|team) =none 'One row per operator, channel "
	    "or team'" },
	{ "compare", NULL,
	    "(none|previous) =none 'previous: add the previous "
	    "period'" },
	{ "within_seconds", NULL,
	    "integer 0..31622400 'Adds the share answered within this time'" },
	{ "tenant_id", NULL, "text 'The tenant of the token'" },
	{ "start_time", NULL, "time" },
	{ "end_time", NULL, "time" },
	{ "period", NULL, "(hour|day|week|month) =day" },
};

const char *
resource_parameter_shape(const struct resource *r, const char *name)
{
	const char *of;
	size_t i;

	for (i = 0; i < ARRAY_LEN(parameter_shapes); i++) {
		of = parameter_shapes[i].of;
		if (strcmp(parameter_shapes[i].name, name) == 0 &&
		    (of == NULL || strcmp(of, r->id) == 0))
			return parameter_shapes[i].shape;
	}
	return "text 'Only rows with this value'";
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

size_t
resource_parameters(
    const struct resource *r, const char *names[RESOURCE_PARAMETERS])
{
	size_t n = 0;

	if (r->list != NULL)
		return parameters_of_list(r->list, names);
	add_names(names, &n, r->parameters);
	return n;
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

#define V1 "/api/v1/"
#define ANALYTICS V1 "analytics/"

#define HANDLED(function) HANDLED_BY(function, NULL)
#define HANDLED_BY(function, ...)                                              \
	.answer = (function), .of_operators = true,                            \
	.parameters = LIST_NAMES(__VA_ARGS__)

const struct resource resources[] = {
	{ V1 "now", VIEWER_WALL, HANDLED(resource_now), .id = "now",
	    .shape = "Now",
	    .summary = "The present figures that the role may see." },
	{ V1 "operators", VIEWER_AGENT, .list = &list_operators,
	    .id = "operators", .impersonal = true, .shape = "Operators",
	    .summary = "The operators." },
	{ V1 "chats", VIEWER_AGENT, .list = &list_chats, .id = "chats",
	    .shape = "Chats",
	    .summary =
		"Open chats, and chats that the newest snapshot no longer "
		"lists." },
	{ V1 "chats/{chat}/timeline", VIEWER_LEAD,
	    HANDLED_BY(resource_timeline, "at"), .id = "chat_timeline",
	    .shape = "Timeline",
	    .summary = "The messages of a chat, the intervals that they ended, "
		       "and the running wait." },
	{ V1 "messages", VIEWER_LEAD, .list = &list_messages, .id = "messages",
	    .shape = "Messages", .summary = "Messages, newest first." },
	{ V1 "intervals", VIEWER_AGENT, .list = &list_intervals,
	    .id = "intervals", .shape = "Intervals",
	    .summary = "Each response, wait and resolution, newest first." },
	{ V1 "responses", VIEWER_WALL,
	    HANDLED_BY(resource_responses, "from", "to", "zone", "kind",
		"operator", "nobody", "channel", "no_channel", "by", "group",
		"compare", "within_seconds"),
	    .id = "responses", .impersonal = true, .shape = "Responses",
	    .summary = "Response times by period in a time zone." },
	{ V1 "heatmap", VIEWER_WALL,
	    HANDLED_BY(resource_heatmap, "from", "to", "zone", "kind",
		"operator", "nobody", "channel", "no_channel"),
	    .id = "heatmap", .impersonal = true, .shape = "Heatmap",
	    .summary = "Responses by hour of the week in a time zone." },
	{ V1 "backlog", VIEWER_WALL,
	    HANDLED_BY(resource_backlog, "from", "to", "zone", "by", "compare"),
	    .id = "backlog", .impersonal = true, .shape = "Backlog",
	    .summary = "Open chats and waiting customers at past moments." },
	{ V1 "transfers", VIEWER_WALL,
	    HANDLED_BY(resource_transfers, "from", "to", "zone", "group"),
	    .id = "transfers", .impersonal = true, .shape = "Transfers",
	    .summary = "Waits that were split by transfers." },
	{ V1 "figure", VIEWER_AGENT,
	    HANDLED_BY(resource_figure, "from", "to", "zone", "kind", "chat",
		"message", "operator", "nobody", "channel", "no_channel",
		"withdrawn", "weekday", "hour", "open"),
	    .id = "figure", .impersonal = true, .shape = "Figure",
	    .summary = "Number and sum of the intervals that "
		       "/api/v1/intervals lists for the same parameters." },
	{ V1 "allocation", VIEWER_LEAD, HANDLED(resource_allocation),
	    .id = "allocation", .impersonal = true, .shape = "Allocation",
	    .summary =
		"Unassigned chats, and the free capacity of each operator." },
	{ V1 "conversations", VIEWER_LEAD, .list = &list_conversations,
	    .id = "conversations", .shape = "Conversations",
	    .summary = "Conversations, from their first message to their "
		       "last." },
	{ V1 "users", VIEWER_LEAD, .list = &list_users, .id = "users",
	    .shape = "Users", .summary = "Users who wrote." },
	{ V1 "alerts", VIEWER_LEAD, .list = &list_alerts, .id = "alerts",
	    .shape = "Alerts",
	    .summary = "Users who wrote too many messages, newest first." },
	{ V1 "trends", VIEWER_LEAD, .list = &list_trends, .id = "trends",
	    .impersonal = true, .shape = "Trends",
	    .summary =
		"Words that are used more often than before, newest first." },
	{ V1 "events", VIEWER_LEAD, .list = &list_events, .id = "events",
	    .shape = "Events", .summary = "Events, newest first." },
	{ V1 "receipts", VIEWER_LEAD, .list = &list_receipts, .id = "receipts",
	    .shape = "Receipts", .summary = "Read receipts, newest first." },
	{ V1 "channels", VIEWER_AGENT, .list = &list_channels, .id = "channels",
	    .impersonal = true, .shape = "Channels",
	    .summary = "Messages and conversations of channels by hour, newest "
		       "first." },
	{ V1 "assignments", VIEWER_AGENT, .list = &list_assignments,
	    .id = "assignments", .shape = "Assignments",
	    .summary = "Assignments of chats to operators, newest first." },
	{ V1 "messages/conversation/{*conversation_id}", VIEWER_LEAD,
	    .answer = original_messages, .lenient = true,
	    .parameters = LIST_NAMES("limit", "cursor"),
	    .id = "conversation_messages", .shape = "ConversationMessages",
	    .summary =
		"The messages of a conversation, oldest first. The id is the "
		"rest of the path. An unknown conversation has an empty "
		"list." },
	{ ANALYTICS "conversations/{conversation_id}/analytics", VIEWER_LEAD,
	    .answer = original_conversation, .lenient = true,
	    .parameters = LIST_NAMES("tenant_id!", "start_time", "end_time"),
	    .id = "conversation_analytics", .shape = "ConversationAnalytics",
	    .summary = "Posted analytics of a conversation's messages; by "
		       "default, those of the last seven days." },
	{ ANALYTICS "channels/{channel_id}/analytics", VIEWER_AGENT,
	    .answer = original_channel, .lenient = true,
	    .parameters = LIST_NAMES("tenant_id!", "start_time!", "end_time!"),
	    .id = "channel_analytics", .shape = "ChannelAnalytics",
	    .summary = "Figures of channels by hour, newest first." },
	{ ANALYTICS "dashboard", VIEWER_AGENT, .answer = original_dashboard,
	    .lenient = true, .parameters = LIST_NAMES("tenant_id!", "period"),
	    .id = "dashboard", .shape = "Dashboard",
	    .summary = "The last 24 hours, 7 days, 4 weeks or 90 days." },
	{ ANALYTICS "health", VIEWER_NONE, .answer = original_health,
	    .lenient = true, .id = "analytics_health", .shape = "Health",
	    .summary = "Whether the database answers." },
	{ "/health", VIEWER_NONE, .answer = original_health, .lenient = true,
	    .id = "health", .shape = "Health",
	    .summary = "Whether the database answers." },
	{ V1 "openapi", VIEWER_NONE, .answer = resource_openapi,
	    .id = "openapi", .shape = "Openapi",
	    .summary = "This description." },
};

const size_t resources_n = ARRAY_LEN(resources);

static const struct resource *
find_resource(const char *path)
{
	size_t i;

	for (i = 0; i < resources_n; i++) {
		if (path_pattern_fits(resources[i].pattern, path))
			return &resources[i];
	}
	return NULL;
}

/* True if its rows, or its figures, may be limited to some operators. */
static bool
is_of_operators(const struct resource *r)
{
	return r->least == VIEWER_NONE || r->of_operators ||
	       (r->list != NULL && r->list->operator_column != NULL);
}

static const struct resource *
resource_of(const struct web_request *r)
{
	struct question q = { .request = r };

	return reply_form_read(&q) ? find_resource(q.path) : NULL;
}

bool
resource_is_known(const struct web_request *r)
{
	return resource_of(r) != NULL;
}

bool
resource_is_public(const struct web_request *r)
{
	const struct resource *found = resource_of(r);

	return found != NULL && found->least == VIEWER_NONE;
}

bool
resource_is_impersonal(const struct web_request *r)
{
	const struct resource *found = resource_of(r);

	return found != NULL && found->impersonal;
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
	} else if (scope_limits_totals(viewer) && !is_of_operators(found)) {
		question_problem(&q, 403,
		    "not allowed for a token with teams, because rows do not "
		    "name an operator");
	} else if (!resource_check_parameters(found, r, a)) {
		return 0;
	} else if (found->list != NULL) {
		list_answer(&q, found->list);
	} else {
		found->answer(&q);
	}
	return q.rows;
}
