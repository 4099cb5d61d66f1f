/*
 * unix_socket: stream sockets that are named by a path. Who may connect is told
 * by the rights of the socket and of its folder: the owner and the group.
 */
#ifndef COMMON_UNIX_UNIX_SOCKET_H
#define COMMON_UNIX_UNIX_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>

/* False: the path is empty, or longer than an address of the system. */
bool unix_socket_fits(const char *path);

/* Which socket a path names: the path may be given to another one. */
struct unix_socket_id {
	dev_t dev;
	ino_t ino;
};

/* Listens at path, which is made, with mode 0660: a proxy, or a
 * program of another user, connects by the group. A socket that nobody listens
 * at any more is replaced. Changes the process' umask for a moment: no other
 * thread may make files meanwhile. Returns a descriptor that does not block, or
 * -1 with errno: EADDRINUSE while another process listens, EEXIST for what is
 * no socket. */
int unix_socket_listen(const char *path, struct unix_socket_id *id)
    __attribute__((warn_unused_result));

/* Removes path, unless another socket is there. */
void unix_socket_remove(const char *path, const struct unix_socket_id *id);

#endif
