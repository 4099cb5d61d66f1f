/*
 * Tests of common/http/client_limits: how addresses are read, which are in
 * a network, whose request it is behind proxies, and how many requests of one
 * client are accepted.
 */
#include "tests/unit/unit.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/xalloc.h"
#include "common/http/client_limits.h"

static struct address
address(const char *text)
{
	struct address a;

	if (address_parse(&a, text, strlen(text)) != 0)
		fail_msg("'%s' is not an address", text);
	return a;
}

static void
addresses_are_read_and_shown(void **state)
{
	static const struct {
		const char *text, *shown; /* NULL: refused */
	} cases[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "192.0.2.1:8080", "192.0.2.1" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "2001:db8::1", "2001:db8::1" },
		{ "[2001:db8::1]", "2001:db8::1" },
		{ "[2001:db8::1]:443", "2001:db8::1" },
		{ "", NULL },
		{ "unknown", NULL },
		{ "192.0.2", NULL },
		{ "192.0.2.256", NULL },
		{ "[2001:db8::1", NULL },
		{ "[2001:db8::1]x", NULL },
		{ "2001:db8:::1", NULL },
		{ "192.0.2.1 ", NULL },
		{ "0000000000000000000000000000000000000000000000000", NULL },
	};
	char shown[ADDRESS_TEXT];
	struct address a;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		int rc =
		    address_parse(&a, cases[i].text, strlen(cases[i].text));

		if ((rc == 0) != (cases[i].shown != NULL))
			fail_msg("'%s' gave %d", cases[i].text, rc);
		if (rc != 0)
			continue;
		address_format(&a, shown);
		assert_string_equal(shown, cases[i].shown);
	}
}

static void
a_socket_tells_the_same_address(void **state)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct address a, b;

	(void)state;
	in.sin_addr.s_addr = htonl(UINT32_C(0xC0000201));
	address_of_socket(&a, (const struct sockaddr *)(const void *)&in);
	b = address("192.0.2.1");
	assert_true(address_same(&a, &b));
	in6.sin6_addr.s6_addr[0] = 0x20;
	in6.sin6_addr.s6_addr[1] = 0x01;
	in6.sin6_addr.s6_addr[15] = 1;
	address_of_socket(&a, (const struct sockaddr *)(const void *)&in6);
	b = address("2001::1");
	assert_true(address_same(&a, &b));
}

static void
networks_have_what_is_in_them(void **state)
{
	static const struct {
		const char *network, *in, *out;
	} cases[] = {
		{ "10.0.0.0/8", "10.255.1.2", "11.0.0.0" },
		{ "10.64.0.0/10", "10.127.255.255", "10.128.0.0" },
		{ "192.0.2.7", "192.0.2.7", "192.0.2.6" },
		{ "192.0.2.7/32", "192.0.2.7", "192.0.2.6" },
		{ "0.0.0.0/0", "203.0.113.9", "2001:db8::1" },
		{ "2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1" },
		{ "2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		char *word = xstrdup(cases[i].network);
		char *const words[] = { word, NULL };
		struct networks ns = { .list = NULL };
		struct address in = address(cases[i].in);
		struct address out = address(cases[i].out);

		assert_int_equal(networks_read(&ns, words, NULL), 0);
		if (!networks_have(&ns, &in) || networks_have(&ns, &out))
			fail_msg("network '%s'", cases[i].network);
		networks_release(&ns);
		free(word);
	}
}

static void
what_is_no_network_is_told(void **state)
{
	static const char *const cases[] = { "10.0.0.0/33", "10.0.0.0/-1",
		"10.0.0.0/", "/8", "unix", "localhost", "::/129" };
	struct buf why = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		char *word = xstrdup(cases[i]);
		char *const words[] = { word, NULL };
		struct networks ns = { .list = NULL };

		if (networks_read(&ns, words, &why) == 0)
			fail_msg("'%s' was taken", cases[i]);
		assert_non_null(strstr(buf_str(&why), cases[i]));
		networks_release(&ns);
		free(word);
	}
	buf_release(&why);
}

