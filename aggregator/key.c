/*
 * key: see key.h. Numbers are big-endian; of times the sign bit is turned, so
 * that those before 1970 come first.
 */
#include "aggregator/key.h"

#include <string.h>

#include "common/prog.h"

#include "aggregator/hash.h"

static unsigned char *
room(struct key *k, size_t n)
{
	unsigned char *p = k->bytes + k->len;

	if (n > KEY_MAX - k->len)
		prog_die(PROG_SOFTWARE, "a key of more than %d bytes", KEY_MAX);
	k->len += n;
	return p;
}

void
key_number(struct key *k, uint64_t n)
{
	unsigned char *p = room(k, 8);
	int i;

	for (i = 7; i >= 0; i--, n >>= 8)
		p[i] = (unsigned char)n;
}

void
key_time(struct key *k, int64_t ms)
{
	key_number(k, (uint64_t)ms ^ UINT64_C(1) << 63);
}

void
key_byte(struct key *k, unsigned b)
{
	*room(k, 1) = (unsigned char)b;
}

void
key_text(struct key *k, struct text t)
{
	unsigned char *p = room(k, 1 + (t.len & 255));

	*p = (unsigned char)t.len;
	if (t.len > 0)
		memcpy(p + 1, t.p, t.len & 255);
}

uint64_t
key_read_number(struct text key, size_t *at)
{
	uint64_t n = 0;
	size_t i;

	if (*at + 8 > key.len)
		return 0;
	for (i = 0; i < 8; i++)
		n = n << 8 | (unsigned char)key.p[*at + i];
	*at += 8;
	return n;
}

int64_t
key_read_time(struct text key, size_t *at)
{
	return (int64_t)(key_read_number(key, at) ^ UINT64_C(1) << 63);
}

unsigned
key_read_byte(struct text key, size_t *at)
{
	return *at < key.len ? (unsigned char)key.p[(*at)++] : 0;
}

struct text
key_read_text(struct text key, size_t *at)
{
	struct text t = { "", key_read_byte(key, at) };

	if (t.len > key.len - *at)
		t.len = 0;
	if (t.len > 0)
		t.p = key.p + *at;
	*at += t.len;
	return t;
}

static uint64_t
load(const char *p, size_t n)
{
	uint64_t v = 0;

	while (n > 0)
		v = v << 8 | (unsigned char)p[--n];
	return v;
}

uint64_t
key_hash(uint64_t seed, const void *bytes, size_t len)
{
	/* Odd and without pattern: digits of pi and e. */
	static const uint64_t by = UINT64_C(0x9216d5d98979fb1b),
			      end = UINT64_C(0xb7e151628aed2a6b);
	const char *p = bytes;
	size_t n = len;

	seed ^= len * end;
	for (; n > 8; n -= 8, p += 8)
		seed = hash_mix(seed ^ hash_load8(p), by);
	/* The last eight again rather than byte by byte. */
	seed ^= len >= 8 ? hash_load8(p + n - 8) : load(p, n);
	return hash_mix(hash_mix(seed, by) ^ len, end);
}
