/*
 * server_connection: the connections of a server thread: adding and removing
 * them, the memory of their requests, and their deadlines. A connection that is
 * past its deadline is shut down; libmicrohttpd then sees its end. Called by
 * that thread alone.
 */
#define _DEFAULT_SOURCE /* MSG_NOSIGNAL */

#include "common/http_server/server_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"

/* A buffer up to that size is kept for the next request. */
#define KEPT_BYTES ((size_t)16 * 1024)
/* How long what a refused client still sends is read. */
#define LINGER_MS 2000
#define DRAIN_BYTES 65536
/* How long a body may come slower than min_rate. */
#define GRACE_MS 5000

static const char slow[] = "HTTP/1.1 408 Request Timeout\r\n"
			   "Content-Length: 0\r\nConnection: close\r\n\r\n";

void
server_add_connection(
    struct server_worker *w, int fd, const struct address *peer)
{
	struct connection *c = xcalloc(1, sizeof *c);

	c->worker = w;
	c->fd = fd;
	c->peer = *peer;
	server_set_phase(c, PHASE_HEAD);
	c->request_ms = c->phase_ms;
	c->next = w->connections;
	c->prev = &w->connections;
	if (c->next != NULL)
		c->next->prev = &c->next;
	w->connections = c;
	w->connections_n++;
}

static void
recycle(struct buf *b)
{
	if (b->cap > KEPT_BYTES)
		buf_release(b);
	buf_clear(b);
}

void
server_drop_body(struct connection *c)
{
	(void)atomic_fetch_sub_explicit(
	    &c->worker->server->held, c->body.len, memory_order_relaxed);
	recycle(&c->body);
}

void
server_reset_request(struct connection *c)
{
	struct web_answer *a = &c->answer, kept = *a;
	size_t i;

	for (i = 0; i < HEADER_LISTS; i++)
		recycle(&c->lists[i]);
	server_drop_body(c);
	server_end_stream(c);
	recycle(&kept.body);
	recycle(&kept.records);
	recycle(&kept.dead);
	recycle(&kept.headers);
	recycle(&kept.note);
	*a = (struct web_answer){
		.body = kept.body,
		.records = kept.records,
		.dead = kept.dead,
		.headers = kept.headers,
		.note = kept.note,
	};
	c->received = 0;
	c->begun = c->handled = c->safe = false;
	c->refusal = c->retry_after = 0;
}

static void
release_request(struct connection *c)
{
	size_t i;

	server_reset_request(c);
	for (i = 0; i < HEADER_LISTS; i++)
		buf_release(&c->lists[i]);
	buf_release(&c->target);
	buf_release(&c->body);
	buf_release(&c->answer.body);
	buf_release(&c->answer.records);
	buf_release(&c->answer.dead);
	buf_release(&c->answer.headers);
	buf_release(&c->answer.note);
}

/* A client that is refused while it sends would get a reset in place of the
 * answer, so a second descriptor of the connection stays open and is read. */
static void
linger(struct connection *c)
{
	struct server_worker *w = c->worker;
	struct lingerer *l = w->lingerers;

	while (l < w->lingerers + LINGERERS && l->end_ms != 0)
		l++;
	if (l == w->lingerers + LINGERERS)
		return;
	l->fd = fcntl(c->fd, F_DUPFD_CLOEXEC, 0);
	if (l->fd < 0)
		return;
	(void)shutdown(l->fd, SHUT_WR);
	l->end_ms = clock_mono_ms() + LINGER_MS;
	w->lingerers_n++;
}

void
server_drain_lingering(struct server_worker *w, int64_t now, bool all)
{
	char waste[DRAIN_BYTES];
	struct lingerer *l;
	ssize_t n;

	for (l = w->lingerers; l < w->lingerers + LINGERERS; l++) {
		if (l->end_ms == 0)
			continue;
		n = recv(l->fd, waste, sizeof waste, MSG_DONTWAIT);
		if (!all && now < l->end_ms &&
		    (n > 0 || (n < 0 && errno == EAGAIN)))
			continue;
		(void)close(l->fd);
		l->end_ms = 0;
		w->lingerers_n--;
	}
}

void
server_remove_connection(struct connection *c)
{
	*c->prev = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	c->worker->connections_n--;
	if (c->worker->arriving == c)
		c->worker->arriving = NULL;
	if (c->sends_on)
		linger(c);
	client_limits_leave(c->worker->server->opt.client_limits, &c->peer);
	release_request(c);
	free(c);
}

/* When the present phase has lasted too long; 0: it has no limit. */
static int64_t
deadline(const struct connection *c)
{
	const struct server_options *o = &c->worker->server->opt;

	switch (c->phase) {
	case PHASE_IDLE:
		/* The library closes what is silent; this one may have sent a
		 * piece of a request line. */
		return c->phase_ms + o->keep_alive_ms + o->header_ms;
	case PHASE_HEAD:
		return c->request_ms + o->header_ms;
	case PHASE_BODY:
		return c->request_ms + o->request_ms;
	case PHASE_STREAM:
		return c->stream.suspended ? 0 : c->phase_ms + o->request_ms;
	case PHASE_ANSWER:
		return c->phase_ms + o->request_ms;
	case PHASE_WAITING:
		break;
	}
	return 0;
}

static bool
is_slow(const struct connection *c, int64_t now)
{
	int64_t most = deadline(c), took = now - c->phase_ms;

	if (most != 0 && now > most)
		return true;
	return c->phase == PHASE_BODY && took > GRACE_MS &&
	       (int64_t)c->received <
		   (took - GRACE_MS) / 1000 * c->worker->server->opt.min_rate;
}

static void
cut_off_slow(struct connection *c)
{
	if (c->phase != PHASE_IDLE)
		server_count(&c->worker->server->opt.counts->slow, 1);
	if (c->phase == PHASE_HEAD || c->phase == PHASE_BODY)
		(void)send(
		    c->fd, slow, sizeof slow - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)shutdown(c->fd, SHUT_RDWR);
}

/* Not even the first line has come. */
static bool
has_no_request(const struct connection *c)
{
	return c->phase == PHASE_IDLE ||
	       (c->phase == PHASE_HEAD && c->target.len == 0);
}

/* The client has left in the middle of a body. The library would wait for the
 * rest until the deadline. */
static bool
has_hung_up(const struct connection *c)
{
	return c->phase == PHASE_BODY && server_has_left(c);
}

void
server_sweep_connections(struct server_worker *w, int64_t now, bool stopping)
{
	struct connection *c;

	w->swept_ms = now;
	for (c = w->connections; c != NULL; c = c->next)
		if (is_slow(c, now))
			cut_off_slow(c);
		else if (c->phase == PHASE_STREAM)
			server_tend_stream(c, now, stopping);
		else if (has_hung_up(c) || (stopping && has_no_request(c)))
			(void)shutdown(c->fd, SHUT_RDWR);
}
