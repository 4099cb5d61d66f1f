/*
 * Which hosts may be spoken to, where an address from an answer may lead, and
 * how long a call took.
 */
#define _DEFAULT_SOURCE /* syscall */

#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "poller/client/http.h"

static const struct {
	const char *base;
	bool plaintext;
	const char *why; /* part of it; NULL: it may */
} bases[] = {
	{ "https://api.example.test/v1", false, NULL },
	{ "https://api.example.test", false, NULL },
	{ "https://api.example.test:8443/v1/", false, NULL },
	{ "http://127.0.0.1:8080/v1", false, NULL },
	{ "http://localhost/v1", false, NULL },
	{ "http://[::1]:80/v1", false, NULL },
	{ "http://api.example.test/v1", false, "unencrypted" },
	{ "http://api.example.test/v1", true, NULL },
	{ "http://127.0.0.1.example.test/v1", false, "unencrypted" },
	{ "ftp://api.example.test/", false, "https" },
	{ "file:///etc/passwd", false, "" },
	{ "https://user:hunter2@api.example.test/", false, "password" },
	{ "https://api.example.test/v1?token=x", false, "'?'" },
	{ "https://api.example.test/v1#x", false, "'?'" },
	{ "api.example.test/v1", false, "URL" },
	{ "", false, "URL" },
};

static void
only_safe_addresses_are_spoken_to(void **state)
{
	struct buf why = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bases); i++) {
		int rc =
		    http_check_base(bases[i].base, bases[i].plaintext, &why);

		if ((rc == 0) != (bases[i].why == NULL))
			fail_msg("'%s': got %d", bases[i].base, rc);
		if (rc != 0 && strstr(buf_str(&why), bases[i].why) == NULL)
			fail_msg("'%s': '%s'", bases[i].base, buf_str(&why));
		assert_null(strstr(buf_str(&why), "hunter2"));
	}
	buf_release(&why);
}

#define BASE "https://api.example.test/v1"

static const struct {
	const char *from, *target, *want; /* NULL: refused */
} targets[] = {
	{ BASE, "https://api.example.test/v1/x?page=2",
	    "https://api.example.test/v1/x?page=2" },
	{ BASE, "https://API.EXAMPLE.test/v1/x",
	    "https://API.EXAMPLE.test/v1/x" },
	{ BASE, "https://api.example.test:443/x",
	    "https://api.example.test:443/x" },
	{ BASE "/x", "/v1/x/", "https://api.example.test/v1/x/" },
	{ BASE "/x?page=1", "?page=2", "https://api.example.test/v1/x?page=2" },
	{ BASE, "http://api.example.test/v1/x", NULL },
	{ BASE, "https://evil.example.test/v1/x", NULL },
	{ BASE, "//evil.example.test/v1/x", NULL },
	{ BASE, "https://api.example.test:8443/x", NULL },
	{ BASE, "https://api.example.test@evil.example.test/", NULL },
	{ BASE, "https://u:p@api.example.test/", NULL },
	{ BASE, "https://api.example.test.evil.test/", NULL },
	{ BASE, "file:///etc/passwd", NULL },
};

static void
an_answer_leads_to_no_other_host(void **state)
{
	struct buf why = BUF_INIT;
	size_t i;
	char *got;

	(void)state;
	for (i = 0; i < ARRAY_LEN(targets); i++) {
		got = http_resolve(
		    BASE, targets[i].from, targets[i].target, &why);
		if ((got == NULL) != (targets[i].want == NULL) ||
		    (got != NULL && strcmp(got, targets[i].want) != 0))
			fail_msg("'%s': got '%s'", targets[i].target,
			    got != NULL ? got : "(refused)");
		free(got);
	}
	buf_release(&why);
}

static void
dates_of_headers_are_read(void **state)
{
	(void)state;
	assert_int_equal(
	    http_date("Fri, 20 Nov 2026 10:00:05 GMT"), INT64_C(1795168805000));
	assert_int_equal(http_date("never"), CLOCK_NONE);
	assert_int_equal(http_date(""), CLOCK_NONE);
}

/* By how much the system's clock was set, and the monotonic one is ahead. */
static time_t clock_set_s, time_passed_s;

/* In place of the C library's. */
int
clock_gettime(clockid_t id, struct timespec *ts)
{
	int rc = (int)syscall(SYS_clock_gettime, id, ts);

	if (id == CLOCK_REALTIME)
		ts->tv_sec += clock_set_s;
	else
		ts->tv_sec += time_passed_s;
	return rc;
}

/* Nobody answers there. */
static struct http_answer *
ask_in_vain(struct http *h, time_t step_s)
{
	static const struct http_limits limits = {
		.timeout_ms = 5000, .connect_ms = 5000, .max_body = 1
	};
	static const char *const lines[] = { NULL };
	struct http_headers *headers = http_headers_new(lines);
	size_t in_flight = 0;
	const struct http_request r = { .url = "http://127.0.0.1:1/",
		.method = "GET",
		.headers = headers,
		.limits = &limits,
		.in_flight = &in_flight };
	struct http_answer *a;

	http_start(h, &r);
	clock_set_s += step_s;
	while ((a = http_next(h)) == NULL)
		http_wait(h, 100);
	http_headers_free(headers);
	return a;
}

static void
a_clock_that_is_set_meanwhile_makes_no_call_long(void **state)
{
	static const time_t steps[] = { 0, 3 * 3600, -3 * 3600 };
	struct http *h = http_new();
	struct http_answer *a;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(steps); i++) {
		a = ask_in_vain(h, steps[i]);
		assert_in_range(a->got_ms - a->sent_ms, 0, 60000);
		assert_in_range(clock_now_ms() - a->got_ms, 0, 60000);
		http_answer_free(a);
	}
	http_free(h);
}

/* The kernel takes connections, and nobody answers. */
static int
listen_in_silence(char *url, size_t size)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	(void)snprintf(url, size, "http://127.0.0.1:%d/", ntohs(a.sin_port));
	return fd;
}

/* Second by second, of which each takes a moment; how many until it ends. */
static unsigned
seconds_until_it_ends(struct http *h)
{
	struct http_answer *a = NULL;
	unsigned i;

	for (i = 0; i < 100 && a == NULL; i++) {
		http_wait(h, 1);
		a = http_next(h);
		time_passed_s++;
	}
	assert_non_null(a);
	assert_int_equal(a->outcome, HTTP_LATER);
	http_answer_free(a);
	return i;
}

static void
silence_lasts_until_the_timeout(void **state)
{
	static const struct http_limits limits = {
		.timeout_ms = 60000, .connect_ms = 60000, .max_body = 1
	};
	static const char *const lines[] = { NULL };
	struct http_headers *headers = http_headers_new(lines);
	struct http *h = http_new();
	size_t in_flight = 0;
	char url[64];
	int fd = listen_in_silence(url, sizeof url);
	const struct http_request r = { .url = url,
		.method = "GET",
		.headers = headers,
		.limits = &limits,
		.in_flight = &in_flight };

	(void)state;
	http_start(h, &r);
	assert_in_range(seconds_until_it_ends(h), 55, 65);
	http_free(h);
	http_headers_free(headers);
	assert_int_equal(close(fd), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_safe_addresses_are_spoken_to),
		cmocka_unit_test(an_answer_leads_to_no_other_host),
		cmocka_unit_test(dates_of_headers_are_read),
		cmocka_unit_test(
		    a_clock_that_is_set_meanwhile_makes_no_call_long),
		cmocka_unit_test(silence_lasts_until_the_timeout),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
