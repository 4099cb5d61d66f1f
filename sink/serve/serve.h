/*
 * serve: what the handlers of sink --serve share, and who a request is from:
 * the viewer of its bearer token, which stands in the header Authorization or,
 * of a GET, in the cookie of a browser that has logged in. A page of somebody
 * else can make a browser send a cookie, so a cookie never answers anything but
 * GET.
 */
#ifndef SINK_SERVE_SERVE_H
#define SINK_SERVE_SERVE_H

#include "common/http/web.h"
#include "common/tokens/jwt.h"
#include "sink/access/viewer.h"
#include "sink/serve/db_pool.h"

#include <stdbool.h>
#include <stdint.h>

struct audit;
struct board_files;
struct conf;
struct live_events;
struct revocation;
struct serve_metrics;
struct server_counts;
struct teams;
struct work_queue;

/* The context of each handler. All borrowed, constant while requests come. */
struct serve {
	const struct jwt_rules *tokens;
	const struct conf *conf;
	const struct teams *teams;          /* of all tenants */
	const struct server_counts *counts; /* of its requests */
	struct revocation *revocation;
	struct audit *audit;
	struct db_pool *pool;
	struct work_queue *queue; /* of what asks the database */
	struct live_events *live;
	struct serve_metrics *metrics;
	const struct board_files *board;
	int64_t timeout_ms; /* of a statement */
};

/* False: the answer is made, 401, or 503 while it is not known which tokens
 * were revoked. */
bool serve_find_viewer(const struct serve *s, const struct web_request *r,
    struct viewer *v, struct web_answer *a) __attribute__((warn_unused_result));

/* The same for a token that stands elsewhere; r says from whom it came. */
bool serve_check_token(const struct serve *s, const struct web_request *r,
    const char *token, struct viewer *v, struct web_answer *a)
    __attribute__((warn_unused_result));

/* For what is done later: keeps the viewer with the answer, and finds it there
 * without the token. False: that was revoked, and the answer is made. */
void serve_keep_viewer(const struct viewer *v, struct web_answer *a);
bool serve_find_kept_viewer(const struct serve *s, const struct web_request *r,
    struct viewer *v, struct web_answer *a) __attribute__((warn_unused_result));

/* Of an answer that goes on: whether the token of the viewer that was kept
 * still counts. */
bool serve_token_is_good(const void *context, const struct web_answer *a);

#endif
