/*
 * serve_context: what the handlers of sink --serve share: it is the context of
 * each web_handler in sink/serve.
 */
#ifndef SINK_SERVE_SERVE_CONTEXT_H
#define SINK_SERVE_SERVE_CONTEXT_H

#include <stdint.h>

/* All borrowed from the mode, until the server is closed. */
struct serve_context {
	const struct jwt_rules *tokens;
	struct revocation *revocation;
	struct audit *audit;
	struct db_pool *pool;
	struct work_queue *queue; /* whose threads take from the pool */
	int64_t timeout_ms;       /* of a statement */
};

#endif
