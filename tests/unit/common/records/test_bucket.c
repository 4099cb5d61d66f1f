/*
 * Tests of common/records/bucket: the numbers are a contract, records with a
 * chat are placed by it, and chats are spread evenly.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "common/base/buf.h"
#include "common/base/xalloc.h"
#include "common/records/bucket.h"

static unsigned
of(const char *line)
{
	struct flat f = FLAT_INIT;
	char padded[512] = { 0 };
	unsigned b;

	memcpy(padded, line, strlen(line));
	b = bucket_of_line(&f, padded, strlen(line));
	flat_release(&f);
	return b;
}

#define HEAD(type) "{\"type\":\"" type "\",\"tenant\":\"acme\""

/* Computed with python, from the description in bucket.h. */
static void
the_numbers_are_a_contract(void **state)
{
	(void)state;
	assert_int_equal(bucket_of("", 0, "", 0), 19);
	assert_int_equal(bucket_of("acme", 4, "17", 2), 37);
	assert_int_equal(bucket_of("acme", 4, "\xc3\xa9", 2), 5);
	/* It matters where the tenant ends and the chat begins. */
	assert_int_not_equal(
	    bucket_of("acme", 4, "17", 2), bucket_of("acme1", 5, "7", 1));
}

static void
what_has_a_chat_goes_by_it(void **state)
{
	static const char *const lines[] = {
		HEAD("message") ",\"id\":\"5\",\"chat\":\"17\"}",
		HEAD("message") ", \"user\":\"b\", \"chat\" : 17}",
		HEAD("chat") ",\"chat\":\"1\\u0037\",\"status\":\"open\"}",
		HEAD("view") ",\"message\":\"5\",\"chat\":\"17\"}",
		HEAD("event") ",\"user\":\"a\",\"chat\":\"17\",\"data\":{}}",
		HEAD("assignment") ",\"chat\":\"17\",\"id\":\"6\"}",
		HEAD("row") ",\"table\":\"chat_metrics\",\"chat\":\"17\"}",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(lines); i++)
		if (of(lines[i]) != bucket_of("acme", 4, "17", 2))
			fail_msg("%s: %u", lines[i], of(lines[i]));
}

static void
what_has_none_goes_by_what_it_is_about(void **state)
{
	(void)state;
	assert_int_equal(of(HEAD("view") ",\"message\":\"5\"}"),
	    bucket_of("acme", 4, "5", 1));
	assert_int_equal(of(HEAD("event") ",\"user\":\"a\",\"id\":\"9\"}"),
	    bucket_of("acme", 4, "a", 1));
	assert_int_equal(
	    of(HEAD("event") ",\"id\":\"9\"}"), bucket_of("acme", 4, "9", 1));
	assert_int_equal(of(HEAD("row") ",\"table\":\"tenant_metrics\"}"),
	    bucket_of("acme", 4, "", 0));
	assert_int_equal(
	    of(HEAD("operator") ",\"operator\":\"5\"}"), BUCKET_ALL);
	assert_int_equal(of(HEAD("limit") ",\"channel\":\"5\"}"), BUCKET_ALL);
	assert_int_equal(
	    of(HEAD("snapshot") ",\"state\":\"end\"}"), BUCKET_ALL);
	assert_int_equal(of(HEAD("later") ",\"chat\":\"5\"}"), BUCKET_ALL);
	/* An invalid line goes to one bucket, whose reader reports it. */
	assert_int_equal(of("nonsense"), bucket_of("", 0, "", 0));
	assert_int_equal(of("{\"type\":\"message\"}"), bucket_of("", 0, "", 0));
	assert_int_equal(of(""), bucket_of("", 0, "", 0));
}

#define MARK(bucket)                                                           \
	HEAD("snapshot") ",\"state\":\"end\",\"bucket\":" bucket "}"

static void
markers_go_where_their_lines_go(void **state)
{
	(void)state;
	assert_int_equal(of(MARK("0")), 0);
	assert_int_equal(of(MARK("17")), 17);
	assert_int_equal(of(MARK("63")), 63);
	assert_int_equal(of(MARK("64")), BUCKET_ALL);
	/* An invalid marker goes to all buckets. */
	assert_int_equal(of(MARK("65")), BUCKET_ALL);
	assert_int_equal(of(MARK("-1")), BUCKET_ALL);
	assert_int_equal(of(MARK("\"17\"")), BUCKET_ALL);
}

static void
chats_spread(void **state)
{
	size_t n[BUCKETS] = { 0 }, i;
	struct buf chat = BUF_INIT;

	(void)state;
	for (i = 0; i < 64000; i++) {
		buf_setf(&chat, "%zu", 100000 + i);
		n[bucket_of("acme", 4, chat.data, chat.len)]++;
	}
	for (i = 0; i < BUCKETS; i++)
		if (n[i] < 800 || n[i] > 1200)
			fail_msg("bucket %zu has %zu of 64000", i, n[i]);
	buf_release(&chat);
}

int
test_bucket(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_numbers_are_a_contract),
		cmocka_unit_test(what_has_a_chat_goes_by_it),
		cmocka_unit_test(what_has_none_goes_by_what_it_is_about),
		cmocka_unit_test(markers_go_where_their_lines_go),
		cmocka_unit_test(chats_spread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
