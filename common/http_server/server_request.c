/*
 * server_request: one request of a connection, from its first line to its
 * answer; see server.h.
 *
 * The library calls server_handle() once when the headers have come (then a
 * refusal closes the connection, because the body is not read), for each piece
 * of the body, and again when all of it has come; after a suspension once more.
 */
#include "common/http_server/server_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/text/jsonw.h"

#define LINE_MAX_BYTES ((size_t)4096)
/* A body that is refused and not longer than that is read all the same, so
 * that the connection can stay. */
#define POLITE_BYTES ((uint64_t)64 * 1024)
/* What a connection keeps for its next request. */
#define KEPT_BYTES ((size_t)16 * 1024)
/* When lines cannot be stored, or the server stops. */
#define STORE_RETRY_S 5

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
	struct connection *g = connection_of(connection);
	const char *query = strchr(uri, '?');
	size_t len = strlen(uri);
	bool first = g->phase == PHASE_HEAD;

	(void)cls;
	server_enter(g, PHASE_HEAD);
	if (!first)
		g->request_ms = g->phase_ms;
	g->raw = uri;
	g->raw_len = len;
	if (len > LINE_MAX_BYTES)
		g->refusal = MHD_HTTP_URI_TOO_LONG;
	g->blanks = strchr(uri, ' ') != NULL;
	if (query != NULL)
		len = (size_t)(query - uri);
	buf_clear(&g->target);
	buf_add(&g->target, uri, len);
	return g;
}

static void
recycle(struct buf *b)
{
	if (b->cap > KEPT_BYTES)
		buf_release(b);
	buf_clear(b);
}

static void
drop_body(struct connection *g)
{
	(void)atomic_fetch_sub_explicit(
	    &g->worker->server->held, g->body.len, memory_order_relaxed);
	recycle(&g->body);
}

void
server_forget(struct connection *g)
{
	struct web_answer *a = &g->answer, kept = *a;

	drop_body(g);
	recycle(&kept.body);
	recycle(&kept.records);
	recycle(&kept.dead);
	*a = (struct web_answer){
		.body = kept.body,
		.records = kept.records,
		.dead = kept.dead,
	};
	g->received = 0;
	g->begun = g->asked = g->safe = false;
	g->refusal = g->retry_after = 0;
}

void
server_release(struct connection *g)
{
	server_forget(g);
	buf_release(&g->target);
	buf_release(&g->body);
	buf_release(&g->answer.body);
	buf_release(&g->answer.records);
	buf_release(&g->answer.dead);
}

void
server_end_request(void *cls, struct MHD_Connection *connection, void **ctx,
    enum MHD_RequestTerminationCode how)
{
	struct connection *g = *ctx;

	(void)cls;
	(void)connection;
	(void)how;
	if (g == NULL)
		return;
	server_forget(g);
	server_enter(g, PHASE_IDLE);
	*ctx = NULL;
}

static const char *
text_of(int status)
{
	switch (status) {
	case MHD_HTTP_BAD_REQUEST:
		return "Bad Request";
	case MHD_HTTP_CONTENT_TOO_LARGE:
		return "Content Too Large";
	case MHD_HTTP_URI_TOO_LONG:
		return "URI Too Long";
	case MHD_HTTP_TOO_MANY_REQUESTS:
		return "Too Many Requests";
	case MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE:
		return "Request Header Fields Too Large";
	default:
		return "Service Unavailable";
	}
}

/* The server's own answer in place of the handler's. */
static void
set_refusal(struct connection *g)
{
	struct web_answer *a = &g->answer;

	a->status = g->refusal;
	a->content_type = a->allow = a->authenticate = NULL;
	a->retry_after = g->retry_after;
	buf_clear(&a->body);
	jsonw_open(&a->body);
	jsonw_str(&a->body, "detail", text_of(g->refusal));
	jsonw_close(&a->body);
}

static void
count(const struct connection *g)
{
	struct server_counts *t = g->worker->server->opt.counts;
	int status = g->answer.status;

	server_count(&t->requests, 1);
	if (status < 400)
		server_count(&t->accepted, 1);
	else if (g->refusal == MHD_HTTP_BAD_REQUEST)
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
	if (g->safe) {
		server_count(&t->records, g->answer.records_n);
		server_count(&t->dead, g->answer.dead_n);
	}
}

