/*
 * serve_api: requests to the API, and the other paths; see serve.h.
 */
#include "sink/serve/serve.h"

#include <stdbool.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/digest/hash.h"
#include "common/http/web.h"
#include "sink/access/audit.h"
#include "sink/api/question.h"
#include "sink/resources/resource.h"

/* API requests (sink/resources/resource.h): the server's thread determines the
 * sender, a thread of the queue queries the tables, and the audit entry is
 * written before the answer is sent. */

/* Belongs to a thread of the queue; created for its first request. */
static _Thread_local struct db *connection;

void
serve_end_thread(void)
{
	db_close(connection);
	db_thread_end();
}

bool
serve_write_down(const struct serve *s, const struct viewer *v,
    const struct web_request *r, struct web_answer *a, size_t rows)
{
	const struct resource *found = resource_find(r);
	const char *names[RESOURCE_PARAMETERS];
	struct audit_entry e = {
		.request = r, .answer = a, .parameters = names, .rows = rows
	};

	if (found != NULL)
		e.parameters_n = resource_parameters(found, names);
	if (!audit_wants(v, found != NULL && found->impersonal, a) ||
	    audit_add(s->audit, v, &e) == 0)
		return true;
	problem_answer(a, 503, "cannot write the audit log, see [serve] audit");
	a->retry_after = 5;
	return false;
}

/* Runs in a thread of the queue. The token was checked before the request was
 * queued, so that requests without a valid one do not fill the queue; it may
 * have been revoked since. */
static void
answer_from_tables(
    const void *context, const struct web_request *r, struct web_answer *a)
{
	const struct serve *s = context;
	struct viewer v = { .role = VIEWER_NONE };
	size_t rows;

	if (!resource_is_public(r) && !serve_find_kept_viewer(s, r, &v, a))
		return;
	if (connection == NULL) {
		db_thread_begin();
		connection = db_another(s->db);
	}
	rows = resource_answer(&v, connection, s->timeout_ms, r, a);
	(void)serve_write_down(s, &v, r, a, rows);
}

/* One lane for each tenant, and one for requests without a token. */
static uint64_t
lane_of(const struct viewer *v)
{
	return hash_text(0, v->tenant, strlen(v->tenant)) | 1;
}

static void
serve_api_answer(
    const void *context, const struct web_request *r, struct web_answer *a)
{
	const struct serve *s = context;
	struct viewer v = { .role = VIEWER_NONE };

	if (!resource_is_public(r)) {
		if (!serve_find_viewer(s, r, &v, a))
			return;
		serve_keep_viewer(&v, a);
	}
	a->later = answer_from_tables;
	a->queue = s->queue;
	a->lane = lane_of(&v);
}

/* The paths. */

static const struct {
	enum web_method method;
	const char *pattern; /* see path_pattern_fits() */
	web_handler *answer;
} routes[] = {
	{ WEB_GET, "/", board_files_answer },
	{ WEB_GET, "/login", board_files_answer },
	{ WEB_GET, "/board/{file}", board_files_answer },
	{ WEB_GET, "/api/v1/now/stream", live_events_answer },
	{ WEB_GET, "/metrics", serve_metrics_answer },
	{ WEB_POST, "/login", login_answer },
	{ WEB_POST, "/logout", logout_answer },
};

static bool
route_takes(enum web_method method, const char *path)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(routes); i++) {
		if (routes[i].method == method &&
		    path_pattern_fits(routes[i].pattern, path))
			return true;
	}
	return false;
}

static void
refuse_method(
    const void *context, const struct web_request *r, struct web_answer *a)
{
	(void)context;
	problem_answer(a, 405, "this path does not support this method");
	a->allow = web_allow(
	    route_takes(WEB_GET, r->path), route_takes(WEB_POST, r->path));
}

web_handler *
serve_route(const struct web_request *r)
{
	bool found = false;
	size_t i;

	for (i = 0; i < ARRAY_LEN(routes); i++) {
		if (!path_pattern_fits(routes[i].pattern, r->path))
			continue;
		if (routes[i].method == r->method)
			return routes[i].answer;
		found = true;
	}
	return found ? refuse_method : serve_api_answer;
}
