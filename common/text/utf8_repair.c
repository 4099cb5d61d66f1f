/*
 * utf8_repair: see utf8_repair.h. One pass over the bytes that distinguishes
 * only strings, escapes and numbers.
 */
#include "common/text/utf8_repair.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/parse.h"
#include "common/base/text.h"
#include "common/digest/hex.h"
#include "common/text/json_text.h"

#define REPLACEMENT "\xEF\xBF\xBD"

/* A whole number with more digits may not fit into 64 bits. */
#define DIGITS_KEPT 18

struct utf8_repair {
	const char *p, *end;
	struct buf *out;
	struct buf number; /* a copy with a NUL behind it */
	bool replaced;     /* text that is not UTF-8 */
};

/* The value of "\uXXXX" at p, or -1. */
static int
escape_value(const char *p, const char *end)
{
	if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
		return -1;
	return hex_four(p + 2);
}

static void
replace_bytes(struct utf8_repair *s)
{
	buf_adds(s->out, REPLACEMENT);
	s->replaced = true;
}

/* NUL is UTF-8, but no record may contain it. */
static void
repair_escape(struct utf8_repair *s)
{
	int v = escape_value(s->p, s->end), low;
	size_t n = s->end - s->p < 2 ? 1 : 2;

	if (v >= 0)
		n = 6;
	if (v >= 0xD800 && v <= 0xDBFF) {
		low = escape_value(s->p + 6, s->end);
		if (low >= 0xDC00 && low <= 0xDFFF)
			n = 12;
	}
	if (v >= 0xD800 && v <= 0xDFFF && n == 6)
		replace_bytes(s);
	else if (v == 0)
		buf_adds(s->out, REPLACEMENT);
	else
		buf_add(s->out, s->p, n);
	s->p += n;
}

/* Copies one character of a string that is not an escape. */
static void
repair_character(struct utf8_repair *s)
{
	unsigned char c = (unsigned char)*s->p;
	size_t n = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;

	if (n > (size_t)(s->end - s->p) || !parse_is_utf8(s->p, n)) {
		replace_bytes(s);
		s->p++;
		return;
	}
	buf_add(s->out, s->p, n);
	s->p += n;
}

static void
repair_string(struct utf8_repair *s)
{
	buf_addc(s->out, *s->p++);
	while (s->p < s->end && *s->p != '"') {
		if (*s->p == '\\')
			repair_escape(s);
		else
			repair_character(s);
	}
	if (s->p < s->end)
		buf_addc(s->out, *s->p++);
}

/* Is it a number, and one that jansson does not read? */
static bool
is_too_large(const char *number, size_t len)
{
	struct json_text t = { .p = number, .end = number + len };
	const char *digits = number + (*number == '-');

	if (!json_text_value(&t) || t.p != t.end)
		return false;
	if (strpbrk(digits, ".eE") == NULL)
		return t.end - digits > DIGITS_KEPT;
	return !isfinite(strtod(number, NULL));
}

static void
repair_number(struct utf8_repair *s)
{
	const char *p = s->p;
	bool quote;

	while (p < s->end && (text_is_digit(*p) || strchr("+-.eE", *p) != NULL))
		p++;
	buf_clear(&s->number);
	buf_add(&s->number, s->p, (size_t)(p - s->p));
	quote = is_too_large(buf_str(&s->number), s->number.len);
	if (quote)
		buf_addc(s->out, '"');
	buf_add(s->out, s->number.data, s->number.len);
	if (quote)
		buf_addc(s->out, '"');
	s->p = p;
}

/* Appends text to out. True: there was text that is not UTF-8. */
static bool
repair_json(struct buf *out, const char *text, size_t len)
{
	struct utf8_repair s = { .p = text, .end = text + len, .out = out };

	while (s.p < s.end) {
		if (*s.p == '"')
			repair_string(&s);
		else if (text_is_digit(*s.p) || *s.p == '-')
			repair_number(&s);
		else
			buf_addc(out, *s.p++);
	}
	buf_release(&s.number);
	return s.replaced;
}

/* Errors that repair_json() may repair. */
static bool
is_repairable(const json_error_t *e)
{
	enum json_error_code code = json_error_code(e);

	return code == json_error_invalid_utf8 ||
	       code == json_error_invalid_syntax ||
	       code == json_error_null_byte_in_key ||
	       code == json_error_numeric_overflow;
}

json_t *
utf8_repair_read(const char *text, size_t len, bool *repaired, json_error_t *e)
{
	const size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL;
	size_t mark = parse_utf8_mark(text, len);
	struct buf good = BUF_INIT;
	json_error_t again;
	json_t *j;

	text += mark;
	len -= mark;
	j = json_loadb(text, len, flags, e);
	if (j == NULL && is_repairable(e)) {
		bool replaced = repair_json(&good, text, len);

		j = json_loadb(buf_str(&good), good.len, flags, &again);
		if (j != NULL && replaced)
			*repaired = true;
	}
	buf_release(&good);
	return j;
}
