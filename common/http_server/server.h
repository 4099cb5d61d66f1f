/*
 * server: an HTTP server over libmicrohttpd, which is visible here only. A few
 * threads, each with connections of its own. What is done with a request is the
 * program's, see server_callbacks; a request that waits for a storer or a
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
#include "common/http/web.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* What the server counts, by all its threads, from its start on. Any thread may
 * read them at any time. */
struct server_counts {
	atomic_ullong connections; /* admitted */
	atomic_ullong turned_away; /* connections refused: too many */
	atomic_ullong requests;    /* that had come in whole, or were refused */
	atomic_ullong accepted;    /* answers below 400 */
	atomic_ullong malformed;   /* 400 */
	atomic_ullong too_large;   /* 413, 414, 431 */
	atomic_ullong too_many;    /* 429 */
	atomic_ullong refused;     /* other 4xx */
	atomic_ullong later;       /* 503 */
	atomic_ullong failed;      /* other 5xx */
	atomic_ullong slow;        /* connections cut off */
	atomic_ullong records;     /* stored */
	atomic_ullong dead;        /* dead letters stored */
};

static inline void
server_count(atomic_ullong *what, unsigned long long n)
{
	(void)atomic_fetch_add_explicit(what, n, memory_order_relaxed);
}

/* What a program does with the requests of its server: the server reads a
 * request, calls handle(), which fills the answer; has the lines in it, if any,
 * stored by store(); and sends the answer. What takes long is not done in
 * handle(), whose thread serves other connections: the answer names a handler
 * and a work queue that makes it, see struct web_answer. */

/* Makes the answer to a request that the server itself refuses, whose status,
 * and the time to wait, are set; body and headers are empty. Called in any
 * thread of the server. */
typedef void server_refuser(int status, struct web_answer *a);

/* Makes the lines of a request safe, and calls p->done() once: with false when
 * it cannot, which answers 503. Called in any thread of the server or of a work
 * queue; does not wait; may call done() before it returns. */
typedef void server_storer(const void *context, struct pending_request *p);

struct server_callbacks {
	/* Called once for each request that has come in whole and is not
	 * refused by the server itself. */
	web_handler *handle;
	/* Called for each answer below 300 that has lines. NULL: no handler
	 * leaves lines. */
	server_storer *store;
	/* NULL: {"detail": the text of the status}. */
	server_refuser *refuse;
	/* Of handle and store, and of web_answer.later; borrowed until
	 * server_close(). */
	const void *context;
};

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
