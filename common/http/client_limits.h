/*
 * client_limits: addresses of clients in a form that can be compared: IPv6,
 * IPv4 mapped to it (::ffff:a.b.c.d), or a Unix socket; lists of addresses and
 * networks from the configuration; and the connections of all and of one
 * client, the requests a second of one client (token buckets), and which client
 * a proxy speaks for. How large one request may be:
 * common/http_server/server_headers.c its headers, server_request.c its body.
 *
 * Called by all threads of the server; locks are held for the look into a
 * table. Memory depends on the limits alone, not on the addresses: the buckets
 * are a table of fixed size, in which the one unused for longest is replaced.
 */
#ifndef COMMON_HTTP_CLIENT_LIMITS_H
#define COMMON_HTTP_CLIENT_LIMITS_H

#include "common/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sockaddr;

/* Room for an address as text, NUL included. */
#define ADDRESS_TEXT 46

struct address {
	uint8_t bytes[16];
	bool local; /* a Unix socket; bytes are zeros */
};

/* Of what accept(2) returned. What is neither IPv4 nor IPv6 is local. */
void address_of_socket(struct address *a, const struct sockaddr *sa);

/* Reads "192.0.2.1", "2001:db8::1", "[2001:db8::1]", with or without a port, or
 * "unix". -1: none of these. */
int address_parse(struct address *a, const char *text, size_t len)
    __attribute__((warn_unused_result));

/* Writes IPv4 in dotted form, and a Unix socket as "unix". text has
 * ADDRESS_TEXT bytes. */
void address_format(const struct address *a, char *text);

bool address_same(const struct address *a, const struct address *b);

struct network {
	struct address address;
	unsigned bits; /* of 128 that must be equal */
};

struct networks {
	struct network *list;
	size_t n, cap;
};

/* Reads words as conf_list() returns them: ADDRESS or ADDRESS/BITS. -1 and *why
 * when one is neither. */
int networks_read(struct networks *ns, char *const *words, struct buf *why)
    __attribute__((warn_unused_result));
bool networks_have(const struct networks *ns, const struct address *a);
void networks_release(struct networks *ns);

struct client_limits;

struct client_limits_setup {
	unsigned connections, per_address;
	unsigned rate; /* requests a second; 0: no limit */
	unsigned burst;
	struct networks proxies; /* owned by these limits */
};

struct client_limits *client_limits_open(
    const struct client_limits_setup *limits)
    __attribute__((warn_unused_result));
void client_limits_close(struct client_limits *a);

/* A connection begins: false when there are too many. For each that may
 * client_limits_leave() is called at its end. Those of proxies count towards
 * the limit of all only. */
bool client_limits_enter(struct client_limits *a, const struct address *peer)
    __attribute__((warn_unused_result));
void client_limits_leave(struct client_limits *a, const struct address *peer);

/* The client of a request: the peer, or, if that is a proxy, the last address
 * in the list of X-Forwarded-For that is not a proxy; "::" when none is named,
 * or not by an address. forwarded may be NULL. */
struct address client_limits_client(const struct client_limits *a,
    const struct address *peer, const char *forwarded);

/* Whether that is one of the proxies. */
bool client_limits_is_proxy(
    const struct client_limits *a, const struct address *peer);

/* A request of that client, now by the monotonic clock: 0, or the seconds after
 * which it may try again. */
int client_limits_take(
    struct client_limits *a, const struct address *client, int64_t now_ms);

#endif
