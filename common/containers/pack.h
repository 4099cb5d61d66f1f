/*
 * pack: numbers and texts as bytes, and back: the one codec of what is kept in
 * a state. Integers are little-endian, or of 7 bits a byte, the lowest first,
 * with the top bit as long as more follow.
 *
 * Reading never passes the end, and fails closed: once something is not there,
 * or is not what a packer writes, all that follows is 0 or absent, and
 * pack_end() says so. So read everything, and look once.
 *
 * Two things are packed otherwise. The keys of tables (key.h) compare as bytes
 * in the order of what they say, so their numbers are big-endian. And what a
 * streaming metric keeps (keyed_state.h) are structs of numbers, used where
 * they lie.
 */
#ifndef COMMON_CONTAINERS_PACK_H
#define COMMON_CONTAINERS_PACK_H

#include "common/base/buf.h"
#include "common/base/text.h"

/* Numbers of 7 bits a byte. */
void pack_put_number(struct buf *b, uint64_t n);

/* Small ones of either sign are short; CLOCK_NONE is any other number. */
void pack_put_signed(struct buf *b, int64_t n);

/* In 8 bytes. */
void pack_put_fixed(struct buf *b, uint64_t n);

/* Absent text is 0, any other its length + 1. */
void pack_put_text(struct buf *b, struct text t);

/* The same with its NUL, so that it can be used where it lies. */
void pack_put_string(struct buf *b, const char *s);

/* What is read; bad once something was not there. */
struct pack {
	const unsigned char *p, *end;
	bool bad;
};

/* What is packed begins with the number of its layout. */
struct pack pack_open(const void *p, size_t len, unsigned layout);

/* The same where whoever keeps it has such a number. */
static inline struct pack
pack_open_bare(const void *p, size_t len)
{
	const unsigned char *from = p;

	return (struct pack){ from, from + len, false };
}

/* Private: of more than one byte. */
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

/* How many things follow, each of so many bytes at least: what cannot be there
 * is bad, so it is safe to make room for them. */
uint64_t pack_count(struct pack *r, size_t least);

/* True while something is left to read. */
static inline bool
pack_more(const struct pack *r)
{
	return r->p < r->end;
}

/* 0 when all was there, and nothing else; or -1. */
int pack_end(const struct pack *r) __attribute__((warn_unused_result));

#endif
