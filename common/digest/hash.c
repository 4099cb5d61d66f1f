/*
 * hash: the hash functions that are not inline; see hash.h.
 */
#define _DEFAULT_SOURCE /* le64toh */

#include "common/digest/hash.h"

#include <endian.h>
#include <openssl/evp.h>
#include <string.h>

#include "common/base/prog.h"

uint64_t
checksum(uint64_t sum, const void *data, size_t len)
{
	return XXH3_64bits_withSeed(data, len, sum);
}

static uint64_t
load_64(const unsigned char *p)
{
	uint64_t n;

	memcpy(&n, p, sizeof n);
	return le64toh(n);
}

struct hash_128
keyed_hash(const uint64_t key[2], const void *data, size_t len)
{
	const uint64_t bytes[2] = { htole64(key[0]), htole64(key[1]) };
	unsigned char mac[16];
	size_t made = 0;

	if (EVP_Q_mac(NULL, "SIPHASH", NULL, NULL, NULL, bytes, sizeof bytes,
		data, len, mac, sizeof mac, &made) == NULL ||
	    made != sizeof mac)
		prog_die(PROG_TEMPFAIL,
		    "libcrypto cannot compute a hash; out of memory?");
	return (struct hash_128){ load_64(mac), load_64(mac + 8) };
}
