/*
 * profile_value: JSON values for profiles; see value.h and profile_impl.h.
 */
#include "poller/profile/value.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/text/json_read.h"
#include "poller/profile/profile_impl.h"

/* libjq rounds whole numbers above this. */
#define EXACT_MAX (INT64_C(1) << 53)

struct value *
value_new_jv(jv v)
{
	struct value *n = xmalloc(sizeof *n);

	n->refs = 1;
	n->v = v;
	return n;
}

struct value *
value_ref(struct value *v)
{
	if (v != NULL)
		v->refs++;
	return v;
}

void
value_unref(struct value *v)
{
	if (v == NULL || --v->refs > 0)
		return;
	jv_free(v->v);
	free(v);
}

jv
value_jv(const struct value *v)
{
	return v != NULL ? jv_copy(v->v) : jv_null();
}

jv
profile_text_or_null(const char *s)
{
	return s != NULL ? jv_string(s) : jv_null();
}

void
value_dump_jv(jv v, struct buf *out)
{
	jv text = jv_dump_string(v, 0);

	buf_add(out, jv_string_value(text),
	    (size_t)jv_string_length_bytes(jv_copy(text)));
	jv_free(text);
}

void
value_dump(const struct value *v, struct buf *out)
{
	value_dump_jv(value_jv(v), out);
}

jv
profile_member(jv object, const char *key)
{
	if (jv_get_kind(object) != JV_KIND_OBJECT)
		return jv_invalid();
	return jv_object_get(jv_copy(object), jv_string(key));
}

char *
profile_text(jv object, const char *key)
{
	jv v = profile_member(object, key);
	char *s = jv_get_kind(v) == JV_KIND_STRING ? xstrdup(jv_string_value(v))
						   : NULL;

	jv_free(v);
	return s;
}

struct value *
value_chat(const char *chat)
{
	return value_new_jv(
	    jv_object_set(jv_object(), jv_string("chat"), jv_string(chat)));
}

static jv
from_string(const json_t *j)
{
	const char *s = json_string_value(j);
	size_t len = json_string_length(j), i, n;
	struct buf b = BUF_INIT;
	jv v;

	if (memchr(s, '\0', len) == NULL)
		return jv_string_sized(s, (int)len);
	/* No record may contain a NUL. */
	for (i = 0; i < len; i += n + 1) {
		n = strnlen(s + i, len - i);
		buf_add(&b, s + i, n);
		if (i + n < len)
			buf_adds(&b, "\xEF\xBF\xBD");
	}
	v = jv_string_sized(buf_str(&b), (int)b.len);
	buf_release(&b);
	return v;
}

static jv
from_integer(json_int_t n)
{
	if (n > EXACT_MAX || n < -EXACT_MAX)
		return jv_string_fmt("%" JSON_INTEGER_FORMAT, n);
	return jv_number((double)n);
}

/* The objects of a page have the same keys, so each key is made once and shared
 * within a thread. A slot has the last key with its hash. */
static _Thread_local struct {
	char *text;
	jv key;
} key_cache[512];

static jv
from_key(const char *key)
{
	size_t slot = 5381;
	const char *c;

	for (c = key; *c != '\0'; c++)
		slot = slot * 33 + (unsigned char)*c;
	slot %= ARRAY_LEN(key_cache);
	if (key_cache[slot].text == NULL ||
	    strcmp(key_cache[slot].text, key) != 0) {
		if (key_cache[slot].text != NULL)
			jv_free(key_cache[slot].key);
		free(key_cache[slot].text);
		key_cache[slot].text = xstrdup(key);
		key_cache[slot].key = jv_string(key);
	}
	return jv_copy(key_cache[slot].key);
}

void
value_end(void)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(key_cache); i++) {
		if (key_cache[i].text == NULL)
			continue;
		jv_free(key_cache[i].key);
		free(key_cache[i].text);
		key_cache[i].text = NULL;
	}
}

