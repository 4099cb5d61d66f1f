/*
 * bucket: which of the 64 buckets a record belongs to, so that a broker can
 * spread chats over several aggregators and never splits one. The numbers are
 * a contract between all publishers, messaging-stream(7) documents it:
 *
 *   h = FNV-1a, 64 bits, of: tenant, a byte 0, a key
 *   h = h xor (h >> 32), bucket = h mod 64
 *
 * The key is the record's chat. What has none is spread by what its metrics
 * are kept for: an event by its user, a view by its message, a row by the
 * tenant alone. Operators, limits, markers, and what is of an unknown type,
 * concern all: BUCKET_ALL.
 *
 * A snapshot that is spread has markers of its own for each bucket, also for
 * those in which nothing is, and for what concerns all: their field `bucket`
 * tells which, and they go where their lines go. So each part of it can be
 * whole by itself.
 */
#ifndef COMMON_RECORDS_BUCKET_H
#define COMMON_RECORDS_BUCKET_H

#include "common/records/record.h"
#include "common/text/flat.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUCKETS 64
#define BUCKET_ALL BUCKETS
#define BUCKET_PARTS (BUCKETS + 1)

unsigned bucket_of(
    const char *tenant, size_t tenant_len, const char *key, size_t key_len);

/* Of one line, with 64 readable bytes behind it. What is no record gets some
 * bucket: whoever reads it complains, and once. f is scratch. */
unsigned bucket_of_line(struct flat *f, const char *line, size_t len);

/* The same of a line that was taken apart already: flat_parse() was glad of
 * it, or record_parse() or a scan. */
unsigned bucket_of_flat(const struct flat *f);
unsigned bucket_of_record(const struct record *r);

/* Some of the parts of a snapshot. */
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
