/*
 * key: see key.h. Numbers are big-endian. Times have their sign bit inverted,
 * so that times before 1970 come first.
 */
#include "aggregator/containers/key.h"

#include <string.h>

#include "common/base/prog.h"

static unsigned char *
reserve_bytes(struct key *k, size_t n)
{
	unsigned char *p = k->bytes + k->len;

	if (n > KEY_MAX - k->len)
		prog_die(
		    PROG_SOFTWARE, "a key has more than %d bytes", KEY_MAX);
	k->len += n;
	return p;
}

void
key_append(struct key *k, struct text other)
{
	memcpy(reserve_bytes(k, other.len), other.p, other.len);
}

void
key_short(struct key *k, uint64_t n, size_t bytes)
{
	unsigned char *p = reserve_bytes(k, bytes);

	for (; bytes > 0; bytes--, n >>= 8)
		p[bytes - 1] = (unsigned char)n;
}

void
key_number(struct key *k, uint64_t n)
{
	key_short(k, n, 8);
}

void
key_time(struct key *k, int64_t ms)
{
	key_number(k, (uint64_t)ms ^ UINT64_C(1) << 63);
}

void
key_byte(struct key *k, unsigned b)
{
	*reserve_bytes(k, 1) = (unsigned char)b;
}

void
key_text(struct key *k, struct text t)
{
	unsigned char *p = reserve_bytes(k, 1 + (t.len & 255));

	*p = (unsigned char)t.len;
	if (t.len > 0)
		memcpy(p + 1, t.p, t.len & 255);
}

uint64_t
key_read_short(struct text key, size_t *at, size_t bytes)
{
	uint64_t n = 0;
	size_t i;

	if (*at + bytes > key.len)
		return 0;
	for (i = 0; i < bytes; i++)
		n = n << 8 | (unsigned char)key.p[*at + i];
	*at += bytes;
	return n;
}

uint64_t
key_read_number(struct text key, size_t *at)
{
	return key_read_short(key, at, 8);
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