static struct client_limits *
open_with(
    unsigned connections, unsigned per_address, unsigned rate, unsigned burst)
{
	char one[] = "127.0.0.1", two[] = "10.0.0.0/8";
	char three[] = "2001:db8:1::10";
	char *const words[] = { one, two, three, NULL };
	struct client_limits_setup limits = {
		.connections = connections,
		.per_address = per_address,
		.rate = rate,
		.burst = burst,
	};

	assert_int_equal(networks_read(&limits.proxies, words, NULL), 0);
	return client_limits_open(&limits);
}

static void
the_client_of_a_proxy_is_found(void **state)
{
	static const struct {
		const char *peer, *forwarded, *client;
	} cases[] = {
		{ "192.0.2.1", NULL, "192.0.2.1" },
		/* Only a proxy is believed. */
		{ "192.0.2.1", "198.51.100.1", "192.0.2.1" },
		{ "127.0.0.1", "127.0.0.1", "127.0.0.1" },
		{ "127.0.0.1", "198.51.100.1", "198.51.100.1" },
		{ "127.0.0.1", "203.0.113.5, 198.51.100.1", "198.51.100.1" },
		{ "127.0.0.1", "203.0.113.5 ,198.51.100.1 , 10.1.1.1",
		    "198.51.100.1" },
		{ "127.0.0.1", "10.0.0.9, 10.1.1.1", "10.0.0.9" },
		/* The client is unknown, but it is not the proxy. */
		{ "127.0.0.1", "203.0.113.5, nonsense", "::" },
		{ "127.0.0.1", "unknown", "::" },
		{ "127.0.0.1", "127.0.0.1\t", "::" },
		{ "127.0.0.1", "nonsense, 10.1.1.1", "::" },
		{ "127.0.0.1", "203.0.113.5, , 10.1.1.1", "203.0.113.5" },
		{ "127.0.0.1", "203.0.113.5,", "203.0.113.5" },
		{ "127.0.0.1", "2001:db8::9", "2001:db8::9" },
		/* A proxy that names no client leaves the client unknown. */
		{ "127.0.0.1", NULL, "::" },
		{ "127.0.0.1", "", "::" },
		{ "127.0.0.1", " ", "::" },
		{ "127.0.0.1", ",,,,", "::" },
		{ "127.0.0.1", ", ,127.0.0.1", "127.0.0.1" },
	};
	struct client_limits *a = open_with(1, 1, 0, 1);
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		struct address peer = address(cases[i].peer);
		struct address client =
		    client_limits_client(a, &peer, cases[i].forwarded);
		char shown[ADDRESS_TEXT];

		address_format(&client, shown);
		if (strcmp(shown, cases[i].client) != 0)
			fail_msg("%s, '%s': %s, not %s", cases[i].peer,
			    cases[i].forwarded, shown, cases[i].client);
	}
	client_limits_close(a);
}

/* A proxy is in the same 64-bit network as its neighbours, but does not count
 * as one of them. */
static void
a_proxy_frees_no_place_of_its_network(void **state)
{
	struct client_limits *a = open_with(5, 1, 0, 1);
	struct address one = address("2001:db8:1::1");
	struct address proxy = address("2001:db8:1::10");

	(void)state;
	assert_true(client_limits_enter(a, &one));
	assert_true(client_limits_enter(a, &proxy));
	client_limits_leave(a, &proxy);
	assert_false(client_limits_enter(a, &one));
	client_limits_leave(a, &one);
	assert_true(client_limits_enter(a, &one));
	client_limits_close(a);
}

static void
connections_are_counted_in_all_and_of_each(void **state)
{
	struct client_limits *a = open_with(5, 2, 0, 1);
	struct address one = address("192.0.2.1"), two = address("192.0.2.2");
	struct address proxy = address("127.0.0.1");

	(void)state;
	assert_true(client_limits_enter(a, &one));
	assert_true(client_limits_enter(a, &one));
	assert_false(client_limits_enter(a, &one));
	assert_true(client_limits_enter(a, &two));
	/* A proxy's are those of many. */
	assert_true(client_limits_enter(a, &proxy));
	assert_true(client_limits_enter(a, &proxy));
	assert_false(client_limits_enter(a, &proxy));
	assert_false(client_limits_enter(a, &two));
	client_limits_leave(a, &proxy);
	assert_false(client_limits_enter(a, &one));
	client_limits_leave(a, &one);
	assert_true(client_limits_enter(a, &one));
	client_limits_leave(a, &two);
	assert_true(client_limits_enter(a, &proxy));
	client_limits_close(a);
}

