/*
 * keyed_hash: see keyed_hash.h.
 */
#define _DEFAULT_SOURCE /* le64toh */

#include "common/digest/keyed_hash.h"

#include <endian.h>
#include <openssl/evp.h>
#include <string.h>

#include "common/base/prog.h"

static uint64_t
load_64(const unsigned char *p)
{
	uint64_t n;

	memcpy(&n, p, sizeof n);
	return le64toh(n);
}

struct keyed_hash
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
	return (struct keyed_hash){ load_64(mac), load_64(mac + 8) };
}