static enum MHD_Result
reply(struct connection *g)
{
	struct web_answer *a = &g->answer;
	struct MHD_Response *r;
	enum MHD_Result result;
	char number[16];
	bool ok = true;

	if (g->refusal != 0)
		set_refusal(g);
	count(g);
	server_enter(g, PHASE_ANSWER);
	/* The body stays where it is until the request has ended. */
	r = MHD_create_response_from_buffer(
	    a->body.len, a->body.data, MHD_RESPMEM_PERSISTENT);
	if (r == NULL)
		return MHD_NO;
	if (a->body.len > 0)
		ok = MHD_add_response_header(r, "Content-Type",
		    a->content_type != NULL ? a->content_type
					    : "application/json");
	if (a->allow != NULL)
		ok = ok && MHD_add_response_header(r, "Allow", a->allow);
	if (a->authenticate != NULL)
		ok = ok && MHD_add_response_header(
			       r, "WWW-Authenticate", a->authenticate);
	if (a->retry_after > 0) {
		(void)snprintf(number, sizeof number, "%d", a->retry_after);
		ok = ok && MHD_add_response_header(r, "Retry-After", number);
	}
	if (atomic_load_explicit(
		&g->worker->server->stopping, memory_order_relaxed))
		ok = ok && MHD_add_response_header(r, "Connection", "close");
	result = ok ? MHD_queue_response(g->connection, (unsigned)a->status, r)
		    : MHD_NO;
	MHD_destroy_response(r);
	return result;
}

/* May this client come now? */
static void
admit(struct connection *g, const char *forwarded)
{
	struct admission *a = g->worker->server->opt.admission;
	struct address client = admission_client(a, &g->peer, forwarded);
	int wait = admission_take(a, &client, g->phase_ms);

	address_format(&client, g->client);
	if (wait > 0) {
		g->refusal = MHD_HTTP_TOO_MANY_REQUESTS;
		g->retry_after = wait;
	}
}

static enum MHD_Result
begin(struct connection *g, const char *method, const char *version)
{
	struct headers h = { .n = 0 };
	int status;

	g->begun = true;
	server_enter(g, PHASE_BODY);
	status = server_read_headers(g, method, version, &h);
	admit(g, h.forwarded.len > 0 ? buf_str(&h.forwarded) : NULL);
	buf_release(&h.forwarded);
	g->is_get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
	if (status != 0)
		g->refusal = status;
	/* Now means that the connection closes, with what is unread. */
	if (status == 0 &&
	    (g->refusal == 0 || (!h.chunked && h.length <= POLITE_BYTES)))
		return MHD_YES;
	g->sends_on = h.chunked || h.length > 0;
	return reply(g);
}

/* A piece of the body. What is too much is read on and dropped, but only up to
 * a point: a chunked body tells no length. */
static enum MHD_Result
take(struct connection *g, const char *data, size_t len)
{
	struct server *s = g->worker->server;
	size_t most = s->opt.max_body, held;

	g->received += len;
	if (g->refusal != 0)
		return g->received > 4 * most ? MHD_NO : MHD_YES;
	if (g->received > most) {
		g->refusal = MHD_HTTP_CONTENT_TOO_LARGE;
		drop_body(g);
		return MHD_YES;
	}
	held = atomic_fetch_add_explicit(&s->held, len, memory_order_relaxed);
	buf_add(&g->body, data, len);
	if (held + len > s->opt.memory) {
		g->refusal = MHD_HTTP_SERVICE_UNAVAILABLE;
		g->retry_after = 1;
		drop_body(g); /* or all would be refused, not the last */
	}
	return MHD_YES;
}

static const char *
find_header(const struct web_request *r, const char *name)
{
	return MHD_lookup_connection_value(r->private, MHD_HEADER_KIND, name);
}

static const char *
find_argument(const struct web_request *r, const char *name)
{
	return MHD_lookup_connection_value(
	    r->private, MHD_GET_ARGUMENT_KIND, name);
}