static void
one_network_of_ipv6_is_one_client(void **state)
{
	struct client_limits *a = open_with(9, 1, 1, 1);
	struct address one = address("2001:db8:0:1::1");
	struct address same = address("2001:db8:0:1:ffff::2");
	struct address other = address("2001:db8:0:2::1");

	(void)state;
	assert_true(client_limits_enter(a, &one));
	assert_false(client_limits_enter(a, &same));
	assert_true(client_limits_enter(a, &other));
	assert_int_equal(client_limits_take(a, &one, 1000), 0);
	assert_int_not_equal(client_limits_take(a, &same, 1000), 0);
	assert_int_equal(client_limits_take(a, &other, 1000), 0);
	client_limits_close(a);
}

static unsigned
takes(
    struct client_limits *a, const struct address *who, unsigned n, int64_t now)
{
	unsigned taken = 0;

	while (n-- > 0)
		taken += client_limits_take(a, who, now) == 0;
	return taken;
}

static void
requests_are_a_burst_and_then_a_rate(void **state)
{
	struct client_limits *a = open_with(9, 9, 10, 20);
	struct address one = address("192.0.2.1"), two = address("192.0.2.2");

	(void)state;
	assert_int_equal(takes(a, &one, 100, 5000), 20);
	assert_int_equal(takes(a, &two, 100, 5000), 20);
	assert_int_equal(takes(a, &one, 100, 5099), 0);
	assert_int_equal(takes(a, &one, 100, 5100), 1);
	assert_int_equal(takes(a, &one, 100, 6100), 10);
	/* A client never gets more than a burst, regardless of how long it was
	 * idle. */
	assert_int_equal(takes(a, &one, 100, INT64_C(1000000000000)), 20);
	/* While the clock does not advance, no new requests are allowed. */
	assert_int_equal(takes(a, &one, 100, INT64_C(1000000000000)), 0);
	client_limits_close(a);
}

static void
no_rate_is_no_limit(void **state)
{
	struct client_limits *a = open_with(9, 9, 0, 1);
	struct address one = address("192.0.2.1");

	(void)state;
	assert_int_equal(takes(a, &one, 1000, 1), 1000);
	client_limits_close(a);
}

static void
many_addresses_do_not_starve_one(void **state)
{
	struct client_limits *a = open_with(9, 9, 10, 5);
	struct address one = address("192.0.2.1"), other;
	char text[ADDRESS_TEXT];
	unsigned i;

	(void)state;
	assert_int_equal(takes(a, &one, 9, 1000), 5);
	for (i = 0; i < 200000; i++) {
		(void)snprintf(text, sizeof text, "10.%u.%u.%u", i >> 16,
		    i >> 8 & 255, i & 255);
		other = address(text);
		(void)client_limits_take(a, &other, 1001 + i / 1000);
	}
	/* Whether its bucket was kept or reused, the client gets its rate. */
	assert_in_range(takes(a, &one, 100, 3000), 5, 5);
	client_limits_close(a);
}

int
test_client_limits(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read_and_shown),
		cmocka_unit_test(a_socket_tells_the_same_address),
		cmocka_unit_test(networks_have_what_is_in_them),
		cmocka_unit_test(what_is_no_network_is_told),
		cmocka_unit_test(the_client_of_a_proxy_is_found),
		cmocka_unit_test(a_proxy_frees_no_place_of_its_network),
		cmocka_unit_test(connections_are_counted_in_all_and_of_each),
		cmocka_unit_test(one_network_of_ipv6_is_one_client),
		cmocka_unit_test(requests_are_a_burst_and_then_a_rate),
		cmocka_unit_test(no_rate_is_no_limit),
		cmocka_unit_test(many_addresses_do_not_starve_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
