/*
 * json_body: see json_body.h. One pass, without recursion, makes the values and
 * finds Python's words for an error. jansson's own reader refuses U+0000 and
 * numbers that it cannot hold.
 */
#include "common/http/json_body.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/parse.h"
#include "common/digest/hex.h"
#include "common/text/jsonw.h"
#include "common/text/scan_value.h"

/* The text ends with a NUL. */
struct body_reader {
	const char *p;
	const char *what; /* NULL: nothing wrong so far */
	const char *at;
	bool too_deep;
	json_t *root;
	json_t *open[JSON_BODY_DEPTH]; /* objects and arrays, each in the one
					  before it */
	size_t depth;
	struct buf name; /* of the member whose value comes next */
	struct buf text; /* of the string that was read last */
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

/* Puts the value into the innermost object or array. */
static void
body_put(struct body_reader *r, json_t *v)
{
	json_t *in = r->depth > 0 ? r->open[r->depth - 1] : NULL;

	if (in == NULL)
		r->root = v;
	else if (json_is_array(in))
		(void)json_array_append_new(in, v);
	else
		(void)json_object_set_new_nocheck(in, buf_str(&r->name), v);
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

/* Keeps the string between these, its escapes replaced. */
static void
body_keep_string(const char *from, const char *to, struct buf *text)
{
	size_t len = (size_t)(to - from);
	char *room;

	buf_clear(text);
	room = buf_room(text, len);
	buf_grown(text, scan_unescape(room, from, len));
}

static bool
body_string(struct body_reader *r, struct buf *text)
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
	body_keep_string(begin + 1, r->p++, text);
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

/* As near as 64 bits or a double come. */
static json_t *
number_value(const char *from, const char *end)
{
	long long n;
	double d;

	errno = 0;
	n = strtoll(from, NULL, 10);
	if (body_digits(from + (*from == '-')) == end && errno == 0)
		return json_integer(n);
	d = strtod(from, NULL);
	return json_real(isfinite(d) ? d : copysign(DBL_MAX, d));
}

/* Reads true, false or null. */
static bool
body_word(struct body_reader *r)
{
	if (strncmp(r->p, "true", 4) == 0)
		body_put(r, json_true());
	else if (strncmp(r->p, "false", 5) == 0)
		body_put(r, json_false());
	else if (strncmp(r->p, "null", 4) == 0)
		body_put(r, json_null());
	else
		return false;
	r->p += *r->p == 'f' ? 5 : 4;
	return true;
}

static bool
body_scalar(struct body_reader *r)
{
	const char *from = r->p;

	if (*from == '"') {
		if (!body_string(r, &r->text))
			return false;
		body_put(r, json_stringn_nocheck(r->text.data, r->text.len));
		return true;
	}
	if (body_word(r))
		return true;
	if (!body_number(r))
		return false;
	body_put(r, number_value(from, r->p));
	return true;
}

/* A member's name and its colon. */
static bool
body_name(struct body_reader *r)
{
	const char *from = r->p;

	if (*from != '"')
		return body_wrong(r,
		    "Expecting property name enclosed in double quotes", from);
	if (!body_string(r, &r->name))
		return false;
	if (json_object_get(r->open[r->depth - 1], buf_str(&r->name)) != NULL)
		return body_wrong(r, "Duplicate property name", from);
	body_blanks(r);
	if (*r->p != ':')
		return body_wrong(r, "Expecting ':' delimiter", r->p);
	r->p++;
	body_blanks(r);
	return true;
}

static bool
is_in_object(const struct body_reader *r)
{
	return r->depth > 0 && json_is_object(r->open[r->depth - 1]);
}

/* Behind a value: the ends of objects and arrays, then a comma. False also at
 * the end of all. */
static bool
body_next(struct body_reader *r)
{
	for (;;) {
		body_blanks(r);
		if (r->depth == 0)
			return false;
		if (*r->p != (is_in_object(r) ? '}' : ']'))
			break;
		r->p++;
		r->depth--;
	}
	if (*r->p != ',')
		return body_wrong(r, "Expecting ',' delimiter", r->p);
	r->p++;
	body_blanks(r);
	return true;
}

/* An object or array begins. False: it is empty, or too deep. */
static bool
body_enter(struct body_reader *r)
{
	bool object = *r->p++ == '{';
	json_t *v;

	if (r->depth == JSON_BODY_DEPTH) {
		r->too_deep = true;
		return body_wrong(r, "", r->p);
	}
	v = object ? json_object() : json_array();
	body_put(r, v);
	r->open[r->depth++] = v;
	body_blanks(r);
	return *r->p != (object ? '}' : ']');
}

/* Reads the whole text. */
static bool
body_value(struct body_reader *r)
{
	body_blanks(r);
	for (;;) {
		if (is_in_object(r) && !body_name(r))
			return false;
		if (*r->p == '{' || *r->p == '[') {
			if (body_enter(r))
				continue;
		} else if (!body_scalar(r)) {
			return false;
		}
		if (r->what == NULL && body_next(r))
			continue;
		if (r->what != NULL)
			return false;
		return *r->p == '\0' || body_wrong(r, "Extra data", r->p);
	}
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

	*f = (struct json_body_error){ NULL, 0 };
	if (!parse_is_utf8(text, len))
		return NULL;
	if (!body_value(&r) || r.p != text + len) {
		/* A NUL within the text ends the reading. */
		if (r.what == NULL)
			(void)body_wrong(&r, "Extra data", r.p);
		f->what = r.too_deep ? NULL : r.what;
		f->at = characters_between(text + mark, r.at);
		json_decref(r.root);
		r.root = NULL;
	}
	buf_release(&r.name);
	buf_release(&r.text);
	return r.root;
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
