/*
 * address: who is at the other end of a connection, as something that can be
 * compared: IPv4 as IPv6 shows it (::ffff:a.b.c.d), or the local socket; and
 * lists of addresses and networks, as the configuration writes them.
 */
#ifndef COMMON_HTTP_ADDRESS_H
#define COMMON_HTTP_ADDRESS_H

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

/* Of what accept(2) told. What is neither IPv4 nor IPv6 is local. */
void address_of_socket(struct address *a, const struct sockaddr *sa);

/* "192.0.2.1", "2001:db8::1", "[2001:db8::1]", each with or without a port
 * behind it, or "unix". -1: none of this. */
int address_parse(struct address *a, const char *text, size_t len)
    __attribute__((warn_unused_result));

/* IPv4 as usual, "unix" for the local socket. text has ADDRESS_TEXT bytes. */
void address_format(const struct address *a, char *text);

bool address_same(const struct address *a, const struct address *b);

/* Who counts as one client: IPv4 each, IPv6 by its network of 64 bits, which
 * is what one customer of a provider has at least. */
struct address address_client(const struct address *a);

struct network {
	struct address address;
	unsigned bits; /* of the 128 that must be the same */
};

struct networks {
	struct network *list;
	size_t n, cap;
};

/* Words as conf_list() gives them: an address, or one with "/BITS". -1 and
 * *why when one is neither. */
int networks_read(struct networks *ns, char *const *words, struct buf *why)
    __attribute__((warn_unused_result));
bool networks_have(const struct networks *ns, const struct address *a);
void networks_release(struct networks *ns);

#endif
