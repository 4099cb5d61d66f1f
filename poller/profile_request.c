/*
 * profile_request: what an X_request function gave, as the target of a
 * request; see profile_impl.h.
 */
#include <string.h>

#include "poller/profile_impl.h"

static void
add_escaped(struct buf *b, const char *s)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789-_.~";

	for (; *s != '\0'; s++) {
		if (strchr(plain, *s) != NULL)
			buf_addc(b, *s);
		else
			buf_addf(b, "%%%02X", (unsigned)(unsigned char)*s);
	}
}

/* One parameter (value taken), unless it is null. */
static void
add_parameter(struct buf *b, const char *key, jv v)
{
	struct buf text = BUF_INIT;

	if (jv_get_kind(v) == JV_KIND_STRING)
		buf_adds(&text, jv_string_value(v));
	else if (jv_get_kind(v) != JV_KIND_NULL)
		value_dump_jv(jv_copy(v), &text);
	if (jv_get_kind(v) != JV_KIND_NULL) {
		buf_addc(b, strchr(buf_str(b), '?') != NULL ? '&' : '?');
		add_escaped(b, key);
		buf_addc(b, '=');
		add_escaped(b, buf_str(&text));
	}
	jv_free(v);
	buf_release(&text);
}

/* One parameter for each element (v taken). */
static void
add_parameters(struct buf *b, const char *key, jv v)
{
	int i, n = jv_array_length(jv_copy(v));

	for (i = 0; i < n; i++)
		add_parameter(b, key, jv_array_get(jv_copy(v), i));
	jv_free(v);
}

/* In the order of the keys. */
static void
add_query(struct buf *b, jv query)
{
	jv keys = jv_get_kind(query) == JV_KIND_OBJECT ? jv_keys(jv_copy(query))
						       : jv_array();
	int i, n = jv_array_length(jv_copy(keys));

	for (i = 0; i < n; i++) {
		jv key = jv_array_get(jv_copy(keys), i);
		jv v = jv_object_get(jv_copy(query), jv_copy(key));

		if (jv_get_kind(v) == JV_KIND_ARRAY)
			add_parameters(b, jv_string_value(key), v);
		else
			add_parameter(b, jv_string_value(key), v);
		jv_free(key);
	}
	jv_free(keys);
	jv_free(query);
}

int
profile_request_read(jv result, struct profile_request *out, struct buf *why)
{
	struct buf target = BUF_INIT;
	jv path, url;

	if (jv_get_kind(result) == JV_KIND_NULL)
		return 0;
	if (jv_get_kind(result) != JV_KIND_OBJECT) {
		buf_setf(why, "it must give {path, query}, {url} or null");
		return -1;
	}
	url = jv_object_get(jv_copy(result), jv_string("url"));
	path = jv_object_get(jv_copy(result), jv_string("path"));
	out->is_url = jv_get_kind(url) == JV_KIND_STRING;
	if (out->is_url)
		buf_adds(&target, jv_string_value(url));
	else if (jv_get_kind(path) == JV_KIND_STRING &&
		 *jv_string_value(path) == '/')
		buf_adds(&target, jv_string_value(path));
	if (target.len > 0)
		add_query(&target,
		    jv_object_get(jv_copy(result), jv_string("query")));
	jv_free(url);
	jv_free(path);
	if (target.len == 0) {
		buf_setf(why, "path is no text that begins with a slash");
		return -1;
	}
	out->target = buf_take(&target);
	return 1;
}
