/*
 * bucket: which of the 64 buckets a record belongs to, so that a broker can
 * spread chats over several aggregators and never splits one. The numbers are
 * a contract between all publishers, messaging-analytics(7) documents it:
 *
 *   h = FNV-1a, 64 bits, of: tenant, a byte 0, a key
 *   h = h xor (h >> 32), bucket = h mod 64
 *
 * The key is the record's chat. What has none is spread by what its figures
 * are kept for: an event by its user, a view by its message, a row by the
 * tenant alone. Operators, markers, and what is of an unknown type, concern
 * all: BUCKET_ALL.
 */
#ifndef COMMON_BUCKET_H
#define COMMON_BUCKET_H

#include "common/flat.h"

#include <stddef.h>

#define BUCKETS 64
#define BUCKET_ALL BUCKETS

unsigned bucket_of(
    const char *tenant, size_t tenant_len, const char *key, size_t key_len);

/* Of one line, with 64 readable bytes behind it. What is no record gets some
 * bucket: whoever reads it complains, and once. f is scratch. */
unsigned bucket_of_line(struct flat *f, const char *line, size_t len);

#endif
