/*
 * server: an HTTP server over libmicrohttpd, which is visible here only. A few
 * threads, each with connections of its own. What is done with a request is the
 * program's, see server_callbacks.h; a request that waits for a storer or a
 * work queue is a suspended connection, never a thread.
 *
 * Limits: 4 KiB of request line, 64 headers, 12 KiB of both together, and the
 * options below. Deadlines run from the start of a request, whatever is sent
 * meanwhile, so that a sender of single bytes gains nothing.
 *
 * Refused by the server itself: 400 and close (two lengths, a length beside
 * Transfer-Encoding, an encoding other than chunked, no host or two, an odd
 * path or name, a header twice that counts once, bare line feeds, folded
 * headers, NULs, a header without a name), 408 and close (slow), 413, 414, 431,
 * 429, 503 (out of memory, lines not stored, work queue full). All other
 * answers are the handler's.
 *
 * libmicrohttpd hides the lines between and behind the chunks of a chunked
 * body: what is odd there cannot be refused. It does not pass a proxy.
 */
#ifndef COMMON_HTTP_SERVER_SERVER_H
#define COMMON_HTTP_SERVER_SERVER_H

#include "common/http/client_limits.h"
#include "common/http/listen_socket.h"
#include "common/http_server/server_callbacks.h"
#include "common/http_server/server_counts.h"

#include <stddef.h>
#include <stdint.h>

struct server;

/* All borrowed until server_close(). */
struct server_options {
	const struct listen_socket *socket;
	struct client_limits *client_limits;
	struct server_counts *counts;
	struct server_callbacks callbacks;
	unsigned threads;     /* 0: one for each core, at most 8 */
	unsigned connections; /* of all threads; as client_limits has it */
	size_t max_body;      /* bytes of one body */
	size_t memory;        /* bytes of all bodies together */
	/* Deadlines for the headers, for a request or an answer, and for the
	 * next request of a connection. */
	int64_t header_ms, request_ms, keep_alive_ms;
	int64_t min_rate; /* bytes a second of a body */
};

/* Starts the threads. NULL and *why when the system refuses. Owned. */
struct server *server_open(const struct server_options *opt, struct buf *why)
    __attribute__((warn_unused_result));

/* Accepts no more connections, answers the requests that have begun, for 10
 * seconds at most, or until storer and work queues are done with them, and ends
 * the threads. NULL is fine. */
void server_close(struct server *s);

#endif
