/*
 * Tests of common/http_server: a program with callbacks of its own is served
 * without anything of another: a handler alone, lines that are stored or not,
 * an answer from a work queue.
 */
#include "tests/unit/tmpdir.h"

#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/http_server/server.h"
#include "common/http_server/work_queue.h"

struct program {
	struct work_queue *queue;
	bool stores; /* what the storer says */
	struct buf stored;
};

static void
answer_slowly(
    const void *context, const struct web_request *r, struct web_answer *a)
{
	const struct program *p = context;

	assert_non_null(p->queue);
	buf_addf(&a->body, "later %s", r->query(r, "name"));
}

static void
add_header_text(struct buf *to, const struct web_request *r, const char *name)
{
	const char *value = r->header(r, name);

	buf_addf(to, "[%s]", value != NULL ? value : "none");
}

static void
handle(const void *context, const struct web_request *r, struct web_answer *a)
{
	const struct program *p = context;

	if (strcmp(r->path, "/store") == 0) {
		buf_add(&a->records, r->body, r->len);
		a->records_n = 1;
		buf_adds(&a->body, "stored");
	} else if (strcmp(r->path, "/later") == 0) {
		a->queue = p->queue;
		a->later = answer_slowly;
	} else if (strcmp(r->path, "/rows") == 0) {
		a->content_type = "application/x-ndjson";
		a->status = r->query(r, "known") != NULL ? 304 : 200;
	} else if (strcmp(r->path, "/") == 0) {
		add_header_text(&a->body, r, "Accept");
		add_header_text(&a->body, r, "If-None-Match");
		add_header_text(&a->body, r, "cookie");
		add_header_text(&a->body, r, "X-A");
	} else if (strcmp(r->path, "/wrong") == 0) {
		a->status = 400;
		buf_adds(&a->body, "no JSON");
	} else {
		a->status = 404;
		buf_adds(&a->body, "nothing");
	}
}

static void *
store_all(void *ctx)
{
	struct pending_request *r = ctx;

	r->done(r, true);
	return NULL;
}

/* Reports from a thread of its own when it stores, else at once. */
static void
store(const void *context, struct pending_request *r)
{
	union {
		const void *in;
		struct program *p;
	} u = { context };
	pthread_t t;

	if (!u.p->stores) {
		r->done(r, false);
		return;
	}
	buf_add(&u.p->stored, r->records->data, r->records->len);
	assert_int_equal(pthread_create(&t, NULL, store_all, r), 0);
	(void)pthread_detach(t);
}

static void
end_thread(void)
{
}

/* Sends the request, and expects that status; returns the answer. */
static const char *
ask(const char *request, const char *status)
{
	static char text[1024];
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "socket" };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t len = 0;
	ssize_t n;

	assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(write(fd, request, strlen(request)), strlen(request));
	while (len < sizeof text - 1 &&
	       (n = read(fd, text + len, sizeof text - 1 - len)) > 0)
		len += (size_t)n;
	(void)close(fd);
	text[len] = '\0';
	if (strncmp(text + strlen("HTTP/1.1 "), status, 3) != 0)
		fail_msg("%s is not %s", text, status);
	assert_non_null(strstr(text, "\r\n\r\n"));
	return text;
}

static void
expect(const char *request, const char *status, const char *body)
{
	assert_string_equal(strstr(ask(request, status), "\r\n\r\n") + 4, body);
}

#define END " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"

/* Rows may be none; their type is told where there can be any. */
static void
expect_types(void)
{
	static const char type[] = "Content-Type: application/x-ndjson\r\n";

	assert_non_null(strstr(ask("GET /rows" END "\r\n", "200"), type));
	assert_non_null(strstr(ask("HEAD /rows" END "\r\n", "200"), type));
	assert_null(
	    strstr(ask("GET /rows?known=1" END "\r\n", "304"), "Content-Type"));
}

