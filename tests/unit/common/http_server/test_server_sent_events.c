/*
 * Tests of answers that stay open: each listener gets the present state and
 * each later one; one that reads slowly the newest; one that has left is
 * noticed; and the server ends them all when it stops.
 */
#include "tests/unit/tmpdir.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "common/http_server/event_topic.h"
#include "common/http_server/server.h"

#define TIMEOUT_MS 20000
#define LISTENERS 20
/* More than what the sockets between two programs hold. */
#define LARGE ((size_t)1024 * 1024)

struct world {
	struct event_topic *topic;
	atomic_bool unwanted; /* streams of /wanted end */
	struct client_limits_setup limits;
	struct server_counts counts;
	struct listen_socket socket;
	struct server_options opt;
	struct server *server;
};

static bool
is_wanted(const void *context, const struct web_answer *a)
{
	const struct world *w = context;

	(void)a;
	return !atomic_load(&w->unwanted);
}

static void
listen_to_topic(
    const void *context, const struct web_request *r, struct web_answer *a)
{
	const struct world *w = context;

	a->events = event_topic_hold(w->topic);
	if (strcmp(r->path, "/short") == 0)
		a->events_ms = 1;
	if (strcmp(r->path, "/wanted") == 0)
		a->goes_on = is_wanted;
}

static void
open_world(struct world *w)
{
	struct buf why = BUF_INIT;
	enum exit_code code;

	*w = (struct world){ .topic = event_topic_open(),
		.limits = { .connections = 100, .per_address = 100 } };
	assert_int_equal(
	    listen_socket_open(&w->socket, "unix:socket", &code, &why), 0);
	w->opt = (struct server_options){ .socket = &w->socket,
		.client_limits = client_limits_open(&w->limits),
		.counts = &w->counts,
		.callbacks = { .handle = listen_to_topic, .context = w },
		.threads = 2,
		.connections = 100,
		.max_body = 1000,
		.memory = 10000,
		.header_ms = TIMEOUT_MS,
		.request_ms = TIMEOUT_MS,
		.keep_alive_ms = TIMEOUT_MS,
		.min_rate = 1 };
	w->server = server_open(&w->opt, &why);
	assert_non_null(w->server);
	buf_release(&why);
}

static void
close_world(struct world *w)
{
	server_close(w->server);
	assert_true(event_topic_is_idle(w->topic));
	event_topic_release(w->topic);
	listen_socket_close(&w->socket);
	client_limits_close(w->opt.client_limits);
}

/* A connection that has sent the request. */
static int
ask(const char *line, const char *headers)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "socket" };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct buf text = BUF_INIT;

	assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof a), 0);
	buf_addf(&text, "%s HTTP/1.1\r\nHost: x\r\n%s\r\n", line, headers);
	assert_int_equal(write(fd, text.data, text.len), text.len);
	buf_release(&text);
	return fd;
}

/* Appends what comes. False: the other side has closed it. */
static bool
read_some(int fd, struct buf *to)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	assert_int_equal(poll(&p, 1, TIMEOUT_MS), 1);
	n = read(fd, buf_room(to, 65536), 65536);
	if (n > 0)
		buf_grown(to, (size_t)n);
	return n > 0;
}

/* Reads until the text has come. */
static void
expect(int fd, struct buf *got, const char *text)
{
	while (strstr(buf_str(got), text) == NULL) {
		if (!read_some(fd, got))
			fail_msg("the end, and no %s", text);
	}
}

static void
publish(struct world *w, const char *id, const char *data)
{
	event_topic_publish(w->topic, "now", id, data, strlen(data));
}

static void
events_are_framed(void **state)
{
	struct world w;
	struct buf got = BUF_INIT;
	int fd;

	(void)state;
	open_world(&w);
	publish(&w, "0", "before");
	fd = ask("GET /", "");
	expect(fd, &got, "event: now\nid: 0\ndata: before\n\n");
	assert_non_null(strstr(got.data, "HTTP/1.1 200"));
	assert_non_null(strstr(got.data, "Content-Type: text/event-stream\r"));
	assert_non_null(strstr(got.data, "Cache-Control: no-store\r"));
	assert_non_null(strstr(got.data, "X-Accel-Buffering: no\r"));
	assert_non_null(strstr(got.data, "retry: 1000\n:\n\n"));
	publish(&w, "1", "two\nlines\n");
	expect(
	    fd, &got, "event: now\nid: 1\ndata: two\ndata: lines\ndata: \n\n");
	publish(&w, "2", "");
	expect(fd, &got, "event: now\nid: 2\ndata: \n\n");
	(void)close(fd);
	buf_release(&got);
	close_world(&w);
}

static void
what_is_known_is_not_sent(void **state)
{
	struct world w;
	struct buf got = BUF_INIT;
	int fd;

	(void)state;
	open_world(&w);
	publish(&w, "a", "first");
	fd = ask("GET /", "Last-Event-ID: a\r\n");
	expect(fd, &got, "retry:");
	publish(&w, "b", "second");
	expect(fd, &got, "second");
	assert_null(strstr(got.data, "first"));
	(void)close(fd);
	buf_clear(&got);
	fd = ask("GET /", "Last-Event-ID: a\r\n");
	expect(fd, &got, "second");
	(void)close(fd);
	buf_release(&got);
	close_world(&w);
}

