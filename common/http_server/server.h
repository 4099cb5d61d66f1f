/*
 * server: an HTTP server over libmicrohttpd, which is visible here only. A few
 * threads, each with connections of its own. What is done with a request is the
 * program's, see server_callbacks.h; a request that waits for a storer or a
 * work queue is a suspended connection, never a thread.
 *
 * What comes from strangers is bounded: the request line to 4 KiB, headers to
 * 64, both together to 12 KiB, and the rest by the options below. Time is
 * looked at by the clock, not by activity, so that a sender of single bytes
 * gains nothing.
 *
 * Refused by the server itself: 400 and close (two lengths, a length beside
 * Transfer-Encoding, an encoding other than chunked, no host or two, an odd
 * path or name, a header twice that counts once, bare line feeds, folded
 * headers, NULs, a header without a name), 408 and close (slow), 413, 414, 431,
 * 429, 503 (no memory, no safety). All else is the handler's.
 *
 * Of a chunked body libmicrohttpd hides the lines between the chunks and
 * behind them: what is odd there cannot be refused. It does not come through a
 * proxy.
 */
#ifndef COMMON_HTTP_SERVER_SERVER_H
#define COMMON_HTTP_SERVER_SERVER_H

#include "common/http/admission.h"
#include "common/http/listen_socket.h"
#include "common/http_server/server_callbacks.h"
#include "common/http_server/server_counts.h"

#include <stddef.h>
#include <stdint.h>

struct server;

/* All borrowed until server_close(). */
struct server_options {
	const struct listen_socket *socket;
	struct admission *admission;
	struct server_counts *counts;
	struct server_callbacks callbacks;
	unsigned threads;     /* 0: one for each core, at most 8 */
	unsigned connections; /* of all threads; admission's, too */
	size_t max_body, memory;
	int64_t header_ms, request_ms, keep_alive_ms;
	int64_t min_rate; /* bytes a second of a body */
};

/* Serves from now on. NULL and *why when there is no memory for it. */
struct server *server_open(const struct server_options *opt, struct buf *why)
    __attribute__((warn_unused_result));

/* Takes no more connections, answers what was taken, at most some seconds,
 * and ends. NULL is fine. */
void server_close(struct server *s);

#endif
