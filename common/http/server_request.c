/*
 * server_request: one request of a connection, from its first line to its
 * answer; see server.h.
 *
 * The library calls server_handle() several times for a request. Three flags
 * and the refusal, which reset_request() clears, select the step:
 *
 *   call               begun  handled  safe  refusal  step
 *   after the headers    -       -      -      any    begin_body()
 *   piece of the body   yes      -      -      any    add_to_body()
 *   end of the body     yes      -      -      none   call_handler(), then wait
 *                                                     or send its answer
 *   end of the body     yes      -      -      set    send the refusal
 *   after a wait        yes     yes     -      any    send 503: the lines were
 *                                                     not stored
 *   after a wait        yes     yes    yes     none   send the handler's answer
 *   after a wait        yes     yes    yes     set    send the refusal: the
 *                                                     work queue was full, or
 *                                                     it was too late to start
 *
 * begin_body() sends some refusals at once. This closes the connection, because
 * the body is not read. A wait is a suspension, until the storer or a thread of
 * the work queue has called on_stored(); a request without lines is safe, too.
 * Sending an answer is always the last step. c->phase selects no step: it only
 * decides how long the connection may stay as it is (server.c).
 *
 * Headers that a proxy might read in another way are refused (request
 * smuggling). The library accepts bare line feeds, folds lines, ends a text at
 * a NUL and the headers at a line that begins with a colon, and reports none of
 * this. However, it leaves everything in place, ends each line with two bytes,
 * and reports the total length: the parts must therefore follow each other
 * without a gap from the method to the end. A gap is text that the library has
 * hidden.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/http/server_impl.h"

/* Maximum of path and query. */
#define LINE_MAX_BYTES ((size_t)4096)
#define HEADERS_MAX 64
#define HEADERS_MAX_BYTES ((size_t)12 * 1024) /* including the request line */
#define CRLF 2
/* A body of up to this size is read even if the request is refused, so that the
 * connection can stay open. */
#define POLITE_BYTES ((uint64_t)64 * 1024)
/* Buffers up to this size are reused for the next request. */
#define KEPT_BYTES ((size_t)16 * 1024)
/* Retry-After if lines cannot be stored or the server stops. */
#define STORE_RETRY_S 5
/* How long a client that has closed its side may still wait for an answer. */
#define PATIENCE_MS 1000

/* ---- the memory of a request ---- */

static void
recycle(struct buf *b)
{
	if (b->cap > KEPT_BYTES)
		buf_release(b);
	buf_clear(b);
}

static void
drop_body(struct connection *c)
{
	(void)atomic_fetch_sub_explicit(
	    &c->worker->server->held, c->body.len, memory_order_relaxed);
	recycle(&c->body);
}

/* Clears the request, but keeps some memory for the next one. */
static void
reset_request(struct connection *c)
{
	struct web_answer *a = &c->answer, kept = *a;

	drop_body(c);
	server_end_stream(c);
	recycle(&kept.body);
	recycle(&kept.records);
	recycle(&kept.headers);
	recycle(&kept.note);
	*a = (struct web_answer){
		.body = kept.body,
		.records = kept.records,
		.headers = kept.headers,
		.note = kept.note,
	};
	c->received = 0;
	c->begun = c->handled = c->safe = false;
	c->refusal = c->retry_after = 0;
}

void
server_release_request(struct connection *c)
{
	reset_request(c);
	buf_release(&c->target);
	buf_release(&c->body);
	buf_release(&c->answer.body);
	buf_release(&c->answer.records);
	buf_release(&c->answer.headers);
	buf_release(&c->answer.note);
}

/* ---- the headers ---- */

/* The result of read_headers(). */
struct request_headers {
	unsigned lengths, encodings, hosts, n;
	unsigned once; /* a bit for each header found that must be single */
	bool chunked, odd;
	const char *next; /* where the next header must begin */
	uint64_t length;
	struct buf forwarded;
};

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

/* Skips "http://HOST" or "https://HOST", with which a target for a proxy begins
 * (RFC 9112, 3.2.2); returns other targets unchanged. The host is ignored, as
 * is the Host header. */
static const char *
skip_authority(const char *target)
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
	const struct server *s = c->worker->server;
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
	return h->length > s->max_body ? MHD_HTTP_CONTENT_TOO_LARGE : 0;
}

/* Reads the headers into *h, which must be zeroed; the caller releases
 * h->forwarded. Returns the status with which to refuse the request, possibly
 * one set before; 0: none. method and version point into the request as the
 * library read it. */
