/*
 * json_text: see json_text.h.
 */
#include "common/text/json_text.h"

#include <string.h>

#include "common/base/text.h"
#include "common/digest/encoding.h"

const char json_text_too_deep[] = "nested too deeply";

bool
json_text_wrong(struct json_text *t, const char *what)
{
	t->what = what;
	return false;
}

void
json_text_blanks(struct json_text *t)
{
	while (t->p < t->end && (*t->p == ' ' || *t->p == '\t' ||
				    *t->p == '\r' || *t->p == '\n'))
		t->p++;
}

/* Reads an escape, starting after its backslash. */
static bool
take_escape(struct json_text *t)
{
	int i;

	if (json_text_peek(t) == '\0' || strchr("\"\\/bfnrtu", *t->p) == NULL)
		return json_text_wrong(t, "unknown escape");
	if (*t->p++ != 'u')
		return true;
	for (i = 0; i < 4; i++, t->p++)
		if (hex_digit(json_text_peek(t)) < 0)
			return json_text_wrong(
			    t, "four hexadecimal digits expected");
	return true;
}

bool
json_text_string(struct json_text *t)
{
	if (json_text_peek(t) != '"')
		return json_text_wrong(t, "'\"' expected");
	for (t->p++; t->p < t->end && *t->p != '"';) {
		if ((unsigned char)*t->p < ' ')
			return json_text_wrong(
			    t, "a control character in a string");
		if (*t->p++ == '\\' && !take_escape(t))
			return false;
	}
	if (t->p == t->end)
		return json_text_wrong(t, "an unterminated string");
	t->p++;
	return true;
}

bool
json_text_colon(struct json_text *t)
{
	json_text_blanks(t);
	if (json_text_peek(t) != ':')
		return json_text_wrong(t, "':' expected");
	t->p++;
	json_text_blanks(t);
	return true;
}

static bool
take_digits(struct json_text *t)
{
	const char *from = t->p;

	while (json_text_peek(t) >= '0' && *t->p <= '9')
		t->p++;
	return t->p > from || json_text_wrong(t, "a digit expected");
}

static bool
json_number(struct json_text *t)
{
	const char *from;

	t->p += *t->p == '-';
	from = t->p;
	if (!take_digits(t))
		return false;
	if (*from == '0' && t->p > from + 1) {
		t->p = from + 1;
		return json_text_wrong(t, "a number begins with 0");
	}
	if (json_text_peek(t) == '.') {
		t->p++;
		if (!take_digits(t))
			return false;
	}
	if (json_text_peek(t) != 'e' && json_text_peek(t) != 'E')
		return true;
	t->p++;
	t->p += json_text_peek(t) == '-' || json_text_peek(t) == '+';
	return take_digits(t);
}

/* Reads a value that is neither an object nor a list. */
static bool
json_scalar(struct json_text *t)
{
	static const char *const words[] = { "true", "false", "null" };
	char c = json_text_peek(t);
	size_t i, len;

	if (c == '"')
		return json_text_string(t);
	if (c == '-' || text_is_digit(c))
		return json_number(t);
	for (i = 0; i < 3; i++) {
		len = strlen(words[i]);
		if ((size_t)(t->end - t->p) >= len &&
		    memcmp(t->p, words[i], len) == 0) {
			t->p += len;
			return true;
		}
	}
	return json_text_wrong(t, "a value expected");
}

/* The open objects and lists; a bit for each is set if it is an object. */
struct json_nest {
	size_t depth;
	unsigned char objects[JSON_TEXT_DEPTH / 8];
};

static bool
in_object(const struct json_nest *n)
{
	return (n->objects[(n->depth - 1) / 8] >> (n->depth - 1) % 8 & 1) != 0;
}

static bool
enter_nested(struct json_text *t, struct json_nest *n)
{
	unsigned bit = 1u << n->depth % 8;
	unsigned char *at = &n->objects[n->depth / 8];

	if (n->depth == JSON_TEXT_DEPTH)
		return json_text_wrong(t, json_text_too_deep);
	*at = (unsigned char)(*t->p == '{' ? *at | bit : *at & ~bit);
	n->depth++;
	t->p++;
	json_text_blanks(t);
	return true;
}

/* Reads a member's name and its colon if this is an object. */
static bool
take_member_name(struct json_text *t, const struct json_nest *n)
{
	return !in_object(n) || (json_text_string(t) && json_text_colon(t));
}

/* After a value: reads the brackets that close there, and the comma and name
 * before the next value, unless depth is then 0. */
static bool
leave_nested(struct json_text *t, struct json_nest *n)
{
	while (n->depth > 0) {
		json_text_blanks(t);
		if (json_text_peek(t) == ',') {
			t->p++;
			json_text_blanks(t);
			return take_member_name(t, n);
		}
		if (json_text_peek(t) != (in_object(n) ? '}' : ']'))
			return json_text_wrong(t, in_object(n)
						      ? "',' or '}' expected"
						      : "',' or ']' expected");
		t->p++;
		n->depth--;
	}
	return true;
}

bool
json_text_value(struct json_text *t)
{
	struct json_nest n = { .depth = 0 };

	do {
		if (json_text_peek(t) == '{' || json_text_peek(t) == '[') {
			if (!enter_nested(t, &n))
				return false;
			if (json_text_peek(t) != (in_object(&n) ? '}' : ']')) {
				if (!take_member_name(t, &n))
					return false;
				continue;
			}
		} else if (!json_scalar(t)) {
			return false;
		}
		if (!leave_nested(t, &n))
			return false;
	} while (n.depth > 0);
	return true;
}
