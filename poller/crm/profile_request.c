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

/* Appends one parameter, unless it is null. */
static void
add_parameter(struct buf *b, const char *key, json_t *v)
{
	struct buf text = BUF_INIT;

	if (json_is_null(v))
		return;
	if (json_is_string(v))
		buf_adds(&text, json_string_value(v));
	else
		value_dump(v, &text);
	if (b->len > 0)
		buf_addc(b, '&');
	percent_encode(b, key);
	buf_addc(b, '=');
	percent_encode(b, buf_str(&text));
	buf_release(&text);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Writes "key=value&...", sorted by key; a list becomes one parameter for each
 * element. */
static void
encode_form(struct buf *b, json_t *object)
{
	const char **keys, *key;
	size_t n = 0, i, k;
	json_t *v, *item;

	keys = xcalloc(json_object_size(object) + 1, sizeof *keys);
	json_object_foreach(object, key, v) keys[n++] = key;
	qsort(keys, n, sizeof *keys, by_name);
	for (i = 0; i < n; i++) {
		v = json_object_get(object, keys[i]);
		if (!json_is_array(v))
			add_parameter(b, keys[i], v);
		json_array_foreach(v, k, item) add_parameter(b, keys[i], item);
	}
	free(keys);
}

/* Reads {path, query} or {url}. */
static int
read_target(const json_t *result, struct profile_request *out, struct buf *why)
{
	const char *url = profile_text(result, "url");
	const char *path = profile_text(result, "path");
	struct buf target = BUF_INIT, query = BUF_INIT;

	out->is_url = url != NULL;
	if (url != NULL || (path != NULL && *path == '/'))
		buf_adds(&target, url != NULL ? url : path);
	if (target.len == 0) {
		buf_setf(why, "path must be a string that begins with a slash");
		return -1;
	}
	encode_form(&query, json_object_get(result, "query"));
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
read_body_or_form(const json_t *result, struct profile_request *out)
{
	json_t *body = json_object_get(result, "body");
	json_t *form = json_object_get(result, "form");
	struct buf text = BUF_INIT;

	if (body != NULL && !json_is_null(body)) {
		value_dump(body, &text);
		out->type = JSON;
	} else if (json_is_object(form)) {
		encode_form(&text, form);
		out->type = FORM;
	}
	if (out->type != NULL) {
		out->body_len = text.len;
		out->body = buf_take(&text);
	}
}

static int
read_method(const json_t *result, struct profile_request *out, struct buf *why)
{
	const json_t *method = json_object_get(result, "method");
	const char *name = json_string_value(method);
	size_t i;

	out->host = profile_text_dup(result, "host");
	if (method == NULL || json_is_null(method))
		out->method = methods[out->body != NULL];
	for (i = 0; name != NULL && i < ARRAY_LEN(methods); i++)
		if (strcmp(name, methods[i]) == 0)
			out->method = methods[i];
	if (out->method == NULL)
		buf_setf(why, "method must be GET, POST, PUT, PATCH or DELETE");
	else if (out->method == methods[0] && out->body != NULL)
		buf_setf(why, "a GET request must not have a body");
	else
		return 0;
	return -1;
}

int
profile_request_read(
    const json_t *result, struct profile_request *out, struct buf *why)
{
	*out = (struct profile_request){ .target = NULL };
	if (json_is_null(result))
		return 0;
	if (!json_is_object(result)) {
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
