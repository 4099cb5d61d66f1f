/*
 * server: HTTP on the loopback with libmicrohttpd, in one thread. A slow answer
 * is a suspended connection and an entry in a list of alarms, not a thread. It
 * is the only part that includes microhttpd.h.
 */
#ifndef TESTS_CRM_SERVER_H
#define TESTS_CRM_SERVER_H

#include "common/base/buf.h"
#include "tests/crm/sim.h"

struct server;

/* Listens on 127.0.0.1; port 0 means any free port. cert and key are PEM text
 * for TLS, or NULL. Returns NULL and *why on errors. */
struct server *server_open(struct sim *sim, int port, const char *cert,
    const char *key, struct buf *why);
int server_port(const struct server *s);

/* Serves until it is asked to stop. */
void server_run(struct server *s);
void server_close(struct server *s);

#endif
