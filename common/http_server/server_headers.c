/*
 * server_headers: reads the headers of a request, and refuses those that a
 * proxy might read in another way (request smuggling); see service.h.
 *
 * The library accepts bare line feeds, folds lines, ends a text at a NUL and
 * the headers at a line that begins with a colon, and reports none of this.
 * However, it leaves everything in place, ends each line with two bytes, and
 * reports the total length: the parts must therefore follow each other without
 * a gap from the method to the end. A gap is text that the library has hidden.
 */
#include "common/http_server/server_impl.h"

#include <string.h>
#include <strings.h>

#include "common/base/xalloc.h"

#define HEADERS_MAX 64
#define CRLF 2
#define HEADERS_MAX_BYTES ((size_t)12 * 1024) /* including the request line */

static bool
is_named(const char *key, size_t len, const char *name)
{
	size_t i;

	for (i = 0; i < len && name[i] != '\0'; i++)
		if ((key[i] | 0x20) != name[i])
			return false;
	return i == len && name[i] == '\0';
}

/* Accepts digits only, as the library does for the first header with that
 * name. */
static uint64_t
read_length(const char *value, size_t len)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < len && n < UINT64_MAX / 16; i++)
		n = n * 10 + (uint64_t)(value[i] - '0');
	return n;
}

static bool
has_controls(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (((unsigned char)s[i] < 0x20 && s[i] != '\t') ||
		    s[i] == 0x7F)
			return true;
	return false;
}

/* The library accepts a space before the colon as part of the name; other
 * servers do not. */
static bool
is_token(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (s[i] <= ' ' || s[i] == 0x7F ||
		    strchr("\"(),/:;<=>?@[\\]{}", s[i]) != NULL)
			return false;
	return len > 0;
}

/* These may occur only once, because a proxy might read another occurrence than
 * we do. */
static const char *const single[] = { "authorization", "content-type", "cookie",
	"idempotency-key" };

static bool
is_repeated_header(struct request_headers *h, const char *key, size_t len)
{
	unsigned i, bit;

	for (i = 0; i < ARRAY_LEN(single); i++) {
		bit = 1U << i;
		if (!is_named(key, len, single[i]))
			continue;
		if ((h->once & bit) != 0)
			return true;
		h->once |= bit;
	}
	return false;
}

/* Returns the length of a host and port; a user is not accepted. */
static size_t
authority_length(const char *s)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				      "-._~%!$&'()*+,;=:[]";
	size_t len = strspn(s, allowed);

	return *s != ':' && (s[len] == '\0' || strchr("/?", s[len]) != NULL)
		   ? len
		   : 0;
}

const char *
server_skip_authority(const char *target)
{
	static const char *const schemes[] = { "http://", "https://" };
	size_t i, len, host;

	for (i = 0; i < ARRAY_LEN(schemes); i++) {
		len = strlen(schemes[i]);
		if (strncasecmp(target, schemes[i], len) != 0)
			continue;
		host = authority_length(target + len);
		if (host > 0)
			return target + len + host;
	}
	return target;
}

static enum MHD_Result
on_header(void *cls, enum MHD_ValueKind kind, const char *key, size_t key_len,
    const char *value, size_t len)
{
	struct request_headers *h = cls;

	(void)kind;
	h->n++;
	h->odd = h->odd || key != h->next || value == NULL;
	if (value == NULL)
		value = "";
	h->next = value + len + CRLF;
	h->odd = h->odd || !is_token(key, key_len) ||
		 has_controls(value, len) ||
		 is_repeated_header(h, key, key_len);
	if (is_named(key, key_len, "content-length")) {
		h->lengths++;
		h->length = read_length(value, len);
	} else if (is_named(key, key_len, "transfer-encoding")) {
		h->encodings++;
		h->chunked = is_named(value, len, "chunked");
	} else if (is_named(key, key_len, "host")) {
		h->hosts++;
	} else if (is_named(key, key_len, "x-forwarded-for")) {
		if (h->forwarded.len > 0)
			buf_addc(&h->forwarded, ',');
		buf_add(&h->forwarded, value, len);
	}
	return MHD_YES;
}

static enum MHD_Result
on_argument(void *cls, enum MHD_ValueKind kind, const char *key, size_t key_len,
    const char *value, size_t len)
{
	bool *odd = cls;

	(void)kind;
	/* A NUL would hide the text after it. */
	if (strlen(key) != key_len || (value != NULL && strlen(value) != len))
		*odd = true;
	return MHD_YES;
}

/* True if the parts of the request follow each other without a gap. */
static bool
has_no_gaps(const struct connection *c, const char *method, const char *version,
    const struct request_headers *h, size_t size)
{
	return c->raw == method + strlen(method) + 1 &&
	       version == c->raw + c->raw_len + 1 &&
	       h->next + CRLF == method + size;
}

static int
judge_headers(const struct connection *c, const char *method,
    const char *version, const struct request_headers *h)
{
	const struct service *o = c->worker->server->service;
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
	    c->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	bool is_1_1 = strcmp(version, MHD_HTTP_VERSION_1_1) == 0, odd = false;

	(void)MHD_get_connection_values_n(
	    c->connection, MHD_GET_ARGUMENT_KIND, on_argument, &odd);
	if (odd || h->odd || info == NULL ||
	    !has_no_gaps(c, method, version, h, info->header_size) ||
	    buf_str(&c->target)[0] != '/' ||
	    has_controls(c->target.data, c->target.len) || c->blanks)
		return MHD_HTTP_BAD_REQUEST;
	if (h->lengths > 1 || h->encodings > 1 || h->hosts > 1 ||
	    (h->hosts == 0 && is_1_1) ||
	    (h->encodings > 0 && (h->lengths > 0 || !h->chunked || !is_1_1)))
		return MHD_HTTP_BAD_REQUEST;
	if (h->n > HEADERS_MAX || info->header_size > HEADERS_MAX_BYTES)
		return MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE;
	return h->length > o->bodies.longest ? MHD_HTTP_CONTENT_TOO_LARGE : 0;
}

int
server_read_headers(const struct connection *c, const char *method,
    const char *version, struct request_headers *h)
{
	h->next = version + strlen(version) + CRLF;
	(void)MHD_get_connection_values_n(
	    c->connection, MHD_HEADER_KIND, on_header, h);
	return c->refusal != 0 ? c->refusal
			       : judge_headers(c, method, version, h);
}
