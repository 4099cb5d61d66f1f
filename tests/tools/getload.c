/*
 * getload: GET requests at a fixed rate over persistent connections: an open
 * loop, so that the wait of a request that found no free connection counts.
 *
 *   getload [-c CONNECTIONS] [-r RATE] [-s SECONDS] PORT FILE
 *
 * Each line of FILE is a name, a space and a path; requests use them in turn.
 * The token is in the environment, GETLOAD_TOKEN. For each name a line: the
 * name, the number of answers, how many of them were not 200, and the 50th and
 * 99th percentile and the longest of the waits, in microseconds.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/parse.h"
#include "common/base/prog.h"
#include "common/base/xalloc.h"

#define ANSWER_SECONDS 30
#define NAMES_MAX 64

/* A line of the file. */
struct target {
	char *path;
	size_t name;
};

struct wait {
	size_t name;
	int64_t us;
	bool good;
};

struct load {
	int64_t port, connections, rate, seconds;
	const char *token;
	struct target *targets;
	size_t targets_n, cap;
	char *names[NAMES_MAX];
	size_t names_n;
	int64_t began_us;
	atomic_size_t next;
	struct wait *waits; /* one for each request */
	size_t total;
};

static int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
sleep_until_us(int64_t us)
{
	struct timespec t = { us / 1000000, us % 1000000 * 1000 };

	while (
	    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		continue;
}

static int
open_connection(const struct load *l)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)l->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval patience = { .tv_sec = ANSWER_SECONDS };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd == -1 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
		prog_die(PROG_IO,
		    "cannot connect to port %" PRId64 ": errno %d", l->port,
		    errno);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	(void)setsockopt(
	    fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	return fd;
}

/* Reads headers and body. Returns the status; 0 if the answer was
 * incomplete. */
static int
read_whole_answer(int fd, struct buf *in)
{
	const char *end = NULL, *length;
	size_t whole = SIZE_MAX;
	ssize_t n;

	buf_clear(in);
	while (in->len < whole) {
		n = recv(fd, buf_room(in, 65536), 65536, 0);
		if (n <= 0)
			return 0;
		buf_grown(in, (size_t)n);
		if (end == NULL &&
		    (end = strstr(buf_str(in), "\r\n\r\n")) != NULL) {
			length = strstr(buf_str(in), "Content-Length: ");
			if (length == NULL || length > end)
				return 0;
			whole = (size_t)(end + 4 - buf_str(in)) +
				strtoul(length + 16, NULL, 10);
		}
	}
	return in->len > 12 ? (int)strtol(buf_str(in) + 9, NULL, 10) : 0;
}

static bool
ask_target(
    const struct load *l, const struct target *t, int *fd, struct buf *in)
{
	struct buf out = BUF_INIT;
	int status = 0;

	if (*fd == -1)
		*fd = open_connection(l);
	buf_addf(&out,
	    "GET %s HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer "
	    "%s\r\n\r\n",
	    t->path, l->token);
	if (send(*fd, out.data, out.len, MSG_NOSIGNAL) == (ssize_t)out.len)
		status = read_whole_answer(*fd, in);
	buf_release(&out);
	if (status == 0) {
		close(*fd);
		*fd = -1;
	} else if (status != 200) {
		fprintf(stderr, "%s: %d\n", t->path, status);
	}
	return status == 200;
}

static void *
run_connection(void *ctx)
{
	struct load *l = ctx;
	struct buf in = BUF_INIT;
	const struct target *t;
	int64_t due;
	int fd = -1;
	size_t i;

	while ((i = atomic_fetch_add(&l->next, 1)) < l->total) {
		t = &l->targets[i % l->targets_n];
		due = l->began_us + (int64_t)i * 1000000 / l->rate;
		sleep_until_us(due);
		l->waits[i].name = t->name;
		l->waits[i].good = ask_target(l, t, &fd, &in);
		l->waits[i].us = now_us() - due;
	}
	if (fd != -1)
		close(fd);
	buf_release(&in);
	return NULL;
}

static size_t
name_of(struct load *l, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < l->names_n; i++) {
		if (strlen(l->names[i]) == len &&
		    memcmp(l->names[i], name, len) == 0)
			return i;
	}
	if (i == NAMES_MAX)
		prog_die(PROG_IO, "more than %d names", NAMES_MAX);
	l->names[l->names_n++] = xstrndup(name, len);
	return i;
}

static void
read_targets(struct load *l, const char *path)
{
	char line[2048], *blank;
	FILE *f = fopen(path, "re");

	while (f != NULL && fgets(line, sizeof line, f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		blank = strchr(line, ' ');
		if (blank == NULL)
			prog_die(PROG_IO, "no path in: %s", line);
		XGROW(l->targets, l->targets_n, l->cap);
		l->targets[l->targets_n++] =
		    (struct target){ xstrdup(blank + 1),
			    name_of(l, line, (size_t)(blank - line)) };
	}
	if (f != NULL)
		(void)fclose(f);
	if (l->targets_n == 0)
		prog_die(PROG_IO, "no line in '%s'", path);
}

static int
by_wait_us(const void *pa, const void *pb)
{
	const int64_t *a = pa, *b = pb;

	return (*a > *b) - (*a < *b);
}

static void
show(const struct load *l, size_t name)
{
	int64_t *us = xcalloc(l->total + 1, sizeof *us);
	size_t i, n = 0, bad = 0;

	for (i = 0; i < l->total; i++) {
		if (l->waits[i].name != name)
			continue;
		us[n++] = l->waits[i].us;
		bad += !l->waits[i].good;
	}
	qsort(us, n, sizeof *us, by_wait_us);
	printf("%s %zu %zu %" PRId64 " %" PRId64 " %" PRId64 "\n",
	    l->names[name], n, bad, n > 0 ? us[(n - 1) / 2] : 0,
	    n > 0 ? us[(99 * n + 99) / 100 - 1] : 0, n > 0 ? us[n - 1] : 0);
	free(us);
}

static void
run_load(struct load *l)
{
	pthread_t *threads = xcalloc((size_t)l->connections, sizeof *threads);
	size_t i;

	l->total = (size_t)(l->rate * l->seconds);
	l->waits = xcalloc(l->total + 1, sizeof *l->waits);
	l->began_us = now_us();
	for (i = 0; i < (size_t)l->connections; i++) {
		if (pthread_create(&threads[i], NULL, run_connection, l) != 0)
			prog_die(PROG_IO, "cannot start a thread");
	}
	for (i = 0; i < (size_t)l->connections; i++)
		(void)pthread_join(threads[i], NULL);
	for (i = 0; i < l->names_n; i++)
		show(l, i);
	free(threads);
}

static void
read_number(const char *text, int64_t *to)
{
	if (parse_int(text, 1, 10000000, to) != 0)
		prog_die(PROG_IO, "no number: %s", text);
}

int
main(int argc, char **argv)
{
	struct load l = { .connections = 16, .rate = 200, .seconds = 5 };
	int c;

	while ((c = getopt(argc, argv, "c:r:s:")) != -1) {
		if (c == 'c')
			read_number(optarg, &l.connections);
		else if (c == 'r')
			read_number(optarg, &l.rate);
		else if (c == 's')
			read_number(optarg, &l.seconds);
		else
			return 64;
	}
	l.token = getenv("GETLOAD_TOKEN");
	if (argc - optind != 2 || l.token == NULL)
		return 64;
	read_number(argv[optind], &l.port);
	read_targets(&l, argv[optind + 1]);
	run_load(&l);
	return 0;
}
