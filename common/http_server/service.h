/*
 * service: the HTTP server of a program, as configured by a section: limits,
 * files, socket, server and port file. It is opened in three steps, so that a
 * program can open its own resources in between.
 *
 * The section has the keys connections, connections_per_address, rate, burst,
 * proxies, header_timeout, request_timeout and keep_alive.
 */
#ifndef COMMON_HTTP_SERVER_SERVICE_H
#define COMMON_HTTP_SERVER_SERVICE_H

#include "common/base/prog.h"
#include "common/conf/conf.h"
#include "common/http_server/server.h"

#include <stdbool.h>

struct service {
	/* Set by the program; borrowed. */
	const struct conf *conf;
	const char *section;
	const char *address;   /* where to listen */
	const char *port_file; /* NULL: none */

	/* The rest is private. */
	struct server_counts counts;
	struct listen_socket socket;
	struct client_limits *client_limits;
	struct server *server;
	bool wrote_port; /* we wrote the port file and must remove it */
};

/* The limits of bodies, which depend on the program. */
struct service_bodies {
	size_t longest; /* maximum size of one body */
	size_t memory;  /* maximum size of all bodies together */
};

/* Each function returns 0, or -1 with *code and *why, a complete sentence; call
 * service_close() in either case. */

/* Reads the section and the address; checking a configuration needs no more.
 * Call it first. */
int service_configure(struct service *s, enum exit_code *code, struct buf *why)
    __attribute__((warn_unused_result));
/* Raises the limit on open files if necessary, and opens the socket. */
int service_bind(struct service *s, enum exit_code *code, struct buf *why)
    __attribute__((warn_unused_result));
/* Starts the server and writes the port file. */
int service_start(struct service *s, const struct server_callbacks *callbacks,
    const struct service_bodies *bodies, enum exit_code *code, struct buf *why)
    __attribute__((warn_unused_result));

/* Logs the address; as a warning if port 0 was requested. */
void service_log_address(const struct service *s);

/* The first answers running requests, see server_close(). service_close() frees
 * everything else, and calls it unless it has already been called. */
void service_end_requests(struct service *s);
void service_close(struct service *s);

/* Writes the server's counters as Prometheus metrics. */
void server_metrics_write(struct buf *to, const struct server_counts *counts);

#endif