static int
read_headers(const struct connection *c, const char *method,
    const char *version, struct request_headers *h)
{
	h->next = version + strlen(version) + CRLF;
	(void)MHD_get_connection_values_n(
	    c->connection, MHD_HEADER_KIND, on_header, h);
	return c->refusal != 0 ? c->refusal
			       : judge_headers(c, method, version, h);
}

/* ---- the answer ---- */

/* Replaces the handler's answer with the server's own. */
static void
set_refusal(struct connection *c)
{
	struct web_answer *a = &c->answer;

	a->status = c->refusal;
	a->content_type = a->allow = a->authenticate = NULL;
	a->retry_after = c->retry_after;
	buf_clear(&a->body);
	buf_clear(&a->headers);
	c->worker->server->refuse(c->refusal, a);
}

static void
count_answer(const struct connection *c)
{
	struct server_counts *t = &c->worker->server->counts;
	int status = c->answer.status;

	server_count(&t->requests, 1);
	if (status < 400)
		server_count(&t->accepted, 1);
	else if (status == MHD_HTTP_BAD_REQUEST)
		server_count(&t->malformed, 1);
	else if (status == MHD_HTTP_CONTENT_TOO_LARGE ||
		 status == MHD_HTTP_URI_TOO_LONG ||
		 status == MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE)
		server_count(&t->too_large, 1);
	else if (status == MHD_HTTP_TOO_MANY_REQUESTS)
		server_count(&t->too_many, 1);
	else if (status < 500)
		server_count(&t->refused, 1);
	else if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
		server_count(&t->later, 1);
	else
		server_count(&t->failed, 1);
	if (c->safe) {
		server_count(&t->records, c->answer.records_n);
		server_count(&t->dead, c->answer.dead_n);
	}
}

/* Adds lines of the form "Name: value". */
static bool
add_headers(struct MHD_Response *r, const char *lines)
{
	struct buf line = BUF_INIT;
	bool ok = true;
	size_t len, name;

	for (; ok && *lines != '\0'; lines += len + 1) {
		len = strcspn(lines, "\n");
		name = strcspn(lines, ":");
		buf_clear(&line);
		buf_add(&line, lines, len);
		line.data[name] = '\0';
		ok = MHD_add_response_header(
			 r, line.data, line.data + name + 2) == MHD_YES;
	}
	buf_release(&line);
	return ok;
}

/* The body stays in place until the request has ended. */
static struct MHD_Response *
make_response(struct connection *c)
{
	struct web_answer *a = &c->answer;

	if (a->events != NULL && c->refusal == 0)
		return server_begin_stream(c);
	server_set_phase(c, PHASE_ANSWER);
	return MHD_create_response_from_buffer(
	    a->body.len, a->body.data, MHD_RESPMEM_PERSISTENT);
}

/* An empty body has a type, too: that of a response without rows. */
static const char *
type_of(const struct web_answer *a)
{
	if (a->status == MHD_HTTP_NO_CONTENT ||
	    a->status == MHD_HTTP_NOT_MODIFIED)
		return NULL;
	return a->content_type == NULL && a->body.len > 0 ? "application/json"
							  : a->content_type;
}

/* Sends c->answer, or c->refusal if there is one. */
static enum MHD_Result
send_answer(struct connection *c)
{
	struct web_answer *a = &c->answer;
	struct MHD_Response *r;
	enum MHD_Result result;
	const char *type;
	char number[16];
	bool ok = true;

	if (c->refusal != 0)
		set_refusal(c);
	count_answer(c);
	r = make_response(c);
	if (r == NULL)
		return MHD_NO;
	type = type_of(a);
	if (type != NULL)
		ok = MHD_add_response_header(r, "Content-Type", type);
	if (a->allow != NULL)
		ok = ok && MHD_add_response_header(r, "Allow", a->allow);
	if (a->authenticate != NULL)
		ok = ok && MHD_add_response_header(
			       r, "WWW-Authenticate", a->authenticate);
	ok = ok && add_headers(r, buf_str(&a->headers));
	if (a->retry_after > 0) {
		(void)snprintf(number, sizeof number, "%d", a->retry_after);
		ok = ok && MHD_add_response_header(r, "Retry-After", number);
	}
	if (atomic_load_explicit(
		&c->worker->server->stopping, memory_order_relaxed))
		ok = ok && MHD_add_response_header(r, "Connection", "close");
	result = ok ? MHD_queue_response(c->connection, (unsigned)a->status, r)
		    : MHD_NO;
	MHD_destroy_response(r);
	return result;
}

/* ---- the request ---- */

