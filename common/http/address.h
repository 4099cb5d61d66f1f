/*
 * address: addresses of clients in a form that can be compared: IPv6, IPv4
 * mapped to it (::ffff:a.b.c.d), or a Unix socket; and lists of addresses and
 * networks from the configuration.
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

/* What counts as one client: an IPv4 address, an IPv6 network of 64 bits, which
 * is the least that a provider gives to one customer. */
struct address address_client(const struct address *a);

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

#endif
