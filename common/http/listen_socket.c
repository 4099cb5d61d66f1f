/*
 * listen_socket: see listen_socket.h.
 */
#define _GNU_SOURCE /* accept4 */

#include "common/http/listen_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/parse.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"

/* Maximum number of connections that wait to be accepted. */
#define BACKLOG 1024

/* False if the path is empty, or too long for a socket address. */
static bool
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

/* Closes fd, keeps errno, returns -1. */
static int
give_up(int fd)
{
	int err = errno;

	(void)close(fd);
	errno = err;
	return -1;
}

/* Returns a descriptor, or -1 with errno; ENOENT and ECONNREFUSED mean that no
 * process listens. */
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

/* Removes a socket that a killed process left behind. Returns -1 with errno if
 * the file is not a socket, because bind() would only report that the address
 * is in use. */
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

/* Creates the socket with its final permissions, so that no process can connect
 * before they apply. */
static int
bind_for_group(int fd, const struct sockaddr_un *at)
{
	mode_t before = umask(0117);
	int rc = bind(fd, (const struct sockaddr *)at, sizeof *at);

	(void)umask(before);
	return rc;
}

/* Listens at path, which is created with mode 0660: a proxy, or another user's
 * program, connects through the group. Replaces a socket on which no process
 * listens any longer. Changes the process's umask for a moment, so no other
 * thread may create files meanwhile. Returns a non-blocking descriptor, or -1
 * with errno: EADDRINUSE while another process listens, EEXIST if the file is
 * not a socket. */
static int
unix_socket_listen(const char *path)
{
	struct sockaddr_un at;
	int fd;

	if (set_address(&at, path) != 0 || remove_unused(path) != 0)
		return -1;
	fd = make_socket();
	if (fd < 0)
		return -1;
	if (bind_for_group(fd, &at) != 0 || listen(fd, BACKLOG) != 0)
		return give_up(fd);
	return fd;
}

union any {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

/* Returns the path of "unix:PATH"; NULL for any other text. */
static const char *
path_of(const char *where)
{
	static const char local[] = "unix:";
	const size_t n = sizeof local - 1;

	return strncmp(where, local, n) == 0 ? where + n : NULL;
}

static int
no_address(const char *where, enum exit_code *code, struct buf *why)
{
	const char *path = path_of(where);

	if (path != NULL && path[0] != '\0')
		buf_setf(why, "the path of socket '%s' is too long", where);
	else
		buf_setf(why,
		    "'%s' is not an address to listen on; write "
		    "127.0.0.1:8080, "
		    "[::1]:8080 or unix:PATH",
		    where);
	*code = PROG_USAGE;
	return -1;
}

/* Reads "HOST:PORT". */
static int
read_address(const char *where, union any *a, socklen_t *len)
{
	const char *colon = strrchr(where, ':');
	char host[ADDRESS_TEXT];
	int64_t port;
	size_t n;

	if (colon == NULL || parse_int(colon + 1, 0, 65535, &port) != 0)
		return -1;
	n = (size_t)(colon - where);
	if (n > 1 && where[0] == '[' && colon[-1] == ']') {
		where++;
		n -= 2;
	}
	if (n == 0 || n >= sizeof host)
		return -1;
	memcpy(host, where, n);
	host[n] = '\0';
	memset(a, 0, sizeof *a);
	if (inet_pton(AF_INET,
		strcmp(host, "localhost") == 0 ? "127.0.0.1" : host,
		&a->in.sin_addr) == 1) {
		a->in.sin_family = AF_INET;
		a->in.sin_port = htons((uint16_t)port);
		*len = sizeof a->in;
		return 0;
	}
	if (inet_pton(AF_INET6, host, &a->in6.sin6_addr) != 1)
		return -1;
	a->in6.sin6_family = AF_INET6;
	a->in6.sin6_port = htons((uint16_t)port);
	*len = sizeof a->in6;
	return 0;
}

static int
listen_there(struct listen_socket *d, const union any *a, socklen_t len)
{
	int on = 1;

	if (d->path != NULL) {
		d->fd = unix_socket_listen(d->path);
		return d->fd >= 0 ? 0 : -1;
	}
	d->fd = socket(
	    a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (d->fd < 0)
		return -1;
	(void)setsockopt(d->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	return bind(d->fd, &a->any, len) != 0 || listen(d->fd, BACKLOG) != 0
		   ? -1
		   : 0;
}

/* Writes the address with the real port as text. */
static void
describe_socket(struct listen_socket *d)
{
	char host[INET6_ADDRSTRLEN];
	union any a;
	socklen_t len = sizeof a;

	memset(&a, 0, sizeof a);
	if (d->path != NULL || getsockname(d->fd, &a.any, &len) != 0) {
		buf_setf(&d->text, "unix:%s", d->path != NULL ? d->path : "");
	} else if (a.any.sa_family == AF_INET) {
		d->port = ntohs(a.in.sin_port);
		(void)inet_ntop(AF_INET, &a.in.sin_addr, host, sizeof host);
		buf_setf(&d->text, "%s:%d", host, d->port);
	} else {
		d->port = ntohs(a.in6.sin6_port);
		(void)inet_ntop(AF_INET6, &a.in6.sin6_addr, host, sizeof host);
		buf_setf(&d->text, "[%s]:%d", host, d->port);
	}
}

static int
read_where(const char *where, union any *a, socklen_t *len)
{
	const char *path = path_of(where);

	if (path != NULL)
		return unix_socket_fits(path) ? 0 : -1;
	return read_address(where, a, len);
}

int
listen_socket_check(const char *where, enum exit_code *code, struct buf *why)
{
	union any a;
	socklen_t len;

	return read_where(where, &a, &len) == 0 ? 0
						: no_address(where, code, why);
}

int
listen_socket_open(struct listen_socket *d, const char *where,
    enum exit_code *code, struct buf *why)
{
	union any a = { .any = { .sa_family = AF_UNSPEC } };
	socklen_t len = 0;

	*d = (struct listen_socket){ .fd = -1 };
	if (read_where(where, &a, &len) != 0)
		return no_address(where, code, why);
	if (path_of(where) != NULL)
		d->path = xstrdup(path_of(where));
	if (listen_there(d, &a, len) == 0) {
		describe_socket(d);
		return 0;
	}
	*code = syserr_explain(why,
	    errno == EACCES ? PROG_NOPERM : PROG_UNAVAILABLE,
	    "cannot listen on '%s'", where);
	free(d->path); /* the socket of another listener stays */
	d->path = NULL;
	listen_socket_close(d);
	return -1;
}

int
listen_socket_accept(
    const struct listen_socket *d, struct address *peer, bool *full)
{
	int fd, on = 1;
	union any a;
	socklen_t len;

	*full = false;
	do {
		memset(&a, 0, sizeof a);
		len = sizeof a;
		fd = accept4(d->fd, &a.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	} while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
	if (fd < 0) {
		*full = errno != EAGAIN;
		return -1;
	}
	if (d->path != NULL)
		a.any.sa_family = AF_UNIX;
	else
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	address_of_socket(peer, &a.any);
	return fd;
}

void
listen_socket_close(struct listen_socket *d)
{
	/* While the socket listens, no other process takes its path. */
	if (d->path != NULL)
		(void)unlink(d->path);
	if (d->fd >= 0)
		(void)close(d->fd);
	free(d->path);
	buf_release(&d->text);
	*d = (struct listen_socket){ .fd = -1 };
}
