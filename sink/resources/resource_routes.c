/*
 * resource_routes: the table of resources, and how a request finds its row; see
 * resource.h.
 */

#include "common/base/xalloc.h"
#include "common/http/path_pattern.h"
#include "sink/access/scope.h"
#include "sink/api/reply_form.h"
#include "sink/resources/resource.h"
#include "sink/resources/resource_parameters.h"

#define V1 "/api/v1/"
#define ANALYTICS V1 "analytics/"

static const char *const no_parameters[] = { NULL };
static const char *const timeline_parameters[] = { "at", NULL };

#define HANDLED(function, names)                                               \
	.answer = (function), .of_operators = true, .parameters = (names)

const struct resource resources[] = {
	{ V1 "now", VIEWER_WALL, HANDLED(resource_now, no_parameters),
	    .id = "now", .shape = "Now",
	    .summary =
		"How things are at this moment, for each role as much as it"
		" may see." },
	{ V1 "operators", VIEWER_AGENT, .list = &list_operators,
	    .id = "operators", .shape = "Operators",
	    .summary = "The operators." },
	{ V1 "chats", VIEWER_AGENT, .list = &list_chats, .id = "chats",
	    .shape = "Chats",
	    .summary =
		"The chats that are open or were in the newest snapshot." },
	{ V1 "chats/{chat}", VIEWER_AGENT,
	    HANDLED(resource_chat, no_parameters), .id = "chat",
	    .shape = "Chat", .summary = "One chat." },
	{ V1 "chats/{chat}/timeline", VIEWER_LEAD,
	    HANDLED(resource_timeline, timeline_parameters),
	    .id = "chat_timeline", .shape = "Timeline",
	    .summary =
		"What was written in a chat, the intervals that end with "
		"each message, and the wait that goes on." },
	{ V1 "messages", VIEWER_LEAD, .list = &list_messages, .id = "messages",
	    .shape = "Messages", .summary = "Messages, newest first." },
	{ V1 "intervals", VIEWER_AGENT, .list = &list_intervals,
	    .id = "intervals", .shape = "Intervals",
	    .summary = "Each response, wait and resolution, newest first." },
	{ V1 "response-hours", VIEWER_AGENT, .list = &list_response_hours,
	    .id = "response_hours", .shape = "ResponseHours",
	    .summary = "Counts, sums and maxima of intervals by hour, newest "
		       "first." },
	{ V1 "responses", VIEWER_WALL,
	    HANDLED(resource_responses, responses_parameters),
	    .id = "responses", .shape = "Responses",
	    .summary = "Response times by period in a time zone." },
	{ V1 "heatmap", VIEWER_WALL,
	    HANDLED(resource_heatmap, heatmap_parameters), .id = "heatmap",
	    .shape = "Heatmap",
	    .summary = "Responses by hour of the week in a time zone." },
	{ V1 "transfers", VIEWER_WALL,
	    HANDLED(resource_transfers, transfers_parameters),
	    .id = "transfers", .shape = "Transfers",
	    .summary =
		"What transfers cost: the parts of waits that they cut." },
	{ V1 "figure", VIEWER_AGENT,
	    HANDLED(resource_figure, figure_parameters), .id = "figure",
	    .shape = "Figure",
	    .summary = "One figure, opened: what it is now." },
	{ V1 "allocation", VIEWER_LEAD,
	    HANDLED(resource_allocation, no_parameters), .id = "allocation",
	    .shape = "Allocation",
	    .summary =
		"Chats without an operator, and how many more each operator"
		" may hold." },
	{ V1 "conversations", VIEWER_LEAD, .list = &list_conversations,
	    .id = "conversations", .shape = "Conversations",
	    .summary = "Conversations over all their life." },
	{ V1 "users", VIEWER_LEAD, .list = &list_users, .id = "users",
	    .shape = "Users", .summary = "Users who wrote." },
	{ V1 "alerts", VIEWER_LEAD, .list = &list_alerts, .id = "alerts",
	    .shape = "Alerts",
	    .summary = "Users who write too much, newest first." },
	{ V1 "trends", VIEWER_LEAD, .list = &list_trends, .id = "trends",
	    .shape = "Trends",
	    .summary = "Words that are used more than before, newest first." },
	{ V1 "events", VIEWER_LEAD, .list = &list_events, .id = "events",
	    .shape = "Events", .summary = "Events, newest first." },
	{ V1 "receipts", VIEWER_LEAD, .list = &list_receipts, .id = "receipts",
	    .shape = "Receipts", .summary = "Read receipts, newest first." },
	{ V1 "channels", VIEWER_AGENT, .list = &list_channels, .id = "channels",
	    .shape = "Channels",
	    .summary = "Messages and conversations of channels by hour, newest "
		       "first." },
	{ V1 "assignments", VIEWER_AGENT, .list = &list_assignments,
	    .id = "assignments", .shape = "Assignments",
	    .summary =
		"Chats that were reserved for operators, newest first." },
	{ V1 "messages/conversation/{*conversation_id}", VIEWER_LEAD,
	    .answer = original_messages, .originals = "limit cursor",
	    .id = "conversation_messages", .shape = "ConversationMessages",
	    .summary =
		"The messages of a conversation, oldest first; the id is "
		"the rest of the path. A conversation that nobody knows has"
		" none." },
	{ ANALYTICS "conversations/{conversation_id}/analytics", VIEWER_LEAD,
	    .answer = original_conversation,
	    .originals = "tenant_id! start_time end_time",
	    .id = "conversation_analytics", .shape = "ConversationAnalytics",
	    .summary = "What callers found out about the messages of a "
		       "conversation. Without times the last seven days." },
	{ ANALYTICS "channels/{channel_id}/analytics", VIEWER_AGENT,
	    .answer = original_channel,
	    .originals = "tenant_id! start_time! end_time!",
	    .id = "channel_analytics", .shape = "ChannelAnalytics",
	    .summary = "A channel by hour, newest first." },
	{ ANALYTICS "dashboard", VIEWER_AGENT, .answer = original_dashboard,
	    .originals = "tenant_id! period", .id = "dashboard",
	    .shape = "Dashboard",
	    .summary = "The last 24 hours, 7 days, 4 weeks or 90 days." },
	{ ANALYTICS "health", VIEWER_NONE, .answer = original_health,
	    .id = "analytics_health", .shape = "Health",
	    .summary = "Whether the database answers." },
	{ "/health", VIEWER_NONE, .answer = original_health, .id = "health",
	    .shape = "Health", .summary = "Whether the database answers." },
	{ V1 "openapi", VIEWER_NONE, .answer = resource_openapi,
	    .parameters = no_parameters, .id = "openapi", .shape = "Openapi",
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

/* Not of a service before it, which had one form, whatever was asked for. */
static bool
has_forms(const struct resource *r)
{
	return r->list != NULL || r->parameters != NULL;
}

/* Whether its rows, or its figures, can be those of some operators only. */
static bool
is_of_operators(const struct resource *r)
{
	return r->least == VIEWER_NONE || r->of_operators ||
	       (r->list != NULL && r->list->operator_column != NULL);
}

bool
resource_is_known(const struct web_request *r)
{
	struct question q = { .request = r };

	return reply_form_read(&q) && find_resource(q.path) != NULL;
}

bool
resource_is_public(const struct web_request *r)
{
	struct question q = { .request = r };
	const struct resource *found =
	    reply_form_read(&q) ? find_resource(q.path) : NULL;

	return found != NULL && found->least == VIEWER_NONE;
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
		question_problem(&q, 404, "there is no such path");
	} else if (r->method != WEB_GET) {
		question_problem(&q, 405, "this resource is read only");
		a->allow = web_allow(true, false);
	} else if (viewer->role < found->least) {
		question_problem(&q, 403, "not for the role %s",
		    viewer_role_name(viewer->role));
	} else if (scope_limits_totals(viewer) && !is_of_operators(found)) {
		question_problem(&q, 403,
		    "not for a viewer of teams: nothing says whose it is");
	} else if (!q.any_form && has_forms(found)) {
		question_problem(&q, 406,
		    "Accept has none of application/json, text/csv and "
		    "application/x-ndjson");
	} else if (!resource_check_parameters(found, r, a)) {
		return 0;
	} else if (found->list != NULL) {
		list_answer(&q, found->list);
	} else {
		found->answer(&q);
	}
	return q.rows;
}
