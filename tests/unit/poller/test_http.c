/*
 * Which hosts may be spoken to, and where an address from an answer may lead.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_safe_addresses_are_spoken_to),
		cmocka_unit_test(an_answer_leads_to_no_other_host),
		cmocka_unit_test(dates_of_headers_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
