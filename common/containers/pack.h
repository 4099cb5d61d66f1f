/*
 * pack: encodes numbers and texts as bytes and decodes them; the codec of saved
 * state. Integers are little-endian in 8 bytes, or varints: 7 bits in each
 * byte, the lowest first, with the top bit set if more follow.
 *
 * Reading never goes beyond the end. After a missing or malformed value
 * everything reads as 0 or absent, and pack_end() returns -1, so callers read
 * everything and check once.
 *
 * The layout of a struct is best written once: a function that calls code_...()
 * for each field, in order, packs the struct or, with a reader, unpacks it.
 *
 * There are two other encodings. Keys of tables (key.h) must sort by value when
 * compared as bytes, so their numbers are big-endian. The keyed state of
 * streaming metrics (keyed_state.h) consists of structs of numbers that are
 * used in place.
 */
#ifndef COMMON_CONTAINERS_PACK_H
#define COMMON_CONTAINERS_PACK_H

#include "common/base/buf.h"
#include "common/base/text.h"

/* A varint. */
void pack_put_number(struct buf *b, uint64_t n);

/* A zigzag varint, plus 1: small numbers of either sign are short, and so is
 * INT64_MIN, which is CLOCK_NONE. */
void pack_put_signed(struct buf *b, int64_t n);

/* In 8 bytes. */
void pack_put_fixed(struct buf *b, uint64_t n);

/* Absent text is 0; otherwise the length + 1 comes first. */
void pack_put_text(struct buf *b, struct text t);

/* A reader, which is bad after a missing or malformed value; or, with `to`, a
 * writer for code_...(). */
struct pack {
	const unsigned char *p, *end;
	struct buf *to;
	bool bad;
};

/* Reads the layout number first; the reader becomes bad if it differs. */
struct pack pack_open(const void *p, size_t len, unsigned layout);

/* Opens data without a layout number, for callers that store it themselves. */
static inline struct pack
pack_open_bare(const void *p, size_t len)
{
	const unsigned char *from = p;

	return (struct pack){ .p = from, .end = from + len };
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

/* Reads the count of the items that follow, each of at least `least` bytes. A
 * count that exceeds the remaining bytes is bad, so allocating that many is
 * safe. */
uint64_t pack_count(struct pack *r, size_t least);

/* True while bytes remain to be read. */
static inline bool
pack_more(const struct pack *r)
{
	return r->p < r->end;
}

/* Returns 0 if everything was read and nothing was bad; otherwise -1. */
int pack_end(const struct pack *r) __attribute__((warn_unused_result));

static inline struct pack
pack_write(struct buf *to)
{
	return (struct pack){ .to = to };
}

static inline bool
pack_reads(const struct pack *k)
{
	return k->to == NULL;
}

/* Write the value, or set it to what is read. */
void code_number(struct pack *k, uint64_t *n);
void code_signed(struct pack *k, int64_t *n);
void code_flag(struct pack *k, bool *flag);
void code_text(struct pack *k, struct text *t); /* borrowed if read */
/* A text with NUL, never absent; allocated if read. */
void code_string(struct pack *k, char **s);

/* A greater number than max is bad. */
void code_limited(struct pack *k, uint32_t *n, uint32_t max);

#endif
