/*
 * listen_socket: the socket a listener takes connections from: 127.0.0.1:PORT,
 * [::1]:PORT, any other address of this machine, or unix:PATH.
 */
#ifndef COMMON_HTTP_LISTEN_SOCKET_H
#define COMMON_HTTP_LISTEN_SOCKET_H

#include "common/base/buf.h"
#include "common/base/prog.h"
#include "common/http/client_limits.h"

struct listen_socket {
	int fd; /* listens, does not block */
	int port;
	char *path;      /* of a Unix socket; NULL: none */
	struct buf text; /* where it listens, port 0 replaced by the real one */
};

/* Only looks at the text: 0, or -1 with *code and *why: no address. */
int listen_socket_check(const char *where, enum exit_code *code,
    struct buf *why) __attribute__((warn_unused_result));

/* 0, or -1 with *code and *why: no address, in use, not allowed. A Unix socket
 * that a killed listener left is replaced, one in use is not. */
int listen_socket_open(struct listen_socket *d, const char *where,
    enum exit_code *code, struct buf *why) __attribute__((warn_unused_result));

/* Accepts a connection, which does not block, and its peer; -1: none waits.
 * *full: out of descriptors; trying again at once fails, too. */
int listen_socket_accept(const struct listen_socket *d, struct address *peer,
    bool *full) __attribute__((warn_unused_result));

/* Closes the socket and removes its path. */
void listen_socket_close(struct listen_socket *d);

#endif
