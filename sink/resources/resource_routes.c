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

const struct resource resources[] = {
	{ V1 "now", VIEWER_WALL, resource_now, NULL, true, no_parameters },
	{ V1 "operators", VIEWER_AGENT, NULL, &list_operators, false, NULL },
	{ V1 "chats", VIEWER_AGENT, NULL, &list_chats, false, NULL },
	{ V1 "chats/{chat}", VIEWER_AGENT, resource_chat, NULL, true,
	    no_parameters },
	{ V1 "chats/{chat}/timeline", VIEWER_LEAD, resource_timeline, NULL,
	    true, timeline_parameters },
	{ V1 "messages", VIEWER_LEAD, NULL, &list_messages, false, NULL },
	{ V1 "intervals", VIEWER_AGENT, NULL, &list_intervals, false, NULL },
	{ V1 "response-hours", VIEWER_AGENT, NULL, &list_response_hours, false,
	    NULL },
	{ V1 "responses", VIEWER_WALL, resource_responses, NULL, true,
	    responses_parameters },
	{ V1 "heatmap", VIEWER_WALL, resource_heatmap, NULL, true,
	    heatmap_parameters },
	{ V1 "transfers", VIEWER_WALL, resource_transfers, NULL, true,
	    transfers_parameters },
	{ V1 "figure", VIEWER_AGENT, resource_figure, NULL, true,
	    figure_parameters },
	{ V1 "allocation", VIEWER_LEAD, resource_allocation, NULL, true,
	    no_parameters },
	{ V1 "conversations", VIEWER_LEAD, NULL, &list_conversations, false,
	    NULL },
	{ V1 "users", VIEWER_LEAD, NULL, &list_users, false, NULL },
	{ V1 "alerts", VIEWER_LEAD, NULL, &list_alerts, false, NULL },
	{ V1 "trends", VIEWER_LEAD, NULL, &list_trends, false, NULL },
	{ V1 "events", VIEWER_LEAD, NULL, &list_events, false, NULL },
	{ V1 "receipts", VIEWER_LEAD, NULL, &list_receipts, false, NULL },
	{ V1 "channels", VIEWER_AGENT, NULL, &list_channels, false, NULL },
	{ V1 "assignments", VIEWER_AGENT, NULL, &list_assignments, false,
	    NULL },
	{ V1 "messages/conversation/{*conversation_id}", VIEWER_LEAD,
	    original_messages, NULL, false, NULL },
	{ ANALYTICS "conversations/{conversation_id}/analytics", VIEWER_LEAD,
	    original_conversation, NULL, false, NULL },
	{ ANALYTICS "channels/{channel_id}/analytics", VIEWER_AGENT,
	    original_channel, NULL, false, NULL },
	{ ANALYTICS "dashboard", VIEWER_AGENT, original_dashboard, NULL, false,
	    NULL },
	{ ANALYTICS "health", VIEWER_NONE, original_health, NULL, false, NULL },
	{ V1 "openapi", VIEWER_NONE, resource_openapi, NULL, false,
	    no_parameters },
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
