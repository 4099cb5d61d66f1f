/*
 * json_text: reads JSON (RFC 8259) piece by piece, and says what is wrong with
 * it. Nothing is made of it but the knowledge where each piece ends: numbers
 * may have any size, and names may stand twice. For what comes seldom; what
 * comes by the million goes along an index (scan_value.h).
 */
#ifndef COMMON_TEXT_JSON_TEXT_H
#define COMMON_TEXT_JSON_TEXT_H

#include <stdbool.h>

/* Nested deeper than that is refused. */
#define JSON_TEXT_DEPTH 2048

/* UTF-8, as the caller has found out. */
struct json_text {
	const char *p, *end; /* what was not read yet */
	const char *what;    /* after a false: what is wrong, at p */
};

/* What is next, NUL at the end. */
static inline char
json_text_peek(const struct json_text *t)
{
	return *(t->p < t->end ? t->p : "");
}

void json_text_blanks(struct json_text *t);

/* Each takes what must come next, and stays behind it. */
bool json_text_string(struct json_text *t);
bool json_text_value(struct json_text *t);
/* What is behind a member's name: a colon, and blanks around it. */
bool json_text_colon(struct json_text *t);

/* False, and that is what is wrong. */
bool json_text_wrong(struct json_text *t, const char *what);

#endif
