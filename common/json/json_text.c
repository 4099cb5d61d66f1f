/*
 * json_text: see json_text.h.
 */
#include "common/json/json_text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistr.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "common/base/parse.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/digest/encoding.h"

/* ---- text, checked piece by piece ---- */

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

/* Returns the first quote, backslash or control character from p on, or
 * end. */
static inline const char *
find_special(const char *p, const char *end)
{
#ifdef __SSE2__
	const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
	const __m128i control = _mm_set1_epi8(0x1F);

	for (; end - p >= 16; p += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i found = _mm_or_si128(_mm_cmpeq_epi8(v, quote),
		    _mm_or_si128(_mm_cmpeq_epi8(v, slash),
			_mm_cmpeq_epi8(_mm_min_epu8(v, control), v)));
		unsigned bits = (unsigned)_mm_movemask_epi8(found);

		if (bits != 0)
			return p + __builtin_ctz(bits);
	}
#endif
	while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= ' ')
		p++;
	return p;
}

/* json_text_string(), from its opening quote on. Sets *escaped if it has an
 * escape. */
static inline bool
take_quoted(struct json_text *t, bool *escaped)
{
	const char *p = find_special(t->p + 1, t->end);

	while (p < t->end && *p == '\\') {
		*escaped = true;
		t->p = p + 1;
		if (!take_escape(t))
			return false;
		p = find_special(t->p, t->end);
	}
	t->p = p;
	if (p == t->end)
		return json_text_wrong(t, "an unterminated string");
	if (*p != '"')
		return json_text_wrong(t, "a control character in a string");
	t->p++;
	return true;
}

bool
json_text_string(struct json_text *t)
{
	bool escaped;

	return json_text_peek(t) == '"' ? take_quoted(t, &escaped)
					: json_text_wrong(t, "'\"' expected");
}

/* Reads the colon after a member's name, and surrounding whitespace. */
static bool
take_colon(struct json_text *t)
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

static bool
take_word(struct json_text *t, const char *word, size_t len)
{
	if ((size_t)(t->end - t->p) < len || memcmp(t->p, word, len) != 0)
		return json_text_wrong(t, "a value expected");
	t->p += len;
	return true;
}

