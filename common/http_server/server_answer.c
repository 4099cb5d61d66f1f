/*
 * server_answer: sends the answer of a request, the handler's or the server's
 * own refusal, and counts it; see server.h.
 */
#include "common/http_server/server_impl.h"

#include <stdio.h>
#include <string.h>

#include "common/http/http_status.h"
#include "common/text/jsonw.h"

/* The server's own answer in place of the handler's. */
static void
set_refusal(struct connection *c)
{
	struct web_answer *a = &c->answer;
	server_refuser *refuse = c->worker->server->opt.callbacks.refuse;

	a->status = c->refusal;
	a->content_type = a->allow = a->authenticate = NULL;
	a->retry_after = c->retry_after;
	buf_clear(&a->body);
	buf_clear(&a->headers);
	if (refuse != NULL) {
		refuse(c->refusal, a);
		return;
	}
	jsonw_open(&a->body);
	jsonw_str(&a->body, "detail", http_status_text(c->refusal));
	jsonw_close(&a->body);
}

static void
count_answer(const struct connection *c)
{
	struct server_counts *t = c->worker->server->opt.counts;
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

/* Adds lines of "Name: value". */
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

/* The body stays where it is until the request has ended. */
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

/* A type is told where the body is empty, too: rows may be none. */
static const char *
type_of(const struct web_answer *a)
{
	if (a->status == MHD_HTTP_NO_CONTENT ||
	    a->status == MHD_HTTP_NOT_MODIFIED)
		return NULL;
	return a->content_type == NULL && a->body.len > 0 ? "application/json"
							  : a->content_type;
}

enum MHD_Result
server_send_answer(struct connection *c)
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