void *
server_begin_request(
    void *cls, const char *uri, struct MHD_Connection *connection)
{
	struct connection *c = MHD_get_connection_info(
	    connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
				   ->socket_context;
	const char *path = skip_authority(uri);
	size_t len = strlen(uri), path_len = strcspn(path, "?");
	bool first = c->phase == PHASE_HEAD;

	(void)cls;
	server_set_phase(c, PHASE_HEAD);
	if (!first)
		c->request_ms = c->phase_ms;
	c->raw = uri;
	c->raw_len = len;
	if (len > LINE_MAX_BYTES)
		c->refusal = MHD_HTTP_URI_TOO_LONG;
	c->blanks = strchr(uri, ' ') != NULL;
	buf_clear(&c->target);
	buf_add(&c->target, path, path_len);
	if (path != uri && path_len == 0)
		buf_addc(&c->target, '/');
	return c;
}

void
server_end_request(void *cls, struct MHD_Connection *connection, void **ctx,
    enum MHD_RequestTerminationCode how)
{
	struct connection *c = *ctx;

	(void)cls;
	(void)connection;
	(void)how;
	if (c == NULL)
		return;
	reset_request(c);
	server_set_phase(c, PHASE_IDLE);
	*ctx = NULL;
}

/* Refuses the request if its client exceeds its rate, or if it was forwarded by
 * a proxy that the configuration does not name: otherwise it would have the
 * permissions of the proxy's machine. */
static void
admit_request(struct connection *c, const char *forwarded)
{
	static const struct address unnamed; /* by its proxy */
	struct client_limits *a = c->worker->server->client_limits;
	struct address client = client_limits_client(a, &c->peer, forwarded);
	int wait = client_limits_take(a, &client, c->phase_ms);

	address_format(&client, c->client);
	address_format(
	    address_same(&client, &unnamed) ? &c->peer : &client, c->from);
	if (wait > 0) {
		c->refusal = MHD_HTTP_TOO_MANY_REQUESTS;
		c->retry_after = wait;
	} else if (forwarded != NULL && !client_limits_is_proxy(a, &c->peer)) {
		c->refusal = MHD_HTTP_FORBIDDEN;
	}
}

static enum MHD_Result
begin_body(struct connection *c, const char *method, const char *version)
{
	struct request_headers h = { .n = 0 };
	int status;

	c->begun = true;
	server_set_phase(c, PHASE_BODY);
	status = read_headers(c, method, version, &h);
	admit_request(c, h.forwarded.len > 0 ? buf_str(&h.forwarded) : NULL);
	buf_release(&h.forwarded);
	c->is_head = strcmp(method, "HEAD") == 0;
	c->is_get = c->is_head || strcmp(method, "GET") == 0;
	if (status != 0)
		c->refusal = status;
	/* An answer before the body has arrived closes the connection. */
	if (status == 0 &&
	    (c->refusal == 0 || (!h.chunked && h.length <= POLITE_BYTES)))
		return MHD_YES;
	c->sends_on = h.chunked || h.length > 0;
	return send_answer(c);
}

/* Adds a piece of the body. Up to four times max_body is read and dropped,
 * because the length of a chunked body is unknown. */
static enum MHD_Result
add_to_body(struct connection *c, const char *data, size_t len)
{
	struct server *s = c->worker->server;
	size_t most = s->max_body, held;

	c->received += len;
	if (c->refusal != 0)
		return c->received > 4 * most ? MHD_NO : MHD_YES;
	if (c->received > most) {
		c->refusal = MHD_HTTP_CONTENT_TOO_LARGE;
		drop_body(c);
		return MHD_YES;
	}
	held = atomic_fetch_add_explicit(&s->held, len, memory_order_relaxed);
	buf_add(&c->body, data, len);
	if (held + len > s->max_bodies) {
		c->refusal = MHD_HTTP_SERVICE_UNAVAILABLE;
		c->retry_after = 1;
		drop_body(c); /* otherwise all later ones would be
			       * refused, too */
	}
	return MHD_YES;
}

static const char *
find_request_header(const struct web_request *r, const char *name)
{
	const struct connection *c = r->private;

	return MHD_lookup_connection_value(
	    c->connection, MHD_HEADER_KIND, name);
}

struct argument_visit {
	web_parameter_visitor *visit;
	void *ctx;
};

static enum MHD_Result
visit_argument(
    void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
	const struct argument_visit *v = cls;

	(void)kind;
	v->visit(v->ctx, name, value);
	return MHD_YES;
}

static void
visit_arguments(
    const struct web_request *r, web_parameter_visitor *visit, void *ctx)
{
	const struct connection *c = r->private;
	struct argument_visit v = { visit, ctx };

	(void)MHD_get_connection_values(
	    c->connection, MHD_GET_ARGUMENT_KIND, visit_argument, &v);
}

/* Called in any thread. */
static void
on_stored(struct pending_request *p, bool safe)
{
	struct connection *c =
	    (struct connection *)(void *)((char *)p -
					  offsetof(struct connection, pending));

	c->safe = safe;
	server_resume(c);
}

static void
call_handler(struct connection *c, const char *method)
{
	const struct server *s = c->worker->server;

	c->request = (struct web_request){
		.method = c->is_get                     ? WEB_GET
			  : strcmp(method, "POST") == 0 ? WEB_POST
							: WEB_OTHER,
		.path = buf_str(&c->target),
		.body = buf_str(&c->body),
		.len = c->body.len,
		.peer = c->client,
		.from = c->from,
		.now_ms = clock_now_ms(),
		.header = find_request_header,
		.parameters = visit_arguments,
		.private = c,
	};
	c->handled = true;
	c->answer.status = MHD_HTTP_OK;
	s->handle(s->context, &c->request, &c->answer);
}

/* True if there are lines to store before the answer is sent. */
static bool
has_lines(const struct connection *c)
{
	const struct web_answer *a = &c->answer;

	return a->status < 300 && a->records.len > 0;
}

static void
store_lines(struct connection *c)
{
	const struct server *s = c->worker->server;
	struct web_answer *a = &c->answer;

	c->pending = (struct pending_request){
		.records = &a->records,
		.note = &a->note,
		.done = on_stored,
	};
	s->store(s->context, &c->pending);
}

/* True if the request has waited so long that its client gave up; handling it
 * would only delay others. A client that closes its side right after its
 * request may still read the answer. */
static bool
is_for_nobody(const struct connection *c)
{
	return c->is_get && clock_mono_ms() - c->phase_ms > PATIENCE_MS &&
	       server_has_left(c);
}

/* Runs in a thread of the work queue. */
static void
run_later_handler(struct work_queue_job *j)
{
	struct connection *c =
	    (struct connection *)(void *)((char *)j -
					  offsetof(struct connection, job));
	const struct server *s = c->worker->server;
	long long end = atomic_load(&s->queues_end_ms);

	if ((end != 0 && clock_mono_ms() > end) || is_for_nobody(c)) {
		c->refusal = MHD_HTTP_SERVICE_UNAVAILABLE;
		c->retry_after = STORE_RETRY_S;
	} else {
		c->answer.later(s->context, &c->request, &c->answer);
	}
	if (c->refusal == 0 && has_lines(c))
		store_lines(c);
	else
		on_stored(&c->pending, true);
}

/* The answer is 503 if the queue is full. */
static void
make_later(struct connection *c)
{
	c->job = (struct work_queue_job){ .run = run_later_handler,
		.bytes = c->body.len,
		.lane = c->answer.lane };
	if (work_queue_put(c->answer.queue, &c->job))
		return;
	c->refusal = MHD_HTTP_SERVICE_UNAVAILABLE;
	c->retry_after = 1;
	on_stored(&c->pending, true);
}

/* Suspends the connection if a work queue or the storer must act first. */
static bool
must_wait(struct connection *c)
{
	bool later = c->answer.later != NULL;

	if (!later && !has_lines(c))
		return false;
	server_set_phase(c, PHASE_WAITING);
	c->worker->waiting_n++;
	MHD_suspend_connection(c->connection);
	if (later)
		make_later(c);
	else
		store_lines(c);
	return true;
}

/* NOLINTBEGIN(readability-function-size): its eight parameters are given */
enum MHD_Result
server_handle(void *cls, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *data, size_t *len,
    void **ctx)
{
	struct connection *c = *ctx;

	(void)cls;
	(void)url;
	(void)connection;
	if (!c->begun)
		return begin_body(c, method, version);
	if (*len > 0) {
		enum MHD_Result result = add_to_body(c, data, *len);

		*len = 0;
		return result;
	}
	if (c->refusal == 0 && !c->handled) {
		call_handler(c, method);
		if (must_wait(c))
			return MHD_YES;
	} else if (c->handled && !c->safe) {
		c->refusal = MHD_HTTP_SERVICE_UNAVAILABLE;
		c->retry_after = STORE_RETRY_S;
	}
	return send_answer(c);
}
/* NOLINTEND(readability-function-size) */
