/*
 * serve_routes: the table of paths; see serve_routes.h. A handler here takes
 * little time; what asks the database runs in the threads of the work queue.
 */
#include "sink/serve/serve_routes.h"

#include <string.h>

#include "common/base/xalloc.h"
#include "common/http/path_pattern.h"
#include "sink/api/resource.h"
#include "sink/serve/board_files.h"
#include "sink/serve/live.h"
#include "sink/serve/serve.h"

static const struct {
	enum web_method method;
	const char *pattern; /* see path_pattern.h */
	web_handler *answer;
} routes[] = {
	{ WEB_GET, "/", board_files_answer },
	{ WEB_GET, "/login", board_files_answer },
	{ WEB_GET, "/board/{file}", board_files_answer },
	{ WEB_GET, "/api/v1/now/stream", live_answer },
};

/* In a thread of the work queue. */
static void
answer_from_tables(
    const void *context, const struct web_request *r, struct web_answer *a)
{
	const struct serve *s = context;
	struct viewer v;
	struct db *db;

	if (!serve_find_viewer(s, r, &v, a))
		return;
	db = db_pool_take(s->pool);
	resource_answer(&v, db, s->timeout_ms, r, a);
	db_pool_give(s->pool, db);
}

static void
answer_by_api(
    const void *context, const struct web_request *r, struct web_answer *a)
{
	const struct serve *s = context;
	struct viewer v;

	if (!serve_find_viewer(s, r, &v, a))
		return;
	a->later = answer_from_tables;
	a->queue = s->queue;
}

web_handler *
serve_route(const struct web_request *r)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(routes); i++) {
		if (routes[i].method == r->method &&
		    path_pattern_fits(routes[i].pattern, r->path))
			return routes[i].answer;
	}
	return answer_by_api;
}
