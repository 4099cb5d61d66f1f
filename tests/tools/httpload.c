/*
 * httpload: requests to a listener at a fixed rate, or as fast as they are
 * answered, over persistent connections: an open loop, so the wait of a request
 * that found no free connection counts.
 *
 *   httpload [-c CONNECTIONS] [-r RATE] [-s SECONDS] [-f FIRST] [-o FILE] PORT
 *
 * Posts messages with different texts, which begin with a number, counted from
 * FIRST; FILE gets the numbers of those that succeeded. RATE 0: as fast as they
 * are answered. Prints a line of JSON.
 */
#define _GNU_SOURCE /* strcasestr */

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/base/prog.h"
#include "common/base/xalloc.h"

#define ANSWER_MAX 4096
/* How long to wait for the last answers. */
#define LAST_US 10000000
/* A failed connection is tried again after this time. */
#define PAUSE_US 10000

struct line {
	int fd;
	bool busy;
	uint64_t number;
	int64_t due_us; /* when its request is due; without a request, when to
			 * try again */
	struct buf out;
	size_t sent, got;
	char in[ANSWER_MAX + 1];
};

struct load {
	struct sockaddr_in to;
	int64_t rate, seconds, first;
	const char *path;

	int epoll, timer;
	struct line *lines;
	size_t lines_n, busy, free_from;
	int64_t began_us, end_us;
	uint64_t begun; /* requests */

	uint64_t success, refused, later, broken;
	uint32_t *took_us;
	size_t took_n, took_cap;
	uint64_t *safe; /* numbers */
	size_t safe_n, safe_cap;
};

static int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
add_request(struct buf *b, uint64_t n)
{
	char body[400];
	int len = snprintf(body, sizeof body,
	    "{\"sender_id\":\"customer-%" PRIu64
	    "\",\"receiver_id\":\"agent-%" PRIu64 "\",\"content\":\"%" PRIu64
	    " Hello! Let's discuss the "
	    "project deadline, and what is left to do until then.\","
	    "\"message_type\":\"text\"}",
	    n % 5000, n % 50, n);

	buf_addf(b,
	    "POST /api/v1/messages/send HTTP/1.1\r\nHost: bench\r\n"
	    "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n",
	    len);
	buf_add(b, body, (size_t)len);
}

static void
watch(const struct load *l, struct line *c, uint32_t events, int how)
{
	struct epoll_event e = { .events = events, .data.ptr = c };

	if (epoll_ctl(l->epoll, how, c->fd, &e) != 0)
		prog_die(PROG_SOFTWARE, "epoll: %s", log_errno(errno));
}

/* Over the loopback, a connection is established immediately. */
static bool
dial(const struct load *l, struct line *c)
{
	int on = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		prog_die(PROG_TEMPFAIL, "a socket: %s", log_errno(errno));
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (connect(c->fd, (const struct sockaddr *)&l->to, sizeof l->to) !=
		0 &&
	    errno != EINPROGRESS) {
		(void)close(c->fd);
		c->fd = -1;
		c->due_us = now_us() + PAUSE_US;
		return false;
	}
	watch(l, c, EPOLLIN | EPOLLET | EPOLLOUT | EPOLLRDHUP, EPOLL_CTL_ADD);
	return true;
}

static void
hang_up(struct load *l, struct line *c)
{
	if (c->busy) {
		l->busy--;
		l->broken++;
	}
	(void)close(c->fd);
	c->fd = -1;
	c->busy = false;
	c->due_us = 0;
}

static void
send_more(struct load *l, struct line *c)
{
	ssize_t n;

	while (c->busy && c->sent < c->out.len) {
		n = send(c->fd, c->out.data + c->sent, c->out.len - c->sent,
		    MSG_NOSIGNAL);
		if (n > 0)
			c->sent += (size_t)n;
		else if (errno == EAGAIN || errno == ENOTCONN)
			return;
		else
			hang_up(l, c);
	}
}

