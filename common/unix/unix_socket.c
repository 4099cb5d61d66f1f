/*
 * unix_socket: see unix_socket.h.
 */
#define _GNU_SOURCE

#include "common/unix/unix_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Connections that wait to be accepted. */
#define BACKLOG 1024

bool
unix_socket_fits(const char *path)
{
	size_t n = strlen(path);

	return n > 0 && n < sizeof((struct sockaddr_un *)NULL)->sun_path;
}

static int
set_address(struct sockaddr_un *to, const char *path)
{
	if (!unix_socket_fits(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memset(to, 0, sizeof *to);
	to->sun_family = AF_UNIX;
	memcpy(to->sun_path, path, strlen(path));
	return 0;
}

static int
make_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* Closes, and keeps errno. Returns -1. */
static int
give_up(int fd)
{
	int err = errno;

	(void)close(fd);
	errno = err;
	return -1;
}

/* A descriptor, or -1 with errno: ENOENT, ECONNREFUSED: nobody listens. */
static int
connect_to(const char *path)
{
	struct sockaddr_un to;
	int fd;

	if (set_address(&to, path) != 0)
		return -1;
	fd = make_socket();
	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)&to, sizeof to) != 0)
		return give_up(fd);
	return fd;
}

/* Removes what a killed process left. -1 with errno: what is there is no
 * socket, of which bind() would say that the address is in use. */
static int
remove_unused(const char *path)
{
	struct stat st;
	int fd;

	if (lstat(path, &st) != 0)
		return 0;
	if (!S_ISSOCK(st.st_mode)) {
		errno = EEXIST;
		return -1;
	}
	fd = connect_to(path);
	if (fd >= 0)
		(void)close(fd);
	else if (errno == ECONNREFUSED)
		(void)unlink(path);
	return 0;
}

/* 0, or -1 with errno. */
static int
identify(const char *path, struct unix_socket_id *id)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		return -1;
	*id = (struct unix_socket_id){ st.st_dev, st.st_ino };
	return 0;
}

/* False: it was removed, or another one is there. */
static bool
is_at(const char *path, const struct unix_socket_id *id)
{
	struct unix_socket_id there;

	return identify(path, &there) == 0 && there.dev == id->dev &&
	       there.ino == id->ino;
}

void
unix_socket_remove(const char *path, const struct unix_socket_id *id)
{
	if (is_at(path, id))
		(void)unlink(path);
}

/* With its rights from the first moment on: who finds the socket may connect,
 * or never may. */
static int
bind_for_group(int fd, const struct sockaddr_un *at)
{
	mode_t before = umask(0117);
	int rc = bind(fd, (const struct sockaddr *)at, sizeof *at);

	(void)umask(before);
	return rc;
}

int
unix_socket_listen(const char *path, struct unix_socket_id *id)
{
	struct sockaddr_un at;
	int fd;

	if (set_address(&at, path) != 0 || remove_unused(path) != 0)
		return -1;
	fd = make_socket();
	if (fd < 0)
		return -1;
	if (bind_for_group(fd, &at) != 0 || identify(path, id) != 0 ||
	    listen(fd, BACKLOG) != 0)
		return give_up(fd);
	return fd;
}
