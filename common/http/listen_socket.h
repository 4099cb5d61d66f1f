/*
 * listen_socket: the socket at which a listener accepts connections:
 * 127.0.0.1:PORT, [::1]:PORT, or any other address of this machine.
 */
#ifndef COMMON_HTTP_LISTEN_SOCKET_H
#define COMMON_HTTP_LISTEN_SOCKET_H

#include "common/base/buf.h"
#include "common/base/prog.h"
#include "common/http/client_limits.h"

struct listen_socket {
	int fd; /* listening, non-blocking */
	int port;
	struct buf text; /* the address, with the real port instead of 0 */
};

/* Only checks the text. Returns 0, or -1 with *code and *why if it is not an
 * address. */
int listen_socket_check(const char *where, enum exit_code *code,
    struct buf *why) __attribute__((warn_unused_result));

/* Returns 0, or -1 with *code and *why: not an address, in use, not allowed. */
int listen_socket_open(struct listen_socket *d, const char *where,
    enum exit_code *code, struct buf *why) __attribute__((warn_unused_result));

/* Accepts a connection, which is non-blocking, and sets its peer; returns -1 if
 * none is pending. *full: descriptors have run out, so an immediate retry would
 * fail, too. */
int listen_socket_accept(const struct listen_socket *d, struct address *peer,
    bool *full) __attribute__((warn_unused_result));

void listen_socket_close(struct listen_socket *d);

#endif
