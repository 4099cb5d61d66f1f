/*
 * flat: the record reader; see flat.h.
 *
 * flat_walk() takes the usual line. It gives up on anything it does not
 * expect, without an opinion whether that is valid: then jansson decides, so
 * every rule about odd JSON stands in jansson and only there. What jansson has
 * found to be valid is then taken apart by collect(), which may be simple
 * because it knows that.
 */
#include "common/flat.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/parse.h"
#include "common/scan_value.h"
#include "common/xalloc.h"

/* What is behind a copy: keywords.h looks at it. */
#define COPY_BEHIND 16

static void
end_copy(char *end)
{
	memset(end, 0, COPY_BEHIND);
	end[0] = '"';
	end[1] = ':';
}

static const char *
copy_text(struct flat *f, const char *p, size_t len)
{
	char *copy = arena_take_text(&f->copies, len + COPY_BEHIND);

	memcpy(copy, p, len);
	end_copy(copy + len);
	return copy;
}

const char *
flat_unescape(struct flat *f, const char *p, size_t *len)
{
	char *copy = arena_take_text(&f->copies, *len + COPY_BEHIND);

	*len = scan_unescape(copy, p, *len);
	end_copy(copy + *len);
	return copy;
}

/* Reads the value at p, which is no string, into *v; its end, or NULL. */
static const char *
read_other(
    const struct scan_index *x, const char *p, size_t *k, struct flat_field *v)
{
	const char *end;

	if (*p == '{' || *p == '[') {
		end = scan_nested_end(x, p, k);
		v->kind = FLAT_JSON;
	} else if (*p >= 'a') {
		end = scan_literal_end(p);
		v->kind = *p == 't'   ? FLAT_TRUE
			  : *p == 'f' ? FLAT_FALSE
				      : FLAT_NULL;
	} else {
		end = scan_number_end(p);
		v->kind = FLAT_NUMBER;
	}
	v->val = p;
	v->val_len = (size_t)(end - p);
	return end;
}

/* Reads "key":value at p into *v; its end, or NULL. */
static inline const char *
read_member(
    const struct scan_index *x, const char *p, size_t *k, struct flat_field *v)
{
	const char *end;

	if (*p != '"' || (end = scan_string_end(x, p, k)) == NULL ||
	    end[1] != ':')
		return NULL;
	v->key = p + 1;
	v->key_len = (size_t)(end - p) - 1;
	p = end + 2;
	p += *p == ' ';
	if (*p != '"')
		return read_other(x, p, k, v);
	end = scan_string_end(x, p, k);
	if (end == NULL)
		return NULL;
	v->kind = FLAT_STRING;
	v->val = p + 1;
	v->val_len = (size_t)(end - p) - 1;
	return end + 1;
}

/* Sees to the escapes of a line that has some. False: in a key. */
static bool
unescape_all(struct flat *f, const struct scan_index *x)
{
	size_t i;

	for (i = 0; i < f->n; i++) {
		struct flat_field *v = &f->field[i];

		if (scan_has_escape(x, v->key, v->key_len))
			return false;
		if (v->kind == FLAT_STRING &&
		    scan_has_escape(x, v->val, v->val_len))
			v->val = flat_unescape(f, v->val, &v->val_len);
	}
	return true;
}