/* In any thread: of the storer, or of a work queue. */
static void
made_safe(struct pending_request *p, bool safe)
{
	struct connection *g =
	    (struct connection *)(void *)((char *)p -
					  offsetof(struct connection, pending));
	struct worker *w = g->worker;
	uint64_t one = 1;
	bool first;

	g->safe = safe;
	(void)pthread_mutex_lock(&w->lock);
	first = w->done == NULL;
	p->next = w->done;
	w->done = p;
	(void)pthread_mutex_unlock(&w->lock);
	/* g may be gone by now. */
	if (first && write(w->wake, &one, sizeof one) < 0)
		return;
}

static void
ask(struct connection *g, const char *method)
{
	const struct server_callbacks *c = &g->worker->server->opt.callbacks;

	g->request = (struct web_request){
		.method = g->is_get                     ? WEB_GET
			  : strcmp(method, "POST") == 0 ? WEB_POST
							: WEB_OTHER,
		.path = buf_str(&g->target),
		.body = buf_str(&g->body),
		.len = g->body.len,
		.peer = g->client,
		.now_ms = clock_now_ms(),
		.header = find_header,
		.query = find_argument,
		.private = g->connection,
	};
	g->asked = true;
	g->answer.status = MHD_HTTP_OK;
	c->handle(c->context, &g->request, &g->answer);
}

/* True when there are lines to store before the answer goes out. */
static bool
has_records(const struct connection *g)
{
	const struct web_answer *a = &g->answer;

	return a->status < 300 && a->records.len + a->dead.len > 0;
}

static void
make_safe(struct connection *g)
{
	const struct server_callbacks *c = &g->worker->server->opt.callbacks;
	struct web_answer *a = &g->answer;

	g->pending = (struct pending_request){
		.records = &a->records,
		.dead = &a->dead,
		.done = made_safe,
		.n = a->records_n + a->dead_n,
	};
	c->store(c->context, &g->pending);
}

/* The rest of the request, in the thread of its work queue. */
static void
work(struct work_queue_job *j)
{
	struct connection *g =
	    (struct connection *)(void *)((char *)j -
					  offsetof(struct connection, job));
	const struct server *s = g->worker->server;
	const void *context = s->opt.callbacks.context;
	long long end = atomic_load(&s->queues_end_ms);

	if (end != 0 && clock_mono_ms() > end) {
		g->refusal = MHD_HTTP_SERVICE_UNAVAILABLE;
		g->retry_after = STORE_RETRY_S;
	} else {
		g->answer.later(context, &g->request, &g->answer);
	}
	if (g->refusal == 0 && has_records(g))
		make_safe(g);
	else
		made_safe(&g->pending, true);
}

static void
make_later(struct connection *g)
{
	g->job = (struct work_queue_job){ .run = work, .bytes = g->body.len };
	if (work_queue_put(g->answer.queue, &g->job))
		return;
	g->refusal = MHD_HTTP_SERVICE_UNAVAILABLE;
	g->retry_after = 1;
	made_safe(&g->pending, true);
}

/* Suspends the connection if others have to do with the request first. */
static bool
must_wait(struct connection *g)
{
	bool later = g->answer.later != NULL;

	if (!later && !has_records(g))
		return false;
	server_enter(g, PHASE_WAITING);
	g->worker->waiting_n++;
	MHD_suspend_connection(g->connection);
	if (later)
		make_later(g);
	else
		make_safe(g);
	return true;
}

/* NOLINTBEGIN(readability-function-size): its eight parameters are given */
enum MHD_Result
server_handle(void *cls, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *data, size_t *len,
    void **ctx)
{
	struct connection *g = *ctx;

	(void)cls;
	(void)url;
	(void)connection;
	if (!g->begun)
		return begin(g, method, version);
	if (*len > 0) {
		enum MHD_Result result = take(g, data, *len);

		*len = 0;
		return result;
	}
	if (g->refusal == 0 && !g->asked) {
		ask(g, method);
		if (must_wait(g))
			return MHD_YES;
	} else if (g->asked && !g->safe) {
		g->refusal = MHD_HTTP_SERVICE_UNAVAILABLE;
		g->retry_after = STORE_RETRY_S;
	}
	return reply(g);
}
/* NOLINTEND(readability-function-size) */
