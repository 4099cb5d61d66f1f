/*
 * flat: splits a line, one JSON object, into its fields; see flat.h. The rules
 * of JSON are in json_text.c.
 */
#include "common/text/flat.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/parse.h"
#include "common/base/xalloc.h"
#include "common/text/json_text.h"
#include "common/text/scan_index.h"

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

	*len = scan_unescape(copy, p, *len);
	end_copy(copy + *len);
	return copy;
}

/* Returns the string between its quotes, in the line or copied. */
static const char *
take_string(struct flat *f, const char *p, size_t *len)
{
	return memchr(p, '\\', *len) != NULL ? flat_unescape(f, p, len) : p;
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

/* Reads "key": value, with any whitespace. */
static bool
take_member(struct flat *f, struct json_text *t, struct flat_field *v)
{
	const char *key = t->p + 1;
	char *copy;

	if (!json_text_string(t))
		return false;
	v->key_len = (size_t)(t->p - key) - 1;
	v->key = take_string(f, key, &v->key_len);
	if (json_text_peek(t) != ':') { /* blanks before the colon */
		copy = arena_take_text(&f->copies, v->key_len + COPY_BEHIND);
		memcpy(copy, v->key, v->key_len);
		end_copy(copy + v->key_len);
		v->key = copy;
	}
	if (!json_text_colon(t))
		return false;
	v->raw = t->p;
	if (!json_text_value(t))
		return false;
	v->kind = flat_kind_of(*v->raw);
	v->val = v->raw;
	v->val_len = (size_t)(t->p - v->raw);
	if (v->kind == FLAT_STRING) {
		v->val_len -= 2;
		v->val = take_string(f, v->raw + 1, &v->val_len);
	}
	return true;
}

/* Reads the object that begins here. */
static bool
take_object(struct flat *f, struct json_text *t)
{
	t->p++;
	json_text_blanks(t);
	if (json_text_peek(t) != '}')
		for (;;) {
			XGROW(f->field, f->n, f->cap);
			if (!take_member(f, t, &f->field[f->n]))
				return false;
			f->n++;
			json_text_blanks(t);
			if (json_text_peek(t) != ',')
				break;
			t->p++;
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

void
flat_release(struct flat *f)
{
	arena_release(&f->copies);
	free(f->field);
	f->field = NULL;
	f->n = f->cap = 0;
}
