/*
 * json_text: checks JSON (RFC 8259) piece by piece, finds where each piece
 * ends, and describes errors. It builds no values, so numbers may have any
 * size, and names may be repeated. It is for rare text; frequent text is read
 * along an index (scan_index.h). Jansson builds a tree, refuses integers above
 * 64 bits, and keeps only one member with each name.
 */
#ifndef COMMON_TEXT_JSON_TEXT_H
#define COMMON_TEXT_JSON_TEXT_H

#include "common/base/buf.h"

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
/* Reads the colon after a member's name, and surrounding whitespace. */
bool json_text_colon(struct json_text *t);

/* The message for a value that is nested too deeply. */
extern const char json_text_too_deep[];

/* Sets t->what and returns false. */
bool json_text_wrong(struct json_text *t, const char *what);

#endif
