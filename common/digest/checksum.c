/*
 * checksum: see checksum.h. The library consists of one header and is compiled
 * in.
 */
#include "common/digest/checksum.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t
checksum(uint64_t sum, const void *data, size_t len)
{
	return XXH3_64bits_withSeed(data, len, sum);
}
