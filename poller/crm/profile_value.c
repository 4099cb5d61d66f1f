/*
 * profile_value: JSON values for profiles; see profile.h and profile_impl.h.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/text/json_read.h"
#include "poller/crm/profile.h"
#include "poller/crm/profile_impl.h"

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

struct value *
value_hook(const char *id, const char *url)
{
	jv hook = jv_object_set(
	    jv_object(), jv_string("id"), profile_text_or_null(id));

	return value_new_jv(
	    jv_object_set(hook, jv_string("url"), profile_text_or_null(url)));
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
		    jv_object_set(v, jv_string(key), from_json(member));
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