/* Lists may come in several lines; of others the first one counts. */
static void
expect_lists(void)
{
	expect("GET /" END "\r\n", "200", "[none][none][none][none]");
	expect("GET /" END "Accept: a\r\nCookie: b\r\n\r\n", "200",
	    "[a][none][b][none]");
	expect("GET /" END "Accept: a/b;q=0.1\r\nX-A: 1\r\nCookie: c=d\r\n"
	       "If-None-Match: \"1\"\r\naccept: e, f\r\nX-A: 2\r\n"
	       "cookie: g=h\r\nIF-NONE-MATCH: \"2\"\r\nAccept:\r\n\r\n",
	    "200", "[a/b;q=0.1, e, f, ][\"1\", \"2\"][c=d; g=h][1]");
}

/* A target may name its host, as one for a proxy does. */
static void
expect_absolute_targets(void)
{
	static const char refused[] = "{\"detail\":\"Bad Request\"}";
	static const char none[] = "[none][none][none][none]";

	expect("GET http://x/later?name=a%20b" END "\r\n", "200", "later a b");
	expect("GET HTTPS://[::1]:8443/" END "\r\n", "200", none);
	expect("GET http://x" END "\r\n", "200", none);
	expect("GET http://x?http://y/none" END "\r\n", "200", none);
	expect("GET http://x//x/" END "\r\n", "404", "nothing");
	expect("GET http:///" END "\r\n", "400", refused);
	expect("GET http://:80/" END "\r\n", "400", refused);
	expect("GET http://u@x/" END "\r\n", "400", refused);
	expect("GET http://x\001/" END "\r\n", "400", refused);
	expect("GET http:/x/" END "\r\n", "400", refused);
	expect("GET ftp://x/" END "\r\n", "400", refused);
	expect("GET ?x" END "\r\n", "400", refused);
}

static void
callbacks_are_all_it_needs(void **state)
{
	struct program p = { .queue = work_queue_open(1, 4, 1024, end_thread) };
	struct client_limits_setup limits = { .connections = 10,
		.per_address = 10 };
	struct server_counts counts = { .requests = 0 };
	struct listen_socket socket;
	struct server_options opt = { .socket = &socket,
		.counts = &counts,
		.callbacks = { .handle = handle,
		    .store = store,
		    .context = &p },
		.threads = 2,
		.connections = 10,
		.max_body = 1000,
		.memory = 10000,
		.header_ms = 10000,
		.request_ms = 10000,
		.keep_alive_ms = 10000,
		.min_rate = 1 };
	struct buf why = BUF_INIT;
	enum exit_code code;
	struct server *s;

	(void)state;
	assert_int_equal(
	    listen_socket_open(&socket, "unix:socket", &code, &why), 0);
	opt.client_limits = client_limits_open(&limits);
	s = server_open(&opt, &why);
	assert_non_null(s);
	expect("GET /none" END "\r\n", "404", "nothing");
	expect("GET /later?name=a%20b" END "\r\n", "200", "later a b");
	expect("POST /store" END "Content-Length: 2\r\n\r\n1\n", "503",
	    "{\"detail\":\"Service Unavailable\"}");
	p.stores = true;
	expect(
	    "POST /store" END "Content-Length: 2\r\n\r\n2\n", "200", "stored");
	assert_string_equal(buf_str(&p.stored), "2\n");
	expect("GET /none HTTP/1.1\r\nConnection: close\r\n\r\n", "400",
	    "{\"detail\":\"Bad Request\"}");
	expect("GET /wrong" END "\r\n", "400", "no JSON");
	expect_types();
	expect_lists();
	expect_absolute_targets();
	server_close(s);
	work_queue_close(p.queue);
	assert_int_equal(atomic_load(&counts.requests), 24);
	assert_int_equal(atomic_load(&counts.accepted), 12);
	assert_int_equal(atomic_load(&counts.malformed), 9);
	assert_int_equal(atomic_load(&counts.refused), 2);
	assert_int_equal(atomic_load(&counts.later), 1);
	assert_int_equal(atomic_load(&counts.records), 1);
	listen_socket_close(&socket);
	client_limits_close(opt.client_limits);
	buf_release(&p.stored);
	buf_release(&why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(callbacks_are_all_it_needs),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
