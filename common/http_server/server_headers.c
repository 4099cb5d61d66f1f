/*
 * server_headers: what the headers of a request say, and whether it is refused
 * for them, because somebody else might read them in another way; see server.h.
 *
 * The library takes bare line feeds, folds lines, ends a text at a NUL and the
 * headers at a line that begins with a colon, all without a word. But it leaves
 * what it reads where it came, each line ended by CR and LF (NULs by then), and
 * tells how long all was: so its pieces must stand one behind the other, from
 * the method to the end, and whatever stands between them it has hidden.
 */
#include "common/http_server/server_impl.h"

#include <string.h>

#include "common/base/xalloc.h"

#define HEADERS_MAX 64
#define CRLF 2
#define HEADERS_MAX_BYTES ((size_t)12 * 1024) /* the line included */

static bool
is_named(const char *key, size_t len, const char *name)
{
	size_t i;

	for (i = 0; i < len && name[i] != '\0'; i++)
		if ((key[i] | 0x20) != name[i])
			return false;
	return i == len && name[i] == '\0';
}

/* Digits alone, which the library has seen to for the first of that name. */
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

/* The name of a header: the library takes a blank before the colon for a part
 * of it, others do not. */
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

/* Of these we would read the first, and others perhaps the last. */
static const char *const once[] = { "authorization", "content-type",
	"idempotency-key" };

static bool
is_repeated(struct headers *h, const char *key, size_t len)
{
	unsigned i, bit;

	for (i = 0; i < ARRAY_LEN(once); i++) {
		bit = 1U << i;
		if (!is_named(key, len, once[i]))
			continue;
		if ((h->seen & bit) != 0)
			return true;
		h->seen |= bit;
	}
	return false;
}

static enum MHD_Result
see_header(void *cls, enum MHD_ValueKind kind, const char *key, size_t key_len,
    const char *value, size_t len)
{
	struct headers *h = cls;

	(void)kind;
	h->n++;
	h->odd = h->odd || key != h->next || value == NULL;
	if (value == NULL)
		value = "";
	h->next = value + len + CRLF;
	h->odd = h->odd || !is_token(key, key_len) ||
		 has_controls(value, len) || is_repeated(h, key, key_len);
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
see_argument(void *cls, enum MHD_ValueKind kind, const char *key,
    size_t key_len, const char *value, size_t len)
{
	bool *odd = cls;

	(void)kind;
	/* A NUL within would hide what is behind it. */
	if (strlen(key) != key_len || (value != NULL && strlen(value) != len))
		*odd = true;
	return MHD_YES;
}

/* Its pieces are all of it. */
static bool
is_whole(const struct connection *g, const char *method, const char *version,
    const struct headers *h, size_t size)
{
	return g->raw == method + strlen(method) + 1 &&
	       version == g->raw + g->raw_len + 1 &&
	       h->next + CRLF == method + size;
}

static int
judge(const struct connection *g, const char *method, const char *version,
    const struct headers *h)
{
	const struct server_options *o = &g->worker->server->opt;
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
	    g->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	bool is_1_1 = strcmp(version, MHD_HTTP_VERSION_1_1) == 0, odd = false;

	(void)MHD_get_connection_values_n(
	    g->connection, MHD_GET_ARGUMENT_KIND, see_argument, &odd);
	if (odd || h->odd || info == NULL ||
	    !is_whole(g, method, version, h, info->header_size) ||
	    buf_str(&g->target)[0] != '/' ||
	    has_controls(g->target.data, g->target.len) || g->blanks)
		return MHD_HTTP_BAD_REQUEST;
	if (h->lengths > 1 || h->encodings > 1 || h->hosts > 1 ||
	    (h->hosts == 0 && is_1_1) ||
	    (h->encodings > 0 && (h->lengths > 0 || !h->chunked || !is_1_1)))
		return MHD_HTTP_BAD_REQUEST;
	if (h->n > HEADERS_MAX || info->header_size > HEADERS_MAX_BYTES)
		return MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE;
	return h->length > o->max_body ? MHD_HTTP_CONTENT_TOO_LARGE : 0;
}

int
server_read_headers(const struct connection *g, const char *method,
    const char *version, struct headers *h)
{
	h->next = version + strlen(version) + CRLF;
	(void)MHD_get_connection_values_n(
	    g->connection, MHD_HEADER_KIND, see_header, h);
	return g->refusal != 0 ? g->refusal : judge(g, method, version, h);
}
