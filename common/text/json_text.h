/*
 * json_text: checks JSON (RFC 8259) piece by piece, finds where each piece
 * ends, and says what is wrong. It builds no values: numbers may have any size,
 * and names may stand twice. For rare text; frequent text is read along an
 * index (scan_value.h). Jansson, which is linked, builds a tree, refuses
 * integers above 64 bits, and keeps one of two members of a name.
 */
#ifndef COMMON_TEXT_JSON_TEXT_H
#define COMMON_TEXT_JSON_TEXT_H

#include "common/base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* Nested deeper than that is refused. */
#define JSON_TEXT_DEPTH 2048

/* The text, which the caller has checked to be UTF-8. */
struct json_text {
	const char *p, *end; /* the rest */
	const char *what;    /* after a false: what is wrong, at p */
};

/* The next byte; NUL at the end. */
static inline char
json_text_peek(const struct json_text *t)
{
	return *(t->p < t->end ? t->p : "");
}

void json_text_blanks(struct json_text *t);

/* Each reads what must come next, and moves p behind it; false: an error. */
bool json_text_string(struct json_text *t);
bool json_text_value(struct json_text *t);
/* The colon behind a member's name, with blanks around it. */
bool json_text_colon(struct json_text *t);

/* Appends the JSON, which must be some, without the blanks between its pieces:
 * so it is on one line. */
void json_text_compact(const char *json, size_t len, struct buf *to);

/* What it says of a value that is nested too deep. */
extern const char json_text_too_deep[];

/* Sets t->what and returns false. */
bool json_text_wrong(struct json_text *t, const char *what);

#endif
