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
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/parse.h"
#include "common/base/syserr.h"

/* Maximum number of connections that wait to be accepted. */
#define BACKLOG 1024

union any {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static int
no_address(const char *where, enum exit_code *code, struct buf *why)
{
	buf_setf(why,
	    "'%s' is not an address to listen on; write 127.0.0.1:8080 or "
	    "[::1]:8080",
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
	union any a = { .any = { .sa_family = AF_UNSPEC } };
	socklen_t len = sizeof a;
	char host[ADDRESS_TEXT];
	struct address address;

	(void)getsockname(d->fd, &a.any, &len);
	address_of_socket(&address, &a.any);
	address_format(&address, host);
	/* The port is in the same place in both kinds of address. */
	d->port = ntohs(a.in.sin_port);
	if (strchr(host, ':') == NULL) /* also an IPv4 address in IPv6 */
		buf_setf(&d->text, "%s:%d", host, d->port);
	else
		buf_setf(&d->text, "[%s]:%d", host, d->port);
}

int
listen_socket_check(const char *where, enum exit_code *code, struct buf *why)
{
	union any a;
	socklen_t len;

	return read_address(where, &a, &len) == 0
		   ? 0
		   : no_address(where, code, why);
}

int
listen_socket_open(struct listen_socket *d, const char *where,
    enum exit_code *code, struct buf *why)
{
	union any a;
	socklen_t len;

	*d = (struct listen_socket){ .fd = -1 };
	if (read_address(where, &a, &len) != 0)
		return no_address(where, code, why);
	if (listen_there(d, &a, len) == 0) {
		describe_socket(d);
		return 0;
	}
	*code = syserr_explain(why,
	    errno == EACCES ? PROG_NOPERM : PROG_UNAVAILABLE,
	    "cannot listen on '%s'", where);
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
		len = sizeof a;
		fd = accept4(d->fd, &a.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	} while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
	if (fd < 0) {
		*full = errno != EAGAIN;
		return -1;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	address_of_socket(peer, &a.any);
	return fd;
}

void
listen_socket_close(struct listen_socket *d)
{
	if (d->fd >= 0)
		(void)close(d->fd);
	buf_release(&d->text);
	*d = (struct listen_socket){ .fd = -1 };
}