/* Recursion is bounded: jansson reads at most 2048 levels. */
static jv
from_json(json_t *j)
{
	const char *key;
	json_t *member;
	size_t i;
	jv v;

	switch (json_typeof(j)) {
	case JSON_OBJECT:
		v = jv_object();
		json_object_foreach(j, key, member) v =
		    jv_object_set(v, from_key(key), from_json(member));
		return v;
	case JSON_ARRAY:
		v = jv_array_sized((int)json_array_size(j));
		json_array_foreach(j, i, member) v =
		    jv_array_append(v, from_json(member));
		return v;
	case JSON_STRING:
		return from_string(j);
	case JSON_INTEGER:
		return from_integer(json_integer_value(j));
	case JSON_REAL:
		return jv_number(json_real_value(j));
	case JSON_TRUE:
		return jv_true();
	case JSON_FALSE:
		return jv_false();
	case JSON_NULL:
		break;
	}
	return jv_null();
}

struct value *
value_parse(const char *body, size_t len, bool *repaired, struct buf *why)
{
	json_error_t e;
	json_t *j = json_read_repaired(body, len, repaired, &e);
	struct value *v = NULL;

	if (j != NULL)
		v = value_new_jv(from_json(j));
	else
		buf_setf(why, "%s at byte %d", e.text, e.position);
	json_decref(j);
	return v;
}

struct value_keys {
	size_t n;
	jv *keys;
};

struct value_keys *
value_keys_new(const char *const *names, size_t n)
{
	struct value_keys *k = xmalloc(sizeof *k);
	size_t i;

	k->n = n;
	k->keys = xcalloc(n, sizeof *k->keys);
	for (i = 0; i < n; i++)
		k->keys[i] = jv_string(names[i]);
	return k;
}

void
value_keys_free(struct value_keys *k)
{
	size_t i;

	if (k == NULL)
		return;
	for (i = 0; i < k->n; i++)
		jv_free(k->keys[i]);
	free(k->keys);
	free(k);
}

static void
view_jv(jv v, struct value_view *out, struct buf *scratch)
{
	switch (jv_get_kind(v)) {
	case JV_KIND_INVALID:
	case JV_KIND_NULL:
		out->kind = VIEW_ABSENT;
		break;
	case JV_KIND_FALSE:
		out->kind = VIEW_FALSE;
		break;
	case JV_KIND_TRUE:
		out->kind = VIEW_TRUE;
		break;
	case JV_KIND_NUMBER:
		out->kind = VIEW_NUMBER;
		out->number = jv_number_value(v);
		break;
	case JV_KIND_STRING:
		out->kind = VIEW_TEXT;
		out->text = jv_string_value(v);
		out->len = (size_t)jv_string_length_bytes(jv_copy(v));
		break;
	case JV_KIND_ARRAY:
	case JV_KIND_OBJECT:
		out->kind = VIEW_TREE;
		out->len = scratch->len;
		value_dump_jv(jv_copy(v), scratch);
		out->len = scratch->len - out->len;
		break;
	}
	/* The object keeps the string to which text points. */
	jv_free(v);
}

void
value_view(const struct value *v, const struct value_keys *k,
    struct value_view *views, struct buf *scratch)
{
	bool object = v != NULL && jv_get_kind(v->v) == JV_KIND_OBJECT;
	size_t i, at = 0;

	buf_clear(scratch);
	for (i = 0; i < k->n; i++) {
		views[i] = (struct value_view){ .kind = VIEW_ABSENT };
		if (object)
			view_jv(
			    jv_object_get(jv_copy(v->v), jv_copy(k->keys[i])),
			    &views[i], scratch);
	}
	/* Only now the buffer is not reallocated any more. */
	for (i = 0; i < k->n; i++) {
		if (views[i].kind != VIEW_TREE)
			continue;
		views[i].text = buf_str(scratch) + at;
		at += views[i].len;
	}
}
