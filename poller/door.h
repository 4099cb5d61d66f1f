/*
 * door: the socket a listener takes connections from: 127.0.0.1:PORT,
 * [::1]:PORT, any other address of this machine, or unix:PATH.
 */
#ifndef POLLER_DOOR_H
#define POLLER_DOOR_H

#include "common/buf.h"
#include "common/prog.h"
#include "poller/address.h"

struct door {
	int fd; /* listens, does not block */
	int port;
	char *path;      /* of a Unix socket; NULL: none */
	struct buf text; /* where it listens, port 0 replaced by the real one */
};

/* 0, or -1 with *code and *why: no address, in use, not allowed. A socket that
 * a killed listener left at a path is replaced, one in use is not. */
int door_open(struct door *d, const char *where, enum exit_code *code,
    struct buf *why) __attribute__((warn_unused_result));

/* The next connection, which does not block, and who it is; -1: none waits.
 * *full: out of descriptors, so that coming again at once is no use. */
int door_accept(const struct door *d, struct address *peer, bool *full)
    __attribute__((warn_unused_result));

/* No more connections. Removes the socket of a path. */
void door_close(struct door *d);

#endif
