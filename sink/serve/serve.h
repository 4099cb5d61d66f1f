/*
 * serve: what the handlers of sink --serve share, and who a request is from.
 */
#ifndef SINK_SERVE_SERVE_H
#define SINK_SERVE_SERVE_H

#include "common/http/jwt.h"
#include "common/http/web.h"
#include "sink/api/viewer.h"
#include "sink/serve/db_pool.h"

#include <stdbool.h>
#include <stdint.h>

struct board_files;
struct live;
struct work_queue;

/* The context of each handler. All borrowed, constant while requests come. */
struct serve {
	const struct jwt_rules *tokens;
	struct db_pool *pool;
	struct work_queue *queue; /* of what asks the database */
	struct live *live;
	const struct board_files *board;
	int64_t timeout_ms; /* of a statement */
};

/* Who asks, by the token in header Authorization, or for GET in the cookie of a
 * login. False: nobody is; the answer says so. */
bool serve_find_viewer(const struct serve *s, const struct web_request *r,
    struct viewer *v, struct web_answer *a) __attribute__((warn_unused_result));

#endif
