/*
 * flat: reads the fields of one line, a JSON object, in place: every value is a
 * pointer into the line; only strings with escapes are copied.
 *
 * flat_parse() accepts any JSON, and checks every byte to be UTF-8. An escaped
 * NUL, and half of a surrogate pair, become U+FFFD. For many lines together,
 * scan.h is several times faster.
 *
 * A line may have any number of fields: the memory for them grows as needed.
 */
#ifndef COMMON_TEXT_FLAT_H
#define COMMON_TEXT_FLAT_H

#include "common/base/buf.h"
#include "common/containers/arena.h"

#include <stdbool.h>
#include <stddef.h>

enum flat_kind {
	FLAT_NULL,
	FLAT_FALSE,
	FLAT_TRUE,
	FLAT_NUMBER, /* text as written */
	FLAT_STRING, /* unescaped, without quotes */
	FLAT_JSON,   /* an object or array: JSON text as written */
};

struct flat_field {
	const char *key; /* without NUL; a quote and a colon follow */
	const char *val; /* without NUL; after a string there is a quote */
	const char *raw; /* start of the value in the line; for a string, its
			  * quote */
	size_t key_len;
	size_t val_len;
	enum flat_kind kind;
};

struct flat {
	struct flat_field *field;
	size_t n, cap;

	/* Copies of strings that had escapes. A caller that sets `keep` clears
	 * the arena itself; otherwise they live until the next line is
	 * read. */
	struct arena copies;
	bool keep;
};

#define FLAT_INIT                                                              \
	{                                                                      \
		.n = 0                                                         \
	}

/* Returns the kind of a value that begins with that byte. */
enum flat_kind flat_kind_of(char first);

/* Returns 0, or -1 and the reason in *why. Fields are borrowed from line and *f
 * until the next parse. If a key is repeated, the last one counts. */
int flat_parse(struct flat *f, const char *line, size_t len, struct buf *why)
    __attribute__((warn_unused_result));

/* Returns the field with that name, or NULL. */
const struct flat_field *flat_find(const struct flat *f, const char *key);

/* Returns a copy of a string with its escapes replaced, which must be valid;
 * borrowed like a field. *len: its length, before and after. */
const char *flat_unescape(struct flat *f, const char *p, size_t *len);

/* Returns the value as written, a string with its quotes; *len: its length. */
const char *flat_raw(const struct flat_field *v, size_t *len);

void flat_release(struct flat *f);

#endif
