/*
 * json_body: see json_body.h. Two passes: the first checks the syntax and the
 * depth, without recursion, and finds Python's words for an error; the second,
 * jansson, makes the values.
 */
#include "common/http/json_body.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/base/parse.h"
#include "common/digest/hex.h"
#include "common/text/jsonw.h"

/* The text ends with a NUL. */
struct body_reader {
	const char *p;
	const char *what; /* NULL: nothing wrong so far */
	const char *at;
	bool too_deep;
};

static bool
body_wrong(struct body_reader *r, const char *what, const char *at)
{
	r->what = what;
	r->at = at;
	return false;
}

static void
body_blanks(struct body_reader *r)
{
	r->p += strspn(r->p, " \t\n\r");
}

static bool
body_escape(struct body_reader *r, const char *begin)
{
	int i;

	r->p++;
	if (*r->p == '\0')
		return body_wrong(r, "Unterminated string starting at", begin);
	if (*r->p != 'u') {
		if (strchr("\"\\/bfnrt", *r->p) == NULL)
			return body_wrong(r, "Invalid \\escape", r->p - 1);
		r->p++;
		return true;
	}
	/* Python reports that for an escape at the end of the text, too. */
	for (i = 1; i <= 5; i++) {
		if (i < 5 ? hex_digit(r->p[i]) < 0 : r->p[i] == '\0')
			return body_wrong(r,
			    "Invalid \\uXXX"
			    "X escape",
			    r->p);
	}
	r->p += 5;
	return true;
}

static bool
body_string(struct body_reader *r)
{
	const char *begin = r->p++;

	for (;;) {
		while ((unsigned char)*r->p >= ' ' && *r->p != '"' &&
		       *r->p != '\\')
			r->p++;
		if (*r->p == '"')
			break;
		if (*r->p == '\0')
			return body_wrong(
			    r, "Unterminated string starting at", begin);
		if (*r->p != '\\')
			return body_wrong(
			    r, "Invalid control character at", r->p);
		if (!body_escape(r, begin))
			return false;
	}
	r->p++;
	return true;
}

static const char *
body_digits(const char *p)
{
	return p + strspn(p, "0123456789");
}

/* As much as is a number; the caller checks what follows. */
static bool
body_number(struct body_reader *r)
{
	const char *p = r->p + (*r->p == '-'), *q = body_digits(p);

	if (q == p)
		return body_wrong(r, "Expecting value", r->p);
	r->p = *p == '0' ? p + 1 : q;
	if (*r->p == '.' && body_digits(r->p + 1) > r->p + 1)
		r->p = body_digits(r->p + 1);
	if (*r->p == 'e' || *r->p == 'E') {
		p = r->p + 1;
		p += *p == '+' || *p == '-';
		if (body_digits(p) > p)
			r->p = body_digits(p);
	}
	return true;
}

static bool
body_scalar(struct body_reader *r)
{
	static const char *const words[] = { "true", "false", "null" };
	size_t i;

	if (*r->p == '"')
		return body_string(r);
	for (i = 0; i < 3; i++) {
		if (strncmp(r->p, words[i], strlen(words[i])) == 0) {
			r->p += strlen(words[i]);
			return true;
		}
	}
	return body_number(r);
}

/* A member's name and its colon. */
static bool
body_name(struct body_reader *r)
{
	if (*r->p != '"')
		return body_wrong(r,
		    "Expecting property name enclosed in double quotes", r->p);
	if (!body_string(r))
		return false;
	body_blanks(r);
	if (*r->p != ':')
		return body_wrong(r, "Expecting ':' delimiter", r->p);
	r->p++;
	body_blanks(r);
	return true;
}

/* The open objects and arrays: bit 0 of objects is 1 if the innermost is an
 * object, bit 1 is for the one around it, and so on. */
struct body_nesting {
	uint64_t objects;
	int depth;
};

/* Behind a value: the ends of objects and arrays, then a comma. False also at
 * the end of all. */
