/*
 * pack: encodes numbers and texts as bytes and decodes them; the codec of saved
 * state. Integers are little-endian in 8 bytes, or varints: 7 bits a byte, the
 * lowest first, the top bit set while more follow.
 *
 * Reading never passes the end. Once a value is missing or malformed, all that
 * follows is 0 or absent, and pack_end() returns -1. So callers read everything
 * and check once.
 *
 * Two other encodings exist. The keys of tables (key.h) must compare as bytes
 * in the order of their values, so their numbers are big-endian. The keyed
 * state of streaming metrics (keyed_state.h) are structs of numbers, used in
 * place.
 */
#ifndef COMMON_CONTAINERS_PACK_H
#define COMMON_CONTAINERS_PACK_H

#include "common/base/buf.h"
#include "common/base/text.h"

/* A varint. */
void pack_put_number(struct buf *b, uint64_t n);

/* A zigzag varint: small numbers of either sign are short. CLOCK_NONE is a
 * number like any other. */
void pack_put_signed(struct buf *b, int64_t n);

/* In 8 bytes. */
void pack_put_fixed(struct buf *b, uint64_t n);

/* Absent text is 0, any other its length + 1. */
void pack_put_text(struct buf *b, struct text t);

/* The same with its NUL, so that it can be used where it lies. */
void pack_put_string(struct buf *b, const char *s);

/* A reader; bad once a value was missing or malformed. */
struct pack {
	const unsigned char *p, *end;
	bool bad;
};

/* Reads the layout number first; bad when it is another one. */
struct pack pack_open(const void *p, size_t len, unsigned layout);

/* Without a layout number, where the caller stores one itself. */
static inline struct pack
pack_open_bare(const void *p, size_t len)
{
	const unsigned char *from = p;

	return (struct pack){ from, from + len, false };
}

/* Private: a varint of more than one byte. */
uint64_t pack_long_number(struct pack *r);

static inline uint64_t
pack_number(struct pack *r)
{
	if (r->p < r->end && *r->p < 128)
		return *r->p++;
	return pack_long_number(r);
}

int64_t pack_signed(struct pack *r);
uint64_t pack_fixed(struct pack *r);
struct text pack_text(struct pack *r); /* borrowed */

/* Borrowed; "" if there is none. */
const char *pack_string(struct pack *r, size_t *len);

/* The count of items that follow, each of at least `least` bytes. A count that
 * does not fit into the rest is bad, so it is safe to allocate that many. */
uint64_t pack_count(struct pack *r, size_t least);

/* True while something is left to read. */
static inline bool
pack_more(const struct pack *r)
{
	return r->p < r->end;
}

/* 0 when everything was read and nothing was bad; else -1. */
int pack_end(const struct pack *r) __attribute__((warn_unused_result));

#endif
