/*
 * flat: the record reader; see flat.h.
 *
 * walk() takes the usual line in one pass. It gives up on anything it does
 * not expect, without an opinion whether that is valid: then by_jansson()
 * decides. So every rule about odd JSON stands in jansson and only there.
 */
#include "common/flat.h"

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/parse.h"

#define ONES UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)

/* High bit set in (at least) the first byte of x that is zero. */
static uint64_t
zero_bytes(uint64_t x)
{
	return (x - ONES) & ~x & HIGHS;
}

/* The first quote, backslash or control character at or after p, eight bytes
 * at a time. The NUL behind the line is one, so this ends. */
static const char *
string_end(const char *p)
{
	uint64_t x, hit;

	for (;; p += 8) {
		memcpy(&x, p, 8);
		hit = zero_bytes(x ^ (ONES * '"')) |
		      zero_bytes(x ^ (ONES * '\\')) |
		      ((x - ONES * 0x20) & ~x & HIGHS);
		if (hit == 0)
			continue;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		return p + (__builtin_ctzll(hit) >> 3);
#else
		while (*p != '"' && *p != '\\' && (unsigned char)*p >= 0x20)
			p++;
		return p;
#endif
	}
}

/* The end of a plain number: at most 17 digits on each side of the point, no
 * exponent; NULL for any other. */
static const char *
number_end(const char *p)
{
	const char *from;

	if (*p == '-')
		p++;
	for (from = p; *p >= '0' && *p <= '9'; p++)
		;
	if (p == from || p - from > 17 || (*from == '0' && p - from > 1))
		return NULL;
	if (*p != '.')
		return *p == 'e' || *p == 'E' ? NULL : p;
	for (from = ++p; *p >= '0' && *p <= '9'; p++)
		;
	if (p == from || p - from > 17 || *p == 'e' || *p == 'E')
		return NULL;
	return p;
}

/* Reads the value at p into *v; where it ends, or NULL when unusual. */
static const char *
value(const char *p, struct flat_field *v)
{
	const char *end;

	v->val = p;
	switch (*p) {
	case '"':
		end = string_end(++p);
		if (*end != '"')
			return NULL;
		v->kind = FLAT_STRING;
		v->val = p;
		v->val_len = (size_t)(end - p);
		return end + 1;
	case 't':
		v->kind = FLAT_TRUE;
		v->val_len = 4;
		return memcmp(p, "true", 4) == 0 ? p + 4 : NULL;
	case 'f':
		v->kind = FLAT_FALSE;
		v->val_len = 5;
		return memcmp(p, "false", 5) == 0 ? p + 5 : NULL;
	case 'n':
		v->kind = FLAT_NULL;
		v->val_len = 4;
		return memcmp(p, "null", 4) == 0 ? p + 4 : NULL;
	default:
		end = number_end(p);
		if (end == NULL)
			return NULL;
		v->kind = FLAT_NUMBER;
		v->val_len = (size_t)(end - p);
		return end;
	}
}

/* The usual line; false when it is not that. One blank is taken after a colon
 * and after a comma. */
static bool
walk(struct flat *f, const char *line, size_t len)
{
	const char *p = line, *end = line + len;
	struct flat_field *v;

	f->n = 0;
	if (*p++ != '{')
		return false;
	for (;;) {
		if (f->n == FLAT_MAX_FIELDS || *p++ != '"')
			return false;
		v = &f->field[f->n++];
		v->key = p;
		p = string_end(p);
		if (*p != '"')
			return false;
		v->key_len = (size_t)(p - v->key);
		if (*++p != ':')
			return false;
		p++;
		p = value(p + (*p == ' '), v);
		if (p == NULL)
			return false;
		if (*p == '}')
			return p + 1 == end;
		if (*p++ != ',')
			return false;
		p += *p == ' ';
	}
}

/* Copies one value into the scratch buffer; val becomes an offset. */
static void
copy_value(struct flat *f, struct flat_field *v, json_t *j)
{
	size_t from = f->scratch.len;
	char *text;

	switch (json_typeof(j)) {
	case JSON_NULL:
		v->kind = FLAT_NULL;
		break;
	case JSON_TRUE:
		v->kind = FLAT_TRUE;
		break;
	case JSON_FALSE:
		v->kind = FLAT_FALSE;
		break;
	case JSON_STRING:
		v->kind = FLAT_STRING;
		buf_add(
		    &f->scratch, json_string_value(j), json_string_length(j));
		break;
	case JSON_INTEGER:
		v->kind = FLAT_NUMBER;
		buf_addi(&f->scratch, json_integer_value(j));
		break;
	case JSON_REAL:
	case JSON_ARRAY:
	case JSON_OBJECT:
		v->kind = json_is_real(j) ? FLAT_NUMBER : FLAT_JSON;
		text = json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY);
		buf_adds(&f->scratch, text != NULL ? text : "null");
		free(text);
		break;
	}
	v->val_len = f->scratch.len - from;
	v->val = NULL;
}

/* All members of the object; the offsets become pointers once the scratch
 * buffer has stopped moving. */
static int
copy_members(struct flat *f, json_t *object, struct buf *why)
{
	const char *key, *at;
	json_t *j;
	size_t i;

	if (json_object_size(object) > FLAT_MAX_FIELDS) {
		buf_setf(why, "more than %d fields", FLAT_MAX_FIELDS);
		return -1;
	}
	json_object_foreach(object, key, j)
	{
		struct flat_field *v = &f->field[f->n++];

		v->key_len = strlen(key);
		buf_add(&f->scratch, key, v->key_len);
		copy_value(f, v, j);
	}
	at = buf_str(&f->scratch);
	for (i = 0; i < f->n; i++) {
		f->field[i].key = at;
		at += f->field[i].key_len;
		f->field[i].val = at;
		at += f->field[i].val_len;
	}
	return 0;
}

/* Nothing but what JSON calls white space: jansson would miss a bracket. */
static bool
is_blank(const char *line, size_t len)
{
	static const char blanks[] = { ' ', '\t', '\r', '\n' };

	while (len > 0 && memchr(blanks, line[len - 1], sizeof blanks) != NULL)
		len--;
	return len == 0;
}

static int
by_jansson(struct flat *f, const char *line, size_t len, struct buf *why)
{
	json_error_t error;
	json_t *root = json_loadb(line, len, 0, &error);
	int rc = -1;

	f->by_jansson = true;
	f->n = 0;
	buf_clear(&f->scratch);
	if (root == NULL && is_blank(line, len))
		buf_setf(why, "an empty line");
	else if (root == NULL)
		buf_setf(why, "not JSON: %s (column %d)", error.text,
		    error.position);
	else if (!json_is_object(root))
		buf_setf(why, "not a JSON object");
	else
		rc = copy_members(f, root, why);
	json_decref(root);
	return rc;
}

int
flat_parse(struct flat *f, const char *line, size_t len, struct buf *why)
{
	f->by_jansson = false;
	if (!parse_is_utf8(line, len)) {
		f->n = 0;
		buf_setf(why, "not valid UTF-8");
		return -1;
	}
	if (walk(f, line, len))
		return 0;
	return by_jansson(f, line, len, why);
}

const struct flat_field *
flat_find(const struct flat *f, const char *key)
{
	size_t len = strlen(key), i;

	/* From the end: of a key that stands twice the last counts. */
	for (i = f->n; i-- > 0;)
		if (f->field[i].key_len == len &&
		    memcmp(f->field[i].key, key, len) == 0)
			return &f->field[i];
	return NULL;
}

void
flat_release(struct flat *f)
{
	buf_release(&f->scratch);
	f->n = 0;
}
