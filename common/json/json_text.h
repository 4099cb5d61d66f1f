/*
 * json_text: reads JSON (RFC 8259) in place.
 *
 * struct json_text checks a text piece by piece, finds where each piece ends,
 * and describes errors. It builds no values, so numbers may have any size, and
 * names may be repeated.
 *
 * struct flat has the fields of a line, which is one JSON object. Every value
 * is a pointer into the line; only strings with escapes are copied. A line may
 * have any number of fields: the memory for them grows as needed.
 *
 * Most of the time goes into finding the ends of strings, which is done sixteen
 * bytes at a time. Jansson builds a tree, rejects integers above 64 bits, and
 * keeps only one member with each name.
 */
#ifndef COMMON_JSON_JSON_TEXT_H
#define COMMON_JSON_JSON_TEXT_H

#include "common/base/buf.h"
#include "common/containers/arena.h"

#include <stdbool.h>
#include <stddef.h>

/* Deeper nesting is an error. */
#define JSON_TEXT_DEPTH 2048

/* The text, which the caller must have checked to be UTF-8. */
struct json_text {
	const char *p, *end; /* the rest */
	const char *what;    /* after false: what is wrong, at p */
};

/* Returns the next byte; NUL at the end. */
static inline char
json_text_peek(const struct json_text *t)
{
	return *(t->p < t->end ? t->p : "");
}

void json_text_blanks(struct json_text *t);

/* Each function reads the expected text and moves p past it; false: an
 * error. */
bool json_text_string(struct json_text *t);
bool json_text_value(struct json_text *t);

/* The message for a value that is nested too deeply. */
extern const char json_text_too_deep[];

/* Sets t->what and returns false. */
bool json_text_wrong(struct json_text *t, const char *what);

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

/* Accepts any JSON object, and checks every byte to be UTF-8. Returns 0, or -1
 * and the reason in *why. Fields are borrowed from line and *f until the next
 * parse. If a key is repeated, the last one counts. An escaped NUL, and half of
 * a surrogate pair, become U+FFFD. */
int flat_parse(struct flat *f, const char *line, size_t len, struct buf *why)
    __attribute__((warn_unused_result));

/* Returns the field with that name, or NULL. */
const struct flat_field *flat_find(const struct flat *f, const char *key);

/* Returns a copy of a string with its escapes replaced, which must be valid;
 * borrowed like a field. *len: its length, before and after. */
const char *flat_unescape(struct flat *f, const char *p, size_t *len);

/* Returns the value as written, a string with its quotes; *len: its length. */
const char *flat_raw(const struct flat_field *v, size_t *len);

/* True if an escape of the string had to become U+FFFD, which would make
 * different strings equal; false if the value is not a string. */
bool flat_is_lossy(const struct flat_field *v);

void flat_release(struct flat *f);

#endif