static bool
body_next(struct body_reader *r, struct body_nesting *n)
{
	for (;;) {
		body_blanks(r);
		if (n->depth == 0)
			return false;
		if (*r->p != ((n->objects & 1) != 0 ? '}' : ']'))
			break;
		r->p++;
		n->objects >>= 1;
		n->depth--;
	}
	if (*r->p != ',')
		return body_wrong(r, "Expecting ',' delimiter", r->p);
	r->p++;
	body_blanks(r);
	return true;
}

/* An object or array begins. False: it is empty, or too deep. */
static bool
body_enter(struct body_reader *r, struct body_nesting *n)
{
	bool object = *r->p++ == '{';

	if (++n->depth > JSON_BODY_DEPTH) {
		r->too_deep = true;
		return body_wrong(r, "", r->p);
	}
	n->objects = n->objects << 1 | object;
	body_blanks(r);
	return *r->p != (object ? '}' : ']');
}

static bool
body_is_whole(struct body_reader *r)
{
	struct body_nesting n = { 0, 0 };

	body_blanks(r);
	for (;;) {
		if ((n.objects & 1) != 0 && !body_name(r))
			return false;
		if (*r->p == '{' || *r->p == '[') {
			if (body_enter(r, &n))
				continue;
		} else if (!body_scalar(r)) {
			return false;
		}
		if (r->what == NULL && body_next(r, &n))
			continue;
		if (r->what != NULL)
			return false;
		return *r->p == '\0' || body_wrong(r, "Extra data", r->p);
	}
}

/* Errors that the first pass does not find, in our words. */
static const char *
error_words(enum json_error_code code)
{
	if (code == json_error_duplicate_key)
		return "Duplicate property name";
	if (code == json_error_numeric_overflow)
		return "Number out of range";
	if (code == json_error_null_character ||
	    code == json_error_null_byte_in_key)
		return "Invalid character U+0000";
	return "Invalid surrogate";
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
json_body_read(const char *text, size_t len, struct json_body_error *f)
{
	size_t mark = parse_utf8_mark(text, len);
	struct body_reader r = { .p = text + mark };
	json_error_t e;
	json_t *v;

	*f = (struct json_body_error){ NULL, 0 };
	if (!parse_is_utf8(text, len))
		return NULL;
	text += mark;
	len -= mark;
	if (!body_is_whole(&r) || r.p != text + len) {
		/* A NUL within the text ends the first pass. */
		if (r.what == NULL)
			(void)body_wrong(&r, "Extra data", r.p);
		f->what = r.too_deep ? NULL : r.what;
		f->at = characters_between(text, r.at);
		return NULL;
	}
	v = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e);
	if (v == NULL) {
		f->what = error_words(json_error_code(&e));
		f->at = characters_between(text, text + e.position);
	}
	return v;
}

static void
write_object(struct buf *b, json_t *v)
{
	const char *key;
	json_t *member;

	jsonw_open(b);
	json_object_foreach(v, key, member)
	{
		jsonw_name(b, key, strlen(key));
		json_body_write(b, member);
	}
	jsonw_close(b);
}

static void
write_list(struct buf *b, json_t *v)
{
	size_t i;

	jsonw_list(b);
	for (i = 0; i < json_array_size(v); i++) {
		jsonw_next(b);
		json_body_write(b, json_array_get(v, i));
	}
	jsonw_list_end(b);
}

void
json_body_write(struct buf *b, json_t *v)
{
	switch (v == NULL ? JSON_NULL : json_typeof(v)) {
	case JSON_OBJECT:
		write_object(b, v);
		break;
	case JSON_ARRAY:
		write_list(b, v);
		break;
	case JSON_STRING:
		jsonw_quote(b, json_string_value(v), json_string_length(v));
		break;
	case JSON_INTEGER:
		buf_addi(b, json_integer_value(v));
		break;
	case JSON_REAL:
		jsonw_real(b, json_real_value(v));
		break;
	case JSON_TRUE:
		buf_adds(b, "true");
		break;
	case JSON_FALSE:
		buf_adds(b, "false");
		break;
	case JSON_NULL:
		buf_adds(b, "null");
		break;
	}
}
