/*
 * checksum: XXH3 of libxxhash over bytes, to detect damage and changes in
 * files. Its values are the same in all versions of the library and on all
 * machines, so it has no random seed. Every file format of the project uses
 * it. Hash tables use common/containers/hash.h, input from outside that must
 * not collide uses keyed_hash.h, and the bucket of a chat (bucket.h) is a
 * published formula that other publishers compute, too.
 *
 * Measured: 0.21 us for 4096 bytes, 10 ns for 64 bytes.
 */
#ifndef COMMON_DIGEST_CHECKSUM_H
#define COMMON_DIGEST_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of data, chained to `sum`, that of the bytes before (0: none).
 * The same bytes in other pieces give another checksum. */
uint64_t checksum(uint64_t sum, const void *data, size_t len);

#endif
