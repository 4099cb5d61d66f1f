/*
 * eventload: listeners of Server-Sent Events: opens connections and reports
 * when each received an event.
 *
 *   eventload [-c CONNECTIONS] PORT PATH
 *
 * The token is in the environment, GETLOAD_TOKEN. Prints "open" when all have
 * received an answer, then for each piece that is read, the number of its
 * connection and the time by the monotonic clock in microseconds; ends with its
 * input.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/parse.h"
#include "common/base/prog.h"
#include "common/base/xalloc.h"

#define EVENTS 256

struct listeners {
	int epoll;
	int *fds;
	bool *told;
	size_t n, told_n;
};

static int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
watch_connection(const struct listeners *l, int fd, uint64_t data)
{
	struct epoll_event e = { .events = EPOLLIN, .data = { .u64 = data } };

	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e) != 0)
		prog_die(PROG_IO, "cannot watch a connection: errno %d", errno);
}

static void
open_listening(
    struct listeners *l, size_t i, int64_t port, const struct buf *request)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0 ||
	    send(fd, request->data, request->len, MSG_NOSIGNAL) !=
		(ssize_t)request->len)
		prog_die(
		    PROG_IO, "cannot open connection %zu: errno %d", i, errno);
	l->fds[i] = fd;
	watch_connection(l, fd, i);
}

/* A piece of an answer. */
static void
take_piece(struct listeners *l, size_t i)
{
	char piece[65536];
	ssize_t n = recv(l->fds[i], piece, sizeof piece, MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN))
		prog_die(PROG_IO, "connection %zu ended", i);
	if (n <= 0)
		return;
	if (l->told_n == l->n) {
		printf("%zu %" PRId64 "\n", i, now_us());
		fflush(stdout);
		return;
	}
	if (l->told[i])
		return;
	if (strncmp(piece, "HTTP/1.1 200", 12) != 0)
		prog_die(PROG_IO, "connection %zu is refused: %.60s", i, piece);
	l->told[i] = true;
	if (++l->told_n == l->n) {
		puts("open");
		fflush(stdout);
	}
}

static void
listen_to_all(struct listeners *l)
{
	struct epoll_event e[EVENTS];
	int i, n;

	for (;;) {
		n = epoll_wait(l->epoll, e, EVENTS, -1);
		for (i = 0; i < n; i++) {
			if (e[i].data.u64 == l->n)
				return;
			take_piece(l, (size_t)e[i].data.u64);
		}
	}
}

int
main(int argc, char **argv)
{
	struct listeners l = { .epoll = epoll_create1(EPOLL_CLOEXEC) };
	const char *token = getenv("GETLOAD_TOKEN");
	struct buf request = BUF_INIT;
	int64_t n = 1, port;
	size_t i;
	int c;

	while ((c = getopt(argc, argv, "c:")) != -1) {
		if (c != 'c' || parse_int(optarg, 1, 100000, &n) != 0)
			return 64;
	}
	if (argc - optind != 2 || token == NULL ||
	    parse_int(argv[optind], 1, 65535, &port) != 0)
		return 64;
	buf_addf(&request,
	    "GET %s HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer "
	    "%s\r\n\r\n",
	    argv[optind + 1], token);
	l.n = (size_t)n;
	l.fds = xcalloc(l.n, sizeof *l.fds);
	l.told = xcalloc(l.n, sizeof *l.told);
	for (i = 0; i < l.n; i++)
		open_listening(&l, i, port, &request);
	watch_connection(&l, STDIN_FILENO, l.n);
	listen_to_all(&l);
	buf_release(&request);
	return (int)prog_flush();
}
