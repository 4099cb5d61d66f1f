/*
 * serve_api: see serve_api.h.
 */
#include "sink/serve/serve_api.h"

#include <string.h>

#include "common/containers/hash.h"
#include "sink/access/audit.h"
#include "sink/api/question.h"
#include "sink/resources/resource.h"
#include "sink/serve/serve.h"

bool
serve_write_down(const struct serve *s, const struct viewer *v,
    const struct web_request *r, struct web_answer *a, size_t rows)
{
	if (!audit_wants(v, r, a) || audit_add(s->audit, v, r, a, rows) == 0)
		return true;
	problem_answer(
	    a, 503, "what is read cannot be written down, see [serve] audit");
	a->retry_after = 5;
	return false;
}

/* In a thread of the queue. The token was checked before the request went into
 * it, so that a stranger's takes no place there, and may have been revoked
 * while it waited. */
static void
answer_from_tables(
    const void *context, const struct web_request *r, struct web_answer *a)
{
	const struct serve *s = context;
	struct viewer v = { .role = VIEWER_NONE };
	struct db *db;
	size_t rows;

	if (!resource_is_public(r) && !serve_find_kept_viewer(s, r, &v, a))
		return;
	db = db_pool_take(s->pool);
	rows = resource_answer(&v, db, s->timeout_ms, r, a);
	db_pool_give(s->pool, db);
	(void)serve_write_down(s, &v, r, a, rows);
}

/* One for each tenant, and one for who needs no token. */
static uint64_t
lane_of(const struct viewer *v)
{
	return hash_text(0, v->tenant, strlen(v->tenant)) | 1;
}

void
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