/* Reads a value that is neither an object nor a list. */
static bool
json_scalar(struct json_text *t)
{
	bool escaped;

	switch (json_text_peek(t)) {
	case '"':
		return take_quoted(t, &escaped);
	case 't':
		return take_word(t, "true", 4);
	case 'f':
		return take_word(t, "false", 5);
	case 'n':
		return take_word(t, "null", 4);
	default:
		return json_text_peek(t) == '-' ||
			       text_is_digit(json_text_peek(t))
			   ? json_number(t)
			   : json_text_wrong(t, "a value expected");
	}
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
	return !in_object(n) || (json_text_string(t) && take_colon(t));
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
	struct json_nest n;

	if (json_text_peek(t) != '{' && json_text_peek(t) != '[')
		return json_scalar(t);
	n.depth = 0;
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

/* ---- strings without their escapes ---- */

/* An escape is at least as long as the character in UTF-8. */
#define ESCAPE_BYTES 6

/* Replaces characters that a text cannot contain. */
#define REPLACEMENT 0xFFFD

/* Returns the character of the \u escape at *from, or of a surrogate pair;
 * advances *from. */
static uint32_t
take_hex(const char **from, const char *end)
{
	uint32_t c = (uint32_t)hex_four(*from + 2), low;

	*from += 6;
	if (c == 0 || (c >= 0xDC00 && c < 0xE000))
		return REPLACEMENT;
	if (c < 0xD800 || c >= 0xE000)
		return c;
	if (end - *from < 6 || (*from)[0] != '\\' || (*from)[1] != 'u')
		return REPLACEMENT;
	low = (uint32_t)hex_four(*from + 2);
	if (low < 0xDC00 || low >= 0xE000)
		return REPLACEMENT;
	*from += 6;
	return 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
}

/* Writes the character of any escape. */
static char *
put_escape(char *to, const char **from, const char *end)
{
	static const char plain[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
	const char *known;

	if ((*from)[1] == 'u')
		return to + u8_uctomb((uint8_t *)to, take_hex(from, end),
				ESCAPE_BYTES);
	for (known = plain; known[0] != (*from)[1] && known[2] != '\0';)
		known += 2;
	*to = known[1];
	*from += 2;
	return to + 1;
}

/* Copies a string and replaces its escapes, which must be valid. Returns the
 * number of bytes written, at most len. */
static size_t
unescape(char *to, const char *from, size_t len)
{
	const char *end = from + len, *next;
	char *start = to;
	size_t n;

	while (from < end) {
		next = memchr(from, '\\', (size_t)(end - from));
		n = (size_t)((next != NULL ? next : end) - from);
		memcpy(to, from, n);
		to += n;
		from += n;
		if (next != NULL)
			to = put_escape(to, &from, end);
	}
	return (size_t)(to - start);
}

/* ---- the fields of a line ---- */

/* Bytes after a copy that keywords.h may read, for record_parse(). */
#define COPY_BEHIND 16

static void
end_copy(char *end)
{
	memset(end, 0, COPY_BEHIND);
	end[0] = '"';
	end[1] = ':';
}

const char *
flat_unescape(struct flat *f, const char *p, size_t *len)
{
	char *copy = arena_take_text(&f->copies, *len + COPY_BEHIND);

	*len = unescape(copy, p, *len);
	end_copy(copy + *len);
	return copy;
}

enum flat_kind
flat_kind_of(char first)
{
	switch (first) {
	case '"':
		return FLAT_STRING;
	case '{':
	case '[':
		return FLAT_JSON;
	case 't':
		return FLAT_TRUE;
	case 'f':
		return FLAT_FALSE;
	case 'n':
		return FLAT_NULL;
	default:
		return FLAT_NUMBER;
	}
}

/* Reads a string into *text, *len: between its quotes, in the line or, if it
 * has escapes, copied. */
static bool
take_text(struct flat *f, struct json_text *t, const char **text, size_t *len)
{
	const char *from = t->p + 1;
	bool escaped = false;

	if (!take_quoted(t, &escaped))
		return false;
	*len = (size_t)(t->p - from) - 1;
	*text = escaped ? flat_unescape(f, from, len) : from;
	return true;
}

/* Copies a key that blanks follow, so that a quote and a colon do. */
static const char *
copy_key(struct flat *f, const char *key, size_t len)
{
	char *copy = arena_take_text(&f->copies, len + COPY_BEHIND);

	memcpy(copy, key, len);
	end_copy(copy + len);
	return copy;
}

/* Reads "key": value, with any whitespace. */
static bool
take_member(struct flat *f, struct json_text *t, struct flat_field *v)
{
	if (json_text_peek(t) != '"')
		return json_text_wrong(t, "'\"' expected");
	if (!take_text(f, t, &v->key, &v->key_len))
		return false;
	if (json_text_peek(t) != ':')
		v->key = copy_key(f, v->key, v->key_len);
	if (!take_colon(t))
		return false;
	v->raw = t->p;
	if (json_text_peek(t) == '"') {
		v->kind = FLAT_STRING;
		return take_text(f, t, &v->val, &v->val_len);
	}
	if (!json_text_value(t))
		return false;
	v->kind = flat_kind_of(*v->raw);
	v->val = v->raw;
	v->val_len = (size_t)(t->p - v->raw);
	return true;
}

/* The usual member, "key":"value" without escapes: reads it from p on, and
 * returns its end. Returns NULL for any other, which take_member() reads. */
static inline const char *
take_usual_member(struct flat_field *v, const char *p, const char *end)
{
	const char *key_end, *val_end;

	if (p == end || *p != '"')
		return NULL;
	key_end = find_special(p + 1, end);
	if (end - key_end < 4 || memcmp(key_end, "\":\"", 3) != 0)
		return NULL;
	val_end = find_special(key_end + 3, end);
	if (val_end == end || *val_end != '"')
		return NULL;
	v->key = p + 1;
	v->key_len = (size_t)(key_end - v->key);
	v->raw = key_end + 2;
	v->val = key_end + 3;
	v->val_len = (size_t)(val_end - v->val);
	v->kind = FLAT_STRING;
	return val_end + 1;
}

/* Reads the object that begins here. */
static bool
take_object(struct flat *f, struct json_text *t)
{
	const char *next;

	t->p++;
	json_text_blanks(t);
	if (json_text_peek(t) != '}')
		for (;;) {
			XGROW(f->field, f->n, f->cap);
			next = take_usual_member(&f->field[f->n], t->p, t->end);
			if (next != NULL)
				t->p = next;
			else if (!take_member(f, t, &f->field[f->n]))
				return false;
			f->n++;
			if (json_text_peek(t) != ',')
				json_text_blanks(t);
			if (json_text_peek(t) != ',')
				break;
			t->p++;
			if (json_text_peek(t) != '"')
				json_text_blanks(t);
		}
	if (json_text_peek(t) != '}')
		return json_text_wrong(t, "',' or '}' expected");
	t->p++;
	return true;
}

static const char *
encoding_error(const char *line, size_t len)
{
	if (len > 0 && line[0] == '{' && parse_is_utf8(line, len))
		return NULL;
	if (parse_utf8_mark(line, len) > 0)
		return "a byte order mark; write UTF-8 without one";
	if (parse_is_utf16(line, len))
		return "UTF-16; write UTF-8";
	return parse_is_utf8(line, len) ? NULL : "not valid UTF-8";
}

static int
parse_text(struct flat *f, const char *line, size_t len, struct buf *why)
{
	struct json_text t = { line, line + len, NULL };
	bool object, good;

	json_text_blanks(&t);
	if (t.p == t.end) {
		buf_setf(why, "an empty line");
		return -1;
	}
	object = *t.p == '{';
	good = object ? take_object(f, &t) : json_text_value(&t);
	json_text_blanks(&t);
	if (good && t.p < t.end)
		good = json_text_wrong(&t, "more than one value");
	if (t.what != NULL)
		buf_setf(why, "not JSON: %s (column %zu)", t.what,
		    (size_t)(t.p - line) + 1);
	else if (!object)
		buf_setf(why, "not a JSON object");
	return good && object ? 0 : -1;
}

int
flat_parse(struct flat *f, const char *line, size_t len, struct buf *why)
{
	const char *wrong = encoding_error(line, len);
	int rc = -1;

	if (!f->keep)
		arena_clear(&f->copies);
	f->n = 0;
	if (wrong != NULL)
		buf_setf(why, "%s", wrong);
	else
		rc = parse_text(f, line, len, why);
	if (rc != 0)
		f->n = 0;
	return rc;
}

const struct flat_field *
flat_find(const struct flat *f, const char *key)
{
	size_t len = strlen(key), i;

	/* From the end: if a key is repeated, the last one counts. */
	for (i = f->n; i-- > 0;)
		if (f->field[i].key_len == len &&
		    memcmp(f->field[i].key, key, len) == 0)
			return &f->field[i];
	return NULL;
}

const char *
flat_raw(const struct flat_field *v, size_t *len)
{
	const char *p = v->raw + 1;

	*len = v->val_len;
	if (v->kind != FLAT_STRING)
		return v->raw;
	while (*p != '"')
		p += 1 + (*p == '\\');
	*len = (size_t)(p - v->raw) + 1;
	return v->raw;
}

bool
flat_is_lossy(const struct flat_field *v)
{
	const char *p = v->raw + 1, *end;
	size_t len;

	/* Without an escape, the value is in the line. */
	if (v->kind != FLAT_STRING || v->val == p)
		return false;
	end = flat_raw(v, &len) + len - 1;
	while ((p = memchr(p, '\\', (size_t)(end - p))) != NULL)
		if (p[1] != 'u')
			p += 2;
		else if (hex_four(p + 2) == REPLACEMENT)
			p += 6;
		else if (take_hex(&p, end) == REPLACEMENT)
			return true;
	return false;
}

void
flat_release(struct flat *f)
{
	arena_release(&f->copies);
	free(f->field);
	f->field = NULL;
	f->n = f->cap = 0;
}
