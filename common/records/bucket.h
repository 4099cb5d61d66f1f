/*
 * bucket: which of the 64 buckets a record belongs to, so that a broker can
 * distribute chats over several aggregators without splitting one. (Buckets of
 * durations are in common/containers/duration_bucket.h.) All publishers must
 * compute the same number, as messaging-stream(7) documents:
 *
 *   h = FNV-1a, 64 bits, of: tenant, a byte 0, a key
 *   h = h xor (h >> 32), bucket = h mod 64
 *
 * The key is the record's chat. A record without a chat uses the key of its
 * metrics: an event its user, or else its id; a view its message; a row only
 * the tenant. Operators, limits, markers, and records of unknown types go to
 * all aggregators: BUCKET_ALL.
 *
 * A distributed snapshot has begin and end markers for each bucket, even if it
 * is empty, and for BUCKET_ALL. Their field `bucket` has the number, and they
 * go to the same queue as their lines, so that each part is complete in itself.
 */
#ifndef COMMON_RECORDS_BUCKET_H
#define COMMON_RECORDS_BUCKET_H

#include "common/json/json_text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUCKETS 64
#define BUCKET_ALL BUCKETS
#define BUCKET_PARTS (BUCKETS + 1)

unsigned bucket_of(
    const char *tenant, size_t tenant_len, const char *key, size_t key_len);

/* Returns the bucket of a line. A line that is not a record gets one bucket, so
 * that one reader reports it. f is scratch memory. */
unsigned bucket_of_line(struct flat *f, const char *line, size_t len);

/* A set of buckets: parts of a snapshot. */
struct bucket_set {
	uint64_t chats; /* bit i: bucket i */
	bool all;       /* BUCKET_ALL */
};

static inline bool
bucket_set_has(const struct bucket_set *s, unsigned bucket)
{
	return bucket == BUCKET_ALL ? s->all : (s->chats >> bucket & 1) != 0;
}

static inline void
bucket_set_add(struct bucket_set *s, unsigned bucket)
{
	if (bucket == BUCKET_ALL)
		s->all = true;
	else
		s->chats |= UINT64_C(1) << bucket;
}

#endif
