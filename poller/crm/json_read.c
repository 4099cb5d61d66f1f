/*
 * json_read: see json_read.h. The repair is one pass over the bytes that only
 * distinguishes strings, escapes and numbers.
 */
#include "poller/crm/json_read.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/parse.h"
#include "common/base/text.h"
#include "common/digest/encoding.h"
#include "common/json/json_text.h"

#define REPLACEMENT "\xEF\xBF\xBD"

struct utf8_repair {
	const char *p, *end;
	struct buf *out;
	struct buf number; /* a copy with NUL */
	bool as_texts;     /* numbers that are too large become strings */
};

/* Returns the value of "\uXXXX" at p, or -1. */
static int
escape_value(const char *p, const char *end)
{
	if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
		return -1;
	return hex_four(p + 2);
}

/* NUL is valid UTF-8, but no record may contain it. */
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
	if (v == 0 || (v >= 0xD800 && v <= 0xDFFF && n == 6))
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
		buf_adds(s->out, REPLACEMENT);
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

/* Replaces a number that Jansson cannot read with a string or with the nearest
 * double. */
static void
replace_number(struct utf8_repair *s, const char *number, size_t len)
{
	if (s->as_texts) {
		buf_addf(s->out, "\"%s\"", number);
	} else if (isfinite(strtod(number, NULL))) {
		buf_add(s->out, number, len);
		buf_adds(s->out, ".0");
	} else {
		buf_addf(s->out, "%s%.17g", *number == '-' ? "-" : "", DBL_MAX);
	}
}

/* True for a number that Jansson cannot read. */
static bool
is_too_large(const char *number, size_t len)
{
	struct json_text t = { .p = number, .end = number + len };

	if (!json_text_value(&t) || t.p != t.end)
		return false;
	if (strpbrk(number, ".eE") == NULL) {
		errno = 0;
		(void)strtoll(number, NULL, 10);
		return errno == ERANGE;
	}
	return !isfinite(strtod(number, NULL));
}

static void
repair_number(struct utf8_repair *s)
{
	const char *p = s->p;

	while (p < s->end && (text_is_digit(*p) || strchr("+-.eE", *p) != NULL))
		p++;
	buf_clear(&s->number);
	buf_add(&s->number, s->p, (size_t)(p - s->p));
	if (is_too_large(buf_str(&s->number), s->number.len))
		replace_number(s, buf_str(&s->number), s->number.len);
	else
		buf_add(s->out, s->number.data, s->number.len);
	s->p = p;
}

/* Reads everything; the repaired text goes to s->out. */
static void
repair_json(struct utf8_repair *s)
{
	while (s->p < s->end) {
		if (*s->p == '"')
			repair_string(s);
		else if (text_is_digit(*s->p) || *s->p == '-')
			repair_number(s);
		else
			buf_addc(s->out, *s->p++);
	}
	buf_release(&s->number);
}

/* True for errors that repair_json() may repair. */
static bool
is_repairable(const json_error_t *e)
{
	enum json_error_code code = json_error_code(e);

	return code == json_error_invalid_utf8 ||
	       code == json_error_invalid_syntax ||
	       code == json_error_null_character ||
	       code == json_error_null_byte_in_key ||
	       code == json_error_numeric_overflow;
}

/* Reads the text as it is or, if that fails, repaired. */
static json_t *
read_or_repair(
    const char *text, size_t len, size_t flags, bool as_texts, json_error_t *e)
{
	json_t *j = json_loadb(text, len, flags, e);
	struct buf good = BUF_INIT;
	struct utf8_repair s = {
		.p = text, .end = text + len, .out = &good, .as_texts = as_texts
	};
	json_error_t again = { .line = 0 };

	if (j != NULL || !is_repairable(e))
		return j;
	repair_json(&s);
	j = json_loadb(buf_str(&good), good.len, flags, &again);
	if (json_error_code(&again) == json_error_duplicate_key)
		*e = again;
	buf_release(&good);
	return j;
}

json_t *
json_read_repaired(const char *text, size_t len, struct buf *why)
{
	size_t mark = parse_utf8_mark(text, len);
	json_error_t e;
	json_t *j =
	    read_or_repair(text + mark, len - mark, JSON_DECODE_ANY, true, &e);

	if (j == NULL)
		buf_setf(why, "%s at byte %d", e.text, e.position);
	return j;
}

static size_t
characters_between(const char *from, const char *to)
{
	size_t n = 0;

	for (; from < to; from++)
		n += ((unsigned char)*from & 0xC0) != 0x80;
	return n;
}

json_t *
json_read_strictly(const char *text, size_t len, struct json_read_error *wrong)
{
	size_t mark = parse_utf8_mark(text, len);
	struct json_text t = { text + mark, text + len, NULL };
	json_error_t e;
	json_t *j;

	*wrong = (struct json_read_error){ NULL, 0 };
	if (!parse_is_utf8(text, len))
		return NULL;
	json_text_blanks(&t);
	if (json_text_value(&t)) {
		json_text_blanks(&t);
		if (t.p < t.end)
			(void)json_text_wrong(&t, "more than one value");
	}
	wrong->at = characters_between(text + mark, t.p);
	if (t.what != NULL) {
		wrong->what = t.what != json_text_too_deep ? t.what : NULL;
		return NULL;
	}
	j = read_or_repair(text + mark, len - mark,
	    JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, false, &e);
	if (j == NULL && json_error_code(&e) == json_error_duplicate_key)
		*wrong = (struct json_read_error){ "a name occurs twice", 0 };
	return j;
}