static void
all_are_told_and_ended(void **state)
{
	struct world w;
	struct buf got[LISTENERS] = { BUF_INIT };
	int fd[LISTENERS], i;

	(void)state;
	open_world(&w);
	for (i = 0; i < LISTENERS; i++) {
		fd[i] = ask("GET /", "");
		expect(fd[i], &got[i], "retry:");
	}
	publish(&w, "7", "all");
	for (i = 0; i < LISTENERS; i++)
		expect(fd[i], &got[i], "data: all\n\n");
	close_world(&w);
	for (i = 0; i < LISTENERS; i++) {
		while (read_some(fd[i], &got[i]))
			continue;
		/* The last chunk: it is ended, and not broken off. */
		assert_non_null(strstr(got[i].data, "\r\n0\r\n\r\n"));
		(void)close(fd[i]);
		buf_release(&got[i]);
	}
}

/* More than a socket holds. */
static void
fill(struct buf *data)
{
	memset(buf_room(data, LARGE), 'x', LARGE);
	buf_grown(data, LARGE);
}

static void
a_slow_reader_gets_the_newest(void **state)
{
	struct world w;
	struct buf got = BUF_INIT, data = BUF_INIT;
	char id[16];
	int fd, i;

	(void)state;
	open_world(&w);
	fill(&data);
	fd = ask("GET /", "");
	expect(fd, &got, "retry:");
	for (i = 0; i < 50; i++) {
		(void)snprintf(id, sizeof id, "n%d", i);
		event_topic_publish(w.topic, "now", id, data.data, data.len);
	}
	expect(fd, &got, "id: n49\n");
	/* At most the one that was begun comes before it. */
	assert_true(got.len < 3 * LARGE);
	(void)close(fd);
	buf_release(&got);
	buf_release(&data);
	close_world(&w);
}

static void
wait_until_idle(struct world *w)
{
	const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
	int ms = 0;

	while (!event_topic_is_idle(w->topic)) {
		assert_true((ms += 10) < TIMEOUT_MS);
		(void)nanosleep(&pause, NULL);
	}
}

static void
whoever_leaves_is_noticed(void **state)
{
	struct world w;
	struct buf got = BUF_INIT;
	int fd;

	(void)state;
	open_world(&w);
	fd = ask("GET /", "");
	expect(fd, &got, "retry:");
	assert_false(event_topic_is_idle(w.topic));
	(void)close(fd);
	wait_until_idle(&w);
	/* Headers without a body, not even its last chunk. */
	fd = ask("HEAD /", "");
	buf_clear(&got);
	while (read_some(fd, &got))
		continue;
	assert_string_equal(strstr(buf_str(&got), "\r\n\r\n"), "\r\n\r\n");
	(void)close(fd);
	wait_until_idle(&w);
	buf_release(&got);
	close_world(&w);
}

static void
a_stream_ends_in_time(void **state)
{
	struct world w;
	struct buf got = BUF_INIT;
	int fd;

	(void)state;
	open_world(&w);
	fd = ask("GET /short", "");
	expect(fd, &got, "\r\n0\r\n\r\n");
	wait_until_idle(&w);
	(void)close(fd);
	buf_release(&got);
	close_world(&w);
}

static void
a_stream_ends_that_is_not_wanted_any_more(void **state)
{
	struct world w;
	struct buf got = BUF_INIT;
	int fd;

	(void)state;
	open_world(&w);
	fd = ask("GET /wanted", "");
	expect(fd, &got, "retry:");
	event_topic_publish(w.topic, "now", "1", "x", 1);
	expect(fd, &got, "data: x");
	atomic_store(&w.unwanted, true);
	expect(fd, &got, "\r\n0\r\n\r\n");
	wait_until_idle(&w);
	(void)close(fd);
	buf_release(&got);
	close_world(&w);
}

/* Nor one that reads so slowly that it never has the newest event: a change
 * after another, it would hear all that comes. */
static void
a_slow_reader_is_not_wanted_any_more_either(void **state)
{
	const struct timespec sweeps = { .tv_sec = 1 };
	struct world w;
	struct buf got = BUF_INIT, data = BUF_INIT;
	int fd;

	(void)state;
	open_world(&w);
	fill(&data);
	fd = ask("GET /wanted", "");
	expect(fd, &got, "retry:");
	event_topic_publish(w.topic, "now", "begun", data.data, data.len);
	expect(fd, &got, "id: begun\n");
	atomic_store(&w.unwanted, true);
	(void)nanosleep(&sweeps, NULL);
	event_topic_publish(w.topic, "now", "secret", "x", 1);
	expect(fd, &got, "\r\n0\r\n\r\n");
	assert_null(strstr(got.data, "id: secret\n"));
	assert_true(got.len > LARGE);
	wait_until_idle(&w);
	(void)close(fd);
	buf_release(&got);
	buf_release(&data);
	close_world(&w);
}

/* It does not read at all: the server must not wait for it. */
static void
a_full_socket_does_not_hold_up_the_stop(void **state)
{
	struct world w;
	struct buf data = BUF_INIT, got = BUF_INIT;
	int fd;

	(void)state;
	open_world(&w);
	fill(&data);
	fd = ask("GET /", "");
	expect(fd, &got, "retry:");
	event_topic_publish(w.topic, "now", "1", data.data, data.len);
	close_world(&w);
	(void)close(fd);
	buf_release(&data);
	buf_release(&got);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_are_framed),
		cmocka_unit_test(what_is_known_is_not_sent),
		cmocka_unit_test(all_are_told_and_ended),
		cmocka_unit_test(a_slow_reader_gets_the_newest),
		cmocka_unit_test(whoever_leaves_is_noticed),
		cmocka_unit_test(a_stream_ends_in_time),
		cmocka_unit_test(a_stream_ends_that_is_not_wanted_any_more),
		cmocka_unit_test(a_slow_reader_is_not_wanted_any_more_either),
		cmocka_unit_test(a_full_socket_does_not_hold_up_the_stop),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
