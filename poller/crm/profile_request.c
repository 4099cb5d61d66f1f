/*
 * profile_request: turns the result of an X_request function into the method,
 * path, query and body of an HTTP request; see profile_impl.h. The host, the
 * headers and the token are the tenant's (tenant.h); fetch.c joins them.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/digest/encoding.h"
#include "poller/crm/profile_impl.h"

static const char *const methods[] = { "GET", "POST", "PUT", "PATCH",
	"DELETE" };

static const char JSON[] = "application/json";
static const char FORM[] = "application/x-www-form-urlencoded";

/* 2^53: ids above it come as strings, see value_parse(). */
#define EXACT_MAX 9007199254740992.0

/* Appends one parameter (v taken), unless it is null. */
static void
add_parameter(struct buf *b, const char *key, jv v)
{
	struct buf text = BUF_INIT;

	if (jv_get_kind(v) == JV_KIND_STRING)
		buf_adds(&text, jv_string_value(v));
	else if (jv_get_kind(v) != JV_KIND_NULL)
		value_dump_jv(jv_copy(v), &text);
	if (jv_get_kind(v) != JV_KIND_NULL) {
		if (b->len > 0)
			buf_addc(b, '&');
		percent_encode(b, key);
		buf_addc(b, '=');
		percent_encode(b, buf_str(&text));
	}
	jv_free(v);
	buf_release(&text);
}

/* Appends a parameter for each element (v taken). */
static void
add_parameters(struct buf *b, const char *key, jv v)
{
	int i, n = jv_array_length(jv_copy(v));

	for (i = 0; i < n; i++)
		add_parameter(b, key, jv_array_get(jv_copy(v), i));
	jv_free(v);
}

/* "key=value&...", in the order of the keys (object taken). */
static void
encode_form(struct buf *b, jv object)
{
	jv keys = jv_get_kind(object) == JV_KIND_OBJECT
		      ? jv_keys(jv_copy(object))
		      : jv_array();
	int i, n = jv_array_length(jv_copy(keys));

	for (i = 0; i < n; i++) {
		jv key = jv_array_get(jv_copy(keys), i);
		jv v = jv_object_get(jv_copy(object), jv_copy(key));

		if (jv_get_kind(v) == JV_KIND_ARRAY)
			add_parameters(b, jv_string_value(key), v);
		else
			add_parameter(b, jv_string_value(key), v);
		jv_free(key);
	}
	jv_free(keys);
	jv_free(object);
}

/* {path, query} or {url}. */
static int
read_target(jv result, struct profile_request *out, struct buf *why)
{
	struct buf target = BUF_INIT, query = BUF_INIT;
	jv url = profile_member(result, "url"),
	   path = profile_member(result, "path");

	out->is_url = jv_get_kind(url) == JV_KIND_STRING;
	if (out->is_url)
		buf_adds(&target, jv_string_value(url));
	else if (jv_get_kind(path) == JV_KIND_STRING &&
		 *jv_string_value(path) == '/')
		buf_adds(&target, jv_string_value(path));
	jv_free(url);
	jv_free(path);
	if (target.len == 0) {
		buf_setf(why, "path must be a string that begins with a slash");
		return -1;
	}
	encode_form(&query, profile_member(result, "query"));
	if (query.len > 0) {
		buf_addc(
		    &target, strchr(buf_str(&target), '?') != NULL ? '&' : '?');
		buf_adds(&target, buf_str(&query));
	}
	buf_release(&query);
	out->target = buf_take(&target);
	return 0;
}

/* {body} becomes JSON, {form} becomes form data. */
static void
read_body_or_form(jv result, struct profile_request *out)
{
	jv body = profile_member(result, "body"),
	   form = profile_member(result, "form");
	struct buf text = BUF_INIT;

	if (jv_is_valid(body) && jv_get_kind(body) != JV_KIND_NULL) {
		value_dump_jv(jv_copy(body), &text);
		out->type = JSON;
	} else if (jv_get_kind(form) == JV_KIND_OBJECT) {
		encode_form(&text, jv_copy(form));
		out->type = FORM;
	}
	if (out->type != NULL) {
		out->body_len = text.len;
		out->body = buf_take(&text);
	}
	jv_free(body);
	jv_free(form);
}

static int
read_method(jv result, struct profile_request *out, struct buf *why)
{
	jv method = profile_member(result, "method"),
	   host = profile_member(result, "host");
	bool text = jv_get_kind(method) == JV_KIND_STRING;
	size_t i;

	if (jv_get_kind(host) == JV_KIND_STRING)
		out->host = xstrdup(jv_string_value(host));
	if (!text &&
	    (!jv_is_valid(method) || jv_get_kind(method) == JV_KIND_NULL))
		out->method = methods[out->body != NULL];
	for (i = 0; text && i < ARRAY_LEN(methods); i++) {
		if (strcmp(jv_string_value(method), methods[i]) == 0)
			out->method = methods[i];
	}
	jv_free(method);
	jv_free(host);
	if (out->method == NULL)
		buf_setf(why, "method must be GET, POST, PUT, PATCH or DELETE");
	else if (out->method == methods[0] && out->body != NULL)
		buf_setf(why, "a GET request must not have a body");
	else
		return 0;
	return -1;
}

int
profile_request_read(jv result, struct profile_request *out, struct buf *why)
{
	*out = (struct profile_request){ .target = NULL };
	if (jv_get_kind(result) == JV_KIND_NULL)
		return 0;
	if (jv_get_kind(result) != JV_KIND_OBJECT) {
		buf_setf(why, "it must return {path, query}, {url} or null");
		return -1;
	}
	read_body_or_form(result, out);
	if (read_method(result, out, why) == 0 &&
	    read_target(result, out, why) == 0)
		return 1;
	profile_request_release(out);
	return -1;
}

void
profile_request_release(struct profile_request *r)
{
	free(r->target);
	free(r->host);
	free(r->body);
	*r = (struct profile_request){ .target = NULL };
}

char *
profile_id(jv v)
{
	char *id = NULL;
	double n;

	if (jv_get_kind(v) == JV_KIND_STRING && *jv_string_value(v) != '\0')
		id = xstrdup(jv_string_value(v));
	n = jv_get_kind(v) == JV_KIND_NUMBER ? jv_number_value(v) : 0;
	if (n != 0 && n <= EXACT_MAX && n >= -EXACT_MAX &&
	    n == (double)(int64_t)n)
		id = xasprintf("%lld", (long long)n);
	jv_free(v);
	return id;
}
