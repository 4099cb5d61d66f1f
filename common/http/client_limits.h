/*
 * client_limits: limits per client and for all clients together: connections,
 * and requests per second (token buckets). Also determines for which client a
 * proxy forwards a request, and provides addresses in a form that can be
 * compared (IPv6, or IPv4 mapped to it as ::ffff:a.b.c.d) and lists of
 * addresses and networks from the configuration. The size of one request is
 * limited in server_request.c.
 *
 * All threads of the server call these functions; locks are held only while a
 * table is read or changed. Memory depends on the limits, not on the number of
 * addresses: the buckets are a table of fixed size, in which the bucket unused
 * for the longest time is replaced.
 */
#ifndef COMMON_HTTP_CLIENT_LIMITS_H
#define COMMON_HTTP_CLIENT_LIMITS_H

#include "common/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sockaddr;

/* The size of an address as text, with NUL. */
#define ADDRESS_TEXT 46

struct address {
	uint8_t bytes[16];
};

/* Converts the address that accept(2) returned. */
void address_of_socket(struct address *a, const struct sockaddr *sa);

/* Reads "192.0.2.1", "2001:db8::1", "[2001:db8::1]", with or without a port.
 * Returns -1 for any other text. */
int address_parse(struct address *a, const char *text, size_t len)
    __attribute__((warn_unused_result));

/* Writes IPv4 in dotted form. text has ADDRESS_TEXT bytes. */
void address_format(const struct address *a, char *text);

bool address_same(const struct address *a, const struct address *b);

struct network {
	struct address address;
	unsigned bits; /* how many of the 128 bits must be equal */
};

struct networks {
	struct network *list;
	size_t n, cap;
};

/* Reads words of conf_list(), each ADDRESS or ADDRESS/BITS. Returns -1 and *why
 * for other words. */
int networks_read(struct networks *ns, char *const *words, struct buf *why)
    __attribute__((warn_unused_result));
bool networks_have(const struct networks *ns, const struct address *a);
void networks_release(struct networks *ns);

struct client_limits;

struct client_limits_setup {
	unsigned connections, per_address;
	unsigned rate; /* requests per second; 0: no limit */
	unsigned burst;
	struct networks proxies; /* owned by these limits */
};

struct client_limits *client_limits_open(
    const struct client_limits_setup *limits)
    __attribute__((warn_unused_result));
void client_limits_close(struct client_limits *a);

/* Call when a connection begins: returns false if there are too many. Otherwise
 * call client_limits_leave() at its end. Connections from proxies count only
 * towards the limit for all. */
bool client_limits_enter(struct client_limits *a, const struct address *peer)
    __attribute__((warn_unused_result));
void client_limits_leave(struct client_limits *a, const struct address *peer);

/* Returns the client of a request: the peer or, if that is a proxy, the last
 * address in X-Forwarded-For that is not a proxy; "::" if there is none, or if
 * it is not an address. forwarded may be NULL. */
struct address client_limits_client(const struct client_limits *a,
    const struct address *peer, const char *forwarded);

/* True if the peer is one of the proxies. */
bool client_limits_is_proxy(
    const struct client_limits *a, const struct address *peer);

/* Counts a request of that client; now_ms is monotonic. Returns 0, or after how
 * many seconds the client may try again. */
int client_limits_take(
    struct client_limits *a, const struct address *client, int64_t now_ms);

#endif
