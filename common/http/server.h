/*
 * server: the HTTP server of a program, over libmicrohttpd. It is opened in
 * three steps, server_configure(), server_bind() and server_start(), so that a
 * program can open its own resources in between. A section of the configuration
 * has its keys: connections, connections_per_address, rate, burst, proxies,
 * header_timeout, request_timeout and keep_alive.
 *
 * It has a few threads, each with its own connections. The program decides what
 * to do with a request, see struct server. A request that waits for a storer
 * or a work queue is a suspended connection, never a blocked thread.
 *
 * Limits: 4 KiB for the request line, 64 headers, 12 KiB for both together, and
 * those of the keys above. Deadlines run from the start of a request, so
 * sending single bytes does not extend them.
 *
 * The server itself refuses: 400 and close (two lengths, a length beside
 * Transfer-Encoding, an encoding other than chunked, no host or two, a
 * malformed path or name, a repeated header that must be single, bare line
 * feeds, folded headers, NULs, a header without a name), 408 and close (slow),
 * 413, 414, 431, 429, 503 (out of memory, lines not stored, work queue full).
 * All other answers come from the handler.
 *
 * libmicrohttpd does not show the lines between and after the chunks of a
 * chunked body, so anomalies there cannot be refused. A proxy does not receive
 * them.
 */
#ifndef COMMON_HTTP_SERVER_H
#define COMMON_HTTP_SERVER_H

#include "common/base/prog.h"
#include "common/http/web.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Counters of all threads of the server since its start. Any thread may read
 * them at any time. */
struct server_counts {
	atomic_ullong connections; /* admitted */
	atomic_ullong turned_away; /* connections refused: too many */
	atomic_ullong requests;    /* received completely, or refused */
	atomic_ullong accepted;    /* answers below 400 */
	atomic_ullong malformed;   /* 400 */
	atomic_ullong too_large;   /* 413, 414, 431 */
	atomic_ullong too_many;    /* 429 */
	atomic_ullong refused;     /* other 4xx */
	atomic_ullong later;       /* 503 */
	atomic_ullong failed;      /* other 5xx */
	atomic_ullong slow;        /* connections closed because they were too
				    * slow */
	atomic_ullong records;     /* stored */
	atomic_ullong dead;        /* dead letters stored */
};

static inline void
server_count(atomic_ullong *what, unsigned long long n)
{
	(void)atomic_fetch_add_explicit(what, n, memory_order_relaxed);
}

static inline unsigned long long
server_counted(const atomic_ullong *what)
{
	return atomic_load_explicit(what, memory_order_relaxed);
}

/* The functions with which a program handles requests. The server reads a
 * request and calls handle(), which fills the answer; it lets store() store the
 * answer's lines, if any; and it sends the answer. handle() must not take long,
 * because its thread serves other connections: for slow answers it names
 * another handler and a work queue, see struct web_answer. */

/* Fills the answer to a request that the server itself refuses. Its status and
 * retry time are set; body and headers are empty. Called in any thread of the
 * server. */
typedef void server_refuser(int status, struct web_answer *a);

/* Stores the lines of a request safely and calls p->done() once; with false if
 * it cannot, which answers 503. Called in any thread of the server or of a work
 * queue; must not block; may call done() before it returns. */
typedef void server_storer(const void *context, struct pending_request *p);

struct client_limits;
struct conf;
struct server_worker;

struct server {
	/* Set by the program before server_configure(); borrowed. */
	const struct conf *conf;
	const char *section;
	const char *address;   /* where to listen: 127.0.0.1:PORT, [::1]:PORT */
	const char *port_file; /* NULL: none */

	/* Set by the program before server_start(). */
	web_handler *handle;  /* called once for each request that is complete
			       * and not refused by the server itself */
	server_storer *store; /* called for each answer below 300 that has
			       * lines; NULL: no handler produces lines */
	server_refuser *refuse;
	const void *context; /* for handle and store, and web_answer.later;
			      * borrowed */
	size_t max_body;     /* maximum size of one body */
	size_t max_bodies;   /* maximum size of all bodies together */

	/* The rest is private. */
	struct server_counts counts;
	int socket; /* listening, non-blocking; -1: none */
	int port;
	struct buf bound; /* the address, with the real port instead of 0 */
	struct client_limits *client_limits;
	unsigned connections; /* of all threads; the same as in client_limits */
	/* Deadlines for the headers, for a request or an answer, and for the
	 * next request of a connection. */
	int64_t header_ms, request_ms, keep_alive_ms;
	bool wrote_port; /* we wrote the port file and must remove it */
	struct server_worker *workers;
	size_t workers_n;
	atomic_bool stopping;
	/* Work queues start no answer after this time; 0: no limit. */
	atomic_llong queues_end_ms;
	atomic_size_t held; /* bytes of all bodies in memory */
};

/* Each function returns 0, or -1 with *code and *why, a complete sentence; call
 * server_close() in either case. */

/* Reads the section and the address; checking a configuration needs no more.
 * Call it first. */
int server_configure(struct server *s, enum exit_code *code, struct buf *why)
    __attribute__((warn_unused_result));
/* Raises the limit on open files if necessary, and opens the socket. */
int server_bind(struct server *s, enum exit_code *code, struct buf *why)
    __attribute__((warn_unused_result));
/* Starts the server and writes the port file. */
int server_start(struct server *s, enum exit_code *code, struct buf *why)
    __attribute__((warn_unused_result));

/* Logs the address; as a warning if port 0 was requested. */
void server_log_address(const struct server *s);

/* Stops accepting connections and answers running requests, for at most 10
 * seconds, or until storer and work queues have finished them. */
void server_end_requests(struct server *s);
/* The same, unless that has already been done; then frees everything else. */
void server_close(struct server *s);

/* Writes its counters as Prometheus metrics. */
void server_metrics_write(struct buf *to, const struct server_counts *counts);

#endif
