/*
 * server_request: one request of a connection, from its first line to its
 * answer; see service.h.
 *
 * The library calls server_handle() once after the headers (a refusal then
 * closes the connection, because the body is not read), once for each piece of
 * the body, once at its end, and once after a suspension.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/http/web.h"
#include "common/http_server/server_impl.h"

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
	c->worker->server->service->callbacks.refuse(c->refusal, a);
}

static void
count_answer(const struct connection *c)
{
	struct server_counts *t = &c->worker->server->service->counts;
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

/* Maximum of path and query. */
#define LINE_MAX_BYTES ((size_t)4096)
/* A body of up to this size is read even if the request is refused, so that the
 * connection can stay open. */
#define POLITE_BYTES ((uint64_t)64 * 1024)
/* Sets Retry-After if lines cannot be stored or the server stops. */
#define STORE_RETRY_S 5
/* How long a client that has closed its side may still wait for an answer. */
#define PATIENCE_MS 1000

static struct connection *
connection_of(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(
	    connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
	    ->socket_context;
}

void *
server_begin_request(
    void *cls, const char *uri, struct MHD_Connection *connection)
{
	struct connection *c = connection_of(connection);
	const char *path = server_skip_authority(uri);
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
	server_reset_request(c);
	server_set_phase(c, PHASE_IDLE);
	*ctx = NULL;
}

/* Refuses the request if its client exceeds its rate, or if it was forwarded by
 * a proxy that the configuration does not name: otherwise it would have the
 * permissions of the proxy's machine. */
static void
admit_request(struct connection *c, const char *forwarded)
{
	struct client_limits *a = c->worker->server->service->client_limits;
	struct address client = client_limits_client(a, &c->peer, forwarded);
	int wait = client_limits_take(a, &client, c->phase_ms);

	address_format(&client, c->client);
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
	status = server_read_headers(c, method, version, &h);
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
	size_t most = s->service->bodies.longest, held;

	c->received += len;
	if (c->refusal != 0)
		return c->received > 4 * most ? MHD_NO : MHD_YES;
	if (c->received > most) {
		c->refusal = MHD_HTTP_CONTENT_TOO_LARGE;
		server_drop_body(c);
		return MHD_YES;
	}
	held = atomic_fetch_add_explicit(&s->held, len, memory_order_relaxed);
	buf_add(&c->body, data, len);
	if (held + len > s->service->bodies.memory) {
		c->refusal = MHD_HTTP_SERVICE_UNAVAILABLE;
		c->retry_after = 1;
		server_drop_body(c); /* otherwise all later ones would be
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
	const struct server_callbacks *cb =
	    &c->worker->server->service->callbacks;

	c->request = (struct web_request){
		.method = c->is_get                     ? WEB_GET
			  : strcmp(method, "POST") == 0 ? WEB_POST
							: WEB_OTHER,
		.path = buf_str(&c->target),
		.body = buf_str(&c->body),
		.len = c->body.len,
		.peer = c->client,
		.now_ms = clock_now_ms(),
		.header = find_request_header,
		.parameters = visit_arguments,
		.private = c,
	};
	c->handled = true;
	c->answer.status = MHD_HTTP_OK;
	cb->handle(cb->context, &c->request, &c->answer);
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
	const struct server_callbacks *cb =
	    &c->worker->server->service->callbacks;
	struct web_answer *a = &c->answer;

	c->pending = (struct pending_request){
		.records = &a->records,
		.note = &a->note,
		.done = on_stored,
	};
	cb->store(cb->context, &c->pending);
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
	const void *context = s->service->callbacks.context;
	long long end = atomic_load(&s->queues_end_ms);

	if ((end != 0 && clock_mono_ms() > end) || is_for_nobody(c)) {
		c->refusal = MHD_HTTP_SERVICE_UNAVAILABLE;
		c->retry_after = STORE_RETRY_S;
	} else {
		c->answer.later(context, &c->request, &c->answer);
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
