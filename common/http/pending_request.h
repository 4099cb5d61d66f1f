/*
 * pending_request: the lines of one request that must be safe before it is
 * answered. The server hands it to the storer of its program
 * (server_callbacks.h), which reports the result by done(), in any thread.
 */
#ifndef COMMON_HTTP_PENDING_REQUEST_H
#define COMMON_HTTP_PENDING_REQUEST_H

#include "common/base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* Belongs to the storer until it calls done(), once; done() does not wait. */
struct pending_request {
	const struct buf *records, *dead; /* whole lines; may be empty */
	size_t n;                         /* how many lines */
	void (*done)(struct pending_request *p, bool safe);
	/* A link of the storer's list; after done() of the server's. */
	struct pending_request *next;
};

#endif