bool
flat_walk(struct flat *f, const struct scan_index *x, const char *line,
    size_t len, size_t *k)
{
	const char *p = line, *end = line + len;
	size_t n = 0;

	if (*p++ != '{')
		return false;
	for (;;) {
		if (n == FLAT_MAX_FIELDS)
			return false;
		p = read_member(x, p, k, &f->field[n++]);
		if (p == NULL)
			return false;
		if (*p != ',')
			break;
		p += 1 + (p[1] == ' ');
	}
	f->n = n;
	if (*p != '}' || p + 1 != end)
		return false;
	return !x->escapes || !scan_has_escape(x, line, len) ||
	       unescape_all(f, x);
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

/* From here on: a line that jansson has found to be valid. */

static const char *
skip_blanks(const char *p)
{
	while (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n')
		p++;
	return p;
}

/* Behind the string that opens at p; *escapes: it has some. */
static const char *
skip_string(const char *p, bool *escapes)
{
	*escapes = false;
	for (p++; *p != '"'; p++)
		if (*p == '\\') {
			*escapes = true;
			p++;
		}
	return p + 1;
}

/* Behind an object or list. */
static const char *
skip_nested(const char *p)
{
	bool ignored;
	int depth = 0;

	do {
		if (*p == '"') {
			p = skip_string(p, &ignored);
			continue;
		}
		depth += *p == '{' || *p == '[';
		depth -= *p == '}' || *p == ']';
		p++;
	} while (depth > 0);
	return p;
}

/* The text of the string at p, without quotes; *end is behind them. */
static const char *
take_string(struct flat *f, const char *p, size_t *len, const char **end)
{
	bool escapes;

	*end = skip_string(p, &escapes);
	*len = (size_t)(*end - p) - 2;
	return escapes ? flat_unescape(f, p + 1, len) : p + 1;
}

/* The same of a key, which a colon must follow without a blank. */
static const char *
take_key(struct flat *f, const char *p, size_t *len, const char **end)
{
	const char *key = take_string(f, p, len, end);

	return key[*len + 1] == ':' ? key : copy_text(f, key, *len);
}

static const char *
take_value(struct flat *f, const char *p, struct flat_field *v)
{
	const char *end;

	if (*p == '"') {
		v->kind = FLAT_STRING;
		v->val = take_string(f, p, &v->val_len, &end);
		return end;
	}
	if (*p == '{' || *p == '[') {
		v->kind = FLAT_JSON;
		end = skip_nested(p);
	} else {
		v->kind = *p == 't'   ? FLAT_TRUE
			  : *p == 'f' ? FLAT_FALSE
			  : *p == 'n' ? FLAT_NULL
				      : FLAT_NUMBER;
		end = p + strcspn(p, ",} \t\r\n");
	}
	v->val = p;
	v->val_len = (size_t)(end - p);
	return end;
}

/* Appends *v. Of a key that stands twice the last is kept, and in its place.
 * False: there are too many. */
static bool
append(struct flat *f, const struct flat_field *v)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (f->field[i].key_len == v->key_len &&
		    memcmp(f->field[i].key, v->key, v->key_len) == 0) {
			f->n--;
			memmove(&f->field[i], &f->field[i + 1],
			    (f->n - i) * sizeof *v);
			break;
		}
	if (f->n == FLAT_MAX_FIELDS)
		return false;
	f->field[f->n++] = *v;
	return true;
}

static int
collect(struct flat *f, const char *p, struct buf *why)
{
	struct flat_field v;

	for (p = skip_blanks(skip_blanks(p) + 1); *p != '}';
	     p = skip_blanks(p + (*p == ','))) {
		v.key = take_key(f, p, &v.key_len, &p);
		p = skip_blanks(skip_blanks(p) + 1);
		p = skip_blanks(take_value(f, p, &v));
		if (!append(f, &v)) {
			f->n = 0;
			buf_setf(why, "more than %d fields", FLAT_MAX_FIELDS);
			return -1;
		}
	}
	return 0;
}

static int
by_jansson(struct flat *f, const char *line, size_t len, struct buf *why)
{
	json_error_t error;
	json_t *root = json_loadb(line, len, 0, &error);
	int rc = -1;

	f->by_jansson = true;
	f->n = 0;
	if (root == NULL && is_blank(line, len))
		buf_setf(why, "an empty line");
	else if (root == NULL)
		buf_setf(why, "not JSON: %s (column %d)", error.text,
		    error.position);
	else if (!json_is_object(root))
		buf_setf(why, "not a JSON object");
	else
		rc = collect(f, line, why);
	json_decref(root);
	return rc;
}

static struct scan_index *
get_index(struct flat *f)
{
	if (f->index == NULL) {
		f->index = xmalloc(sizeof *f->index);
		scan_index_init(f->index);
	}
	return f->index;
}

int
flat_parse(struct flat *f, const char *line, size_t len, struct buf *why)
{
	struct scan_index *x = get_index(f);
	size_t k = 0;

	f->by_jansson = false;
	if (!f->keep)
		arena_clear(&f->copies);
	if (scan_index_line(x, line, len) && flat_walk(f, x, line, len, &k))
		return 0;
	f->n = 0;
	if (!parse_is_utf8(line, len)) {
		buf_setf(why, "not valid UTF-8");
		return -1;
	}
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
flat_keep(struct flat *f)
{
	f->keep = true;
}

void
flat_forget(struct flat *f)
{
	arena_clear(&f->copies);
}

void
flat_release(struct flat *f)
{
	arena_release(&f->copies);
	if (f->index != NULL)
		scan_index_release(f->index);
	free(f->index);
	f->index = NULL;
	f->n = 0;
}
