/*
 * keyed_hash: SipHash-2-4 with 128 bits, by libcrypto, for input from outside:
 * addresses and ids. Without the key, nobody can find two inputs that collide,
 * so equal hashes mean equal inputs.
 */
#ifndef COMMON_DIGEST_KEYED_HASH_H
#define COMMON_DIGEST_KEYED_HASH_H

#include <stddef.h>
#include <stdint.h>

struct keyed_hash {
	uint64_t a, b;
};

/* The key must be secret and random. */
struct keyed_hash keyed_hash(
    const uint64_t key[2], const void *data, size_t len);

#endif
