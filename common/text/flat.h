/*
 * flat: reads one record, that is a JSON object of scalars, in place.
 *
 * The usual line is walked once along an index of its strings (scan_index.h),
 * nothing is allocated and every value is a pointer into the line; only a
 * string with escapes is copied. Whatever is unusual (a key with an escape,
 * blanks other than single spaces, a large number, anything wrong) is read
 * once more from its beginning, step by step (json_text.h); which way was taken
 * shows in nothing but `slow`. Any JSON is taken, and every byte is checked to
 * be UTF-8. NUL as an escape, and half of a surrogate pair, mean U+FFFD.
 *
 * Limits: FLAT_MAX_FIELDS fields, more is an error that says so.
 */
#ifndef COMMON_TEXT_FLAT_H
#define COMMON_TEXT_FLAT_H

#include "common/base/buf.h"
#include "common/containers/arena.h"

#include <stdbool.h>
#include <stddef.h>

#define FLAT_MAX_FIELDS 64

struct scan_index;

enum flat_kind {
	FLAT_NULL,
	FLAT_FALSE,
	FLAT_TRUE,
	FLAT_NUMBER, /* text as written */
	FLAT_STRING, /* unescaped, without quotes */
	FLAT_JSON,   /* an object or array: JSON text as written */
};

struct flat_field {
	const char *key; /* not NUL-ended; a quote and a colon follow */
	const char *val; /* not NUL-ended; behind a string is a quote */
	const char *raw; /* in the line: where the value begins, of a string
			    its quote */
	size_t key_len;
	size_t val_len;
	enum flat_kind kind;
};

struct flat {
	struct flat_field field[FLAT_MAX_FIELDS];
	size_t n;
	bool slow; /* the slow way was taken, for tests and counts */

	/* Private. */
	struct scan_index *index;
	struct arena copies; /* what had escapes */
	bool keep;           /* copies live until flat_drop_copies() */
};

#define FLAT_INIT                                                              \
	{                                                                      \
		.n = 0                                                         \
	}

/* 0, or -1 and the reason in *why. Fields are borrowed from line and from *f
 * until the next parse. The 64 bytes behind the line must be readable. A key
 * may stand twice, and then the last one counts. */
int flat_parse(struct flat *f, const char *line, size_t len, struct buf *why)
    __attribute__((warn_unused_result));

/* The field with that name, or NULL. */
const struct flat_field *flat_find(const struct flat *f, const char *key);

/* Reads the same along an index that somebody else has made and in which line
 * begins behind *k closing quotes; *k is left behind those of the line. False:
 * it is not as usual, flat_parse() must tell. */
bool flat_walk(struct flat *f, const struct scan_index *x, const char *line,
    size_t len, size_t *k);

/* What a string means that has escapes, all valid; borrowed as a field is. */
const char *flat_unescape(struct flat *f, const char *p, size_t *len);

/* The value as it is written, of a string with its quotes; its length in
 * *len. */
const char *flat_raw(const struct flat_field *v, size_t *len);

/* From now on, what was copied out of lines lives until flat_drop_copies() and
 * not only until the next line is read. */
void flat_keep_copies(struct flat *f);
void flat_drop_copies(struct flat *f);

void flat_release(struct flat *f);

#endif