static void
count(struct load *l, const struct line *c, int status)
{
	int64_t took = now_us() - c->due_us;

	if (status < 300) {
		l->success++;
		XGROW(l->safe, l->safe_n, l->safe_cap);
		l->safe[l->safe_n++] = c->number;
	} else if (status == 503 || status == 429) {
		l->later++;
	} else {
		l->refused++;
	}
	XGROW(l->took_us, l->took_n, l->took_cap);
	l->took_us[l->took_n++] =
	    took < UINT32_MAX ? (uint32_t)took : UINT32_MAX;
}

/* Returns the length of the answer in c->in, head and body; 0 if it is not
 * complete yet. */
static size_t
whole(const struct line *c)
{
	const char *end = strstr(c->in, "\r\n\r\n"), *p;
	size_t len;

	if (end == NULL)
		return 0;
	p = strcasestr(c->in, "\r\nContent-Length:");
	len = (size_t)(end + 4 - c->in);
	if (p != NULL && p < end)
		len += strtoul(p + strlen("\r\nContent-Length:"), NULL, 10);
	return len <= c->got ? len : 0;
}

static void
read_answer(struct load *l, struct line *c)
{
	ssize_t n;

	while (c->fd >= 0) {
		n = recv(c->fd, c->in + c->got, ANSWER_MAX - c->got, 0);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			hang_up(l, c);
			return;
		}
		c->got += (size_t)n;
		c->in[c->got] = '\0';
		if (!c->busy || whole(c) == 0)
			continue;
		count(l, c, (int)strtol(c->in + strlen("HTTP/1.1 "), NULL, 10));
		c->busy = false;
		l->busy--;
		c->got = 0;
		if (strcasestr(c->in, "\r\nConnection: close") != NULL)
			hang_up(l, c);
	}
}

static void
begin(struct load *l, struct line *c, int64_t due)
{
	c->number = (uint64_t)l->first + l->begun++;
	c->due_us = due;
	c->busy = true;
	c->sent = c->got = 0;
	l->busy++;
	buf_clear(&c->out);
	add_request(&c->out, c->number);
	send_more(l, c);
}

/* Returns a free connection, each in turn so that all are used; NULL if all are
 * busy. */
static struct line *
free_line(struct load *l, int64_t now)
{
	struct line *c;
	size_t i;

	if (l->busy == l->lines_n)
		return NULL;
	for (i = 0; i < l->lines_n; i++) {
		c = &l->lines[(l->free_from + i) % l->lines_n];
		if (c->busy || (c->fd < 0 && (c->due_us > now || !dial(l, c))))
			continue;
		l->free_from = (l->free_from + i + 1) % l->lines_n;
		return c;
	}
	return NULL;
}

/* When the next request is due. */
static int64_t
due_us(const struct load *l, int64_t now)
{
	if (l->rate == 0)
		return now;
	return l->began_us + (int64_t)l->begun * 1000000 / l->rate;
}

static void
begin_those_due(struct load *l)
{
	struct itimerspec at = { .it_interval = { 0, 0 } };
	int64_t now = now_us(), due;
	struct line *c;

	while (now < l->end_us && (due = due_us(l, now)) <= now &&
	       (c = free_line(l, now)) != NULL)
		begin(l, c, due);
	due = due_us(l, now);
	/* All are busy, or none could be opened, so do not retry
	 * immediately. */
	if (due <= now)
		due = now + PAUSE_US;
	at.it_value.tv_sec = (time_t)(due / 1000000);
	at.it_value.tv_nsec = (long)(due % 1000000) * 1000;
	(void)timerfd_settime(l->timer, TFD_TIMER_ABSTIME, &at, NULL);
}

static void
run(struct load *l)
{
	struct epoll_event events[256];
	struct line *c;
	uint64_t expired;
	int n, i;

	l->began_us = now_us();
	l->end_us = l->began_us + l->seconds * 1000000;
	begin_those_due(l);
	while (now_us() < l->end_us ||
	       (l->busy > 0 && now_us() < l->end_us + LAST_US)) {
		n = epoll_wait(l->epoll, events, 256, 100);
		for (i = 0; i < n; i++) {
			c = events[i].data.ptr;
			if (c == NULL) {
				(void)!read(l->timer, &expired, sizeof expired);
				continue;
			}
			if (c->fd >= 0 && (events[i].events & EPOLLOUT) != 0)
				send_more(l, c);
			if (c->fd >= 0)
				read_answer(l, c);
		}
		begin_those_due(l);
	}
}

