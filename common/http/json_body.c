/*
 * json_body: see json_body.h. Two readers, one after the other: the first
 * knows what is wrong, where, and how deep it goes, without a stack of its
 * own; the second, jansson, makes values of it.
 */
#include "common/http/json_body.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/hex.h"
#include "common/base/parse.h"
#include "common/text/jsonw.h"

/* The text ends with NUL, which is nowhere else in it. */
struct reader {
	const char *p;
	const char *what; /* NULL: nothing wrong so far */
	const char *at;
	bool too_deep;
};

static bool
wrong(struct reader *r, const char *what, const char *at)
{
	r->what = what;
	r->at = at;
	return false;
}

static void
skip_blanks(struct reader *r)
{
	r->p += strspn(r->p, " \t\n\r");
}

static bool
escape(struct reader *r, const char *begin)
{
	int i;

	r->p++;
	if (*r->p == '\0')
		return wrong(r, "Unterminated string starting at", begin);
	if (*r->p != 'u') {
		if (strchr("\"\\/bfnrt", *r->p) == NULL)
			return wrong(r, "Invalid \\escape", r->p - 1);
		r->p++;
		return true;
	}
	/* Python says so, too, of an escape with which the text ends. */
	for (i = 1; i <= 5; i++) {
		if (i < 5 ? hex_digit(r->p[i]) < 0 : r->p[i] == '\0')
			return wrong(r,
			    "Invalid \\uXXX"
			    "X escape",
			    r->p);
	}
	r->p += 5;
	return true;
}

static bool
string(struct reader *r)
{
	const char *begin = r->p++;

	for (;;) {
		while ((unsigned char)*r->p >= ' ' && *r->p != '"' &&
		       *r->p != '\\')
			r->p++;
		if (*r->p == '"')
			break;
		if (*r->p == '\0')
			return wrong(
			    r, "Unterminated string starting at", begin);
		if (*r->p != '\\')
			return wrong(r, "Invalid control character at", r->p);
		if (!escape(r, begin))
			return false;
	}
	r->p++;
	return true;
}

static const char *
digits(const char *p)
{
	return p + strspn(p, "0123456789");
}

/* As much of a number as there is; what follows is for others to judge. */
static bool
number(struct reader *r)
{
	const char *p = r->p + (*r->p == '-'), *q = digits(p);

	if (q == p)
		return wrong(r, "Expecting value", r->p);
	r->p = *p == '0' ? p + 1 : q;
	if (*r->p == '.' && digits(r->p + 1) > r->p + 1)
		r->p = digits(r->p + 1);
	if (*r->p == 'e' || *r->p == 'E') {
		p = r->p + 1;
		p += *p == '+' || *p == '-';
		if (digits(p) > p)
			r->p = digits(p);
	}
	return true;
}

static bool
scalar(struct reader *r)
{
	static const char *const words[] = { "true", "false", "null" };
	size_t i;

	if (*r->p == '"')
		return string(r);
	for (i = 0; i < 3; i++) {
		if (strncmp(r->p, words[i], strlen(words[i])) == 0) {
			r->p += strlen(words[i]);
			return true;
		}
	}
	return number(r);
}

/* A member's name and its colon. */
static bool
name(struct reader *r)
{
	if (*r->p != '"')
		return wrong(r,
		    "Expecting property name enclosed in double quotes", r->p);
	if (!string(r))
		return false;
	skip_blanks(r);
	if (*r->p != ':')
		return wrong(r, "Expecting ':' delimiter", r->p);
	r->p++;
	skip_blanks(r);
	return true;
}

/* Where we are: bit 0 of objects tells what we are in, bit 1 what that is in,
 * and so on. */
struct nest {
	uint64_t objects;
	int depth;
};

/* Behind a value: the ends of what it was in, then a comma. False also when
 * all has ended. */
static bool
next(struct reader *r, struct nest *n)
{
	for (;;) {
		skip_blanks(r);
		if (n->depth == 0)
			return false;
		if (*r->p != ((n->objects & 1) != 0 ? '}' : ']'))
			break;
		r->p++;
		n->objects >>= 1;
		n->depth--;
	}
	if (*r->p != ',')
		return wrong(r, "Expecting ',' delimiter", r->p);
	r->p++;
	skip_blanks(r);
	return true;
}

/* An object or a list begins. False: it ends at once, or is wrong. */
static bool
enter(struct reader *r, struct nest *n)
{
	bool object = *r->p++ == '{';

	if (++n->depth > JSON_BODY_DEPTH) {
		r->too_deep = true;
		return wrong(r, "", r->p);
	}
	n->objects = n->objects << 1 | object;
	skip_blanks(r);
	return *r->p != (object ? '}' : ']');
}

static bool
whole(struct reader *r)
{
	struct nest n = { 0, 0 };

	skip_blanks(r);
	for (;;) {
		if ((n.objects & 1) != 0 && !name(r))
			return false;
		if (*r->p == '{' || *r->p == '[') {
			if (enter(r, &n))
				continue;
		} else if (!scalar(r)) {
			return false;
		}
		if (r->what == NULL && next(r, &n))
			continue;
		if (r->what != NULL)
			return false;
		return *r->p == '\0' || wrong(r, "Extra data", r->p);
	}
}

/* What the first reader lets pass, in our words. */
static const char *
refusal(enum json_error_code code)
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
characters(const char *from, const char *to)
{
	size_t n = 0;

	for (; from < to; from++)
		n += ((unsigned char)*from & 0xC0) != 0x80;
	return n;
}

json_t *
json_body_read(const char *text, size_t len, struct json_fault *f)
{
	size_t mark = parse_utf8_mark(text, len);
	struct reader r = { .p = text + mark };
	json_error_t e;
	json_t *v;

	*f = (struct json_fault){ NULL, 0 };
	if (!parse_is_utf8(text, len))
		return NULL;
	text += mark;
	len -= mark;
	if (!whole(&r) || r.p != text + len) {
		/* A bare NUL ends the text before its end. */
		if (r.what == NULL)
			(void)wrong(&r, "Extra data", r.p);
		f->what = r.too_deep ? NULL : r.what;
		f->at = characters(text, r.at);
		return NULL;
	}
	v = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e);
	if (v == NULL) {
		f->what = refusal(json_error_code(&e));
		f->at = characters(text, text + e.position);
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
