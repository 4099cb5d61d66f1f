/*
 * checksum: XXH3 of libxxhash, to detect damage and changes in files. Its
 * values are the same in all versions of the library and on all machines, so it
 * has no random seed. Every file format of the project uses it. Hash tables use
 * common/containers/hash.h, input from outside that must not collide uses
 * keyed_hash.h, and the bucket of a chat (bucket.h) has a published formula
 * that other publishers compute, too.
 *
 * Measured: 0.21 us for 4096 bytes, 10 ns for 64 bytes.
 */
#ifndef COMMON_DIGEST_CHECKSUM_H
#define COMMON_DIGEST_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* Returns the checksum of data, chained to `sum`, the checksum of the preceding
 * bytes (0: none). The checksum depends on how the bytes are split into
 * calls. */
uint64_t checksum(uint64_t sum, const void *data, size_t len);

#endif