static void
open_all(struct load *l)
{
	struct epoll_event e = { .events = EPOLLIN };
	size_t i;

	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (l->epoll < 0 || l->timer < 0 ||
	    epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->timer, &e) != 0)
		prog_die(PROG_SOFTWARE, "epoll: %s", log_errno(errno));
	l->lines = xcalloc(l->lines_n, sizeof *l->lines);
	for (i = 0; i < l->lines_n; i++) {
		l->lines[i].fd = -1;
		(void)dial(l, &l->lines[i]);
	}
}

static int
by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static double
quantile_ms(const struct load *l, double q)
{
	size_t at = (size_t)(q * (double)l->took_n);

	if (l->took_n == 0)
		return 0;
	return l->took_us[at < l->took_n ? at : l->took_n - 1] / 1000.0;
}

static int
tell(struct load *l)
{
	FILE *f = l->path != NULL ? fopen(l->path, "w") : NULL;
	size_t i;

	if (l->path != NULL && f == NULL)
		prog_die(PROG_CANTCREATE, "cannot write '%s': %s", l->path,
		    log_errno(errno));
	for (i = 0; f != NULL && i < l->safe_n; i++)
		fprintf(f, "%" PRIu64 "\n", l->safe[i]);
	if (f != NULL && fclose(f) != 0)
		prog_die(PROG_IO, "cannot write '%s'", l->path);
	qsort(l->took_us, l->took_n, sizeof *l->took_us, by_size);
	printf("{\"begun\":%" PRIu64 ",\"success\":%" PRIu64
	       ",\"refused\":%" PRIu64 ",\"later\":%" PRIu64
	       ",\"broken\":%" PRIu64 ",\"silent\":%zu,\"rate\":%.0f,"
	       "\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f}\n",
	    l->begun, l->success, l->refused, l->later, l->broken, l->busy,
	    (double)l->took_n / (double)l->seconds, quantile_ms(l, 0.5),
	    quantile_ms(l, 0.99), quantile_ms(l, 1));
	return PROG_OK;
}

static bool
read_options(struct load *l, int argc, char **argv)
{
	int64_t port, lines = 256;
	bool good = true;
	int c;

	while (good && (c = getopt(argc, argv, "c:r:s:f:o:")) != -1) {
		if (c == 'c')
			good = parse_int(optarg, 1, 10000, &lines) == 0;
		else if (c == 'r')
			good = parse_int(optarg, 0, 1000000, &l->rate) == 0;
		else if (c == 's')
			good = parse_int(optarg, 1, 3600, &l->seconds) == 0;
		else if (c == 'f')
			good = parse_int(optarg, 0, INT64_MAX, &l->first) == 0;
		else if (c == 'o')
			l->path = optarg;
		else
			good = false;
	}
	if (!good || optind != argc - 1 ||
	    parse_int(argv[optind], 1, 65535, &port) != 0)
		return false;
	l->to.sin_port = htons((uint16_t)port);
	l->lines_n = (size_t)lines;
	return true;
}

int
main(int argc, char **argv)
{
	struct load l = { .seconds = 5, .to.sin_family = AF_INET };
	size_t i;
	int rc;

	prog_init(argv[0]);
	l.to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (!read_options(&l, argc, argv))
		prog_die(PROG_USAGE,
		    "usage: httpload [-c CONNECTIONS] [-r RATE] [-s SECONDS] "
		    "[-f FIRST] [-o FILE] PORT");
	open_all(&l);
	run(&l);
	rc = tell(&l);
	for (i = 0; i < l.lines_n; i++)
		buf_release(&l.lines[i].out);
	free(l.lines);
	free(l.took_us);
	free(l.safe);
	return rc;
}
