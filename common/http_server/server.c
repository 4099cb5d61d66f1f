/*
 * server: the threads of the server; see service.h. Each thread accepts
 * connections from the shared socket, runs libmicrohttpd for those it accepted,
 * resumes requests that the storer or a work queue has finished, and checks
 * deadlines a few times a second.
 */
#define _GNU_SOURCE /* accept4, MSG_NOSIGNAL */

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/http_server/server_impl.h"
#include "common/os/notify.h"
#include "common/os/thread.h"

void
server_set_phase(struct connection *c, enum connection_phase phase)
{
	c->phase = phase;
	c->phase_ms = clock_mono_ms();
}

bool
server_has_left(const struct connection *c)
{
	char byte;
	ssize_t n = recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	return n == 0 || (n == -1 && errno != EAGAIN && errno != EWOULDBLOCK &&
			     errno != EINTR);
}

void
server_resume(struct connection *c)
{
	struct server_worker *w = c->worker;
	uint64_t one = 1;
	bool first;

	(void)pthread_mutex_lock(&w->lock);
	first = w->done == NULL;
	c->pending.next = w->done;
	w->done = &c->pending;
	(void)pthread_mutex_unlock(&w->lock);
	/* c may be freed by now. */
	if (first && write(w->wake, &one, sizeof one) < 0)
		return;
}

/* Buffers up to this size are reused for the next request. */
#define KEPT_BYTES ((size_t)16 * 1024)
/* How long input from a refused client is still read. */
#define LINGER_MS 2000
#define DRAIN_BYTES 65536

static const char slow[] = "HTTP/1.1 408 Request Timeout\r\n"
			   "Content-Length: 0\r\nConnection: close\r\n\r\n";

/* The library closes the socket. */
static void
add_connection(struct server_worker *w, int fd, const struct address *peer)
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

	server_drop_body(c);
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

static void
release_request(struct connection *c)
{
	server_reset_request(c);
	buf_release(&c->target);
	buf_release(&c->body);
	buf_release(&c->answer.body);
	buf_release(&c->answer.records);
	buf_release(&c->answer.headers);
	buf_release(&c->answer.note);
}

/* A client that is refused while it sends would receive a reset instead of the
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

/* Reads and drops input from refused clients; closes those whose time is over,
 * or all. */
static void
drain_lingering(struct server_worker *w, int64_t now, bool all)
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

/* Called when the library closes its socket. */
static void
remove_connection(struct connection *c)
{
	*c->prev = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	c->worker->connections_n--;
	if (c->worker->arriving == c)
		c->worker->arriving = NULL;
	if (c->sends_on)
		linger(c);
	client_limits_leave(
	    c->worker->server->service->client_limits, &c->peer);
	release_request(c);
	free(c);
}

/* Returns when the current phase has lasted too long; 0: no limit. */
static int64_t
deadline(const struct connection *c)
{
	const struct service *o = c->worker->server->service;

	switch (c->phase) {
	case PHASE_IDLE:
		/* The library closes silent connections, but this one may have
		 * sent part of a request line. */
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

static void
cut_off_slow(struct connection *c)
{
	if (c->phase != PHASE_IDLE)
		server_count(&c->worker->server->service->counts.slow, 1);
	if (c->phase == PHASE_HEAD || c->phase == PHASE_BODY)
		(void)send(
		    c->fd, slow, sizeof slow - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)shutdown(c->fd, SHUT_RDWR);
}

/* Shuts down connections that have exceeded their deadlines; if the server
 * stops, also those whose request has not begun. */
static void
sweep_connections(struct server_worker *w, int64_t now, bool stopping)
{
	struct connection *c;
	bool silent, gone;
	int64_t end;

	w->swept_ms = now;
	for (c = w->connections; c != NULL; c = c->next) {
		/* Not even the first line has arrived. */
		silent = c->phase == PHASE_IDLE ||
			 (c->phase == PHASE_HEAD && c->target.len == 0);
		/* The library would wait for the rest of a body until the
		 * deadline. */
		gone = c->phase == PHASE_BODY && server_has_left(c);
		end = deadline(c);
		if (end != 0 && now > end)
			cut_off_slow(c);
		else if (c->phase == PHASE_STREAM)
			server_tend_stream(c, now, stopping);
		else if (gone || (stopping && silent))
			(void)shutdown(c->fd, SHUT_RDWR);
	}
}

/* Lets streams send news. */
static void
wake_streams(struct server_worker *w, int64_t now)
{
	struct connection *c;

	w->looked_ms = now;
	for (c = w->connections; c != NULL; c = c->next)
		if (c->phase == PHASE_STREAM)
			server_wake_stream(c);
}

#define THREADS_MAX 8
#define SWEEP_MS 250
/* How often streams look for news: people do not notice such a delay. */
#define NEWS_MS 25
/* How long to stop accepting connections when descriptors run out. */
#define PAUSE_MS 100
/* How often input from refused clients is read. */
#define DRAIN_MS 10
/* Number of connections that are accepted before open ones are served again. */
#define ACCEPTS 64
/* After server_close(): how long running requests may take. */
#define STOP_MS 10000
/* How long work queues may then still start waiting jobs. */
#define QUEUES_STOP_MS 5000
/* Memory of each connection: request line and headers, an entry for each
 * header, and space for the answer's head and parts of a body. The size is
 * limited, because the library clears all of it between two requests. */
#define POOL_BYTES ((size_t)18 * 1024)

static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\n"
			   "Content-Length: 0\r\nRetry-After: 1\r\n"
			   "Connection: close\r\n\r\n";

static void
on_connection_change(void *cls, struct MHD_Connection *connection,
    void **socket_context, enum MHD_ConnectionNotificationCode what)
{
	struct server_worker *w = cls;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		w->arriving->connection = connection;
		*socket_context = w->arriving;
	} else if (*socket_context != NULL) {
		remove_connection(*socket_context);
		*socket_context = NULL;
	}
}

/* If the library cannot add the connection, it has closed the socket. */
static void
admit_connection(struct server_worker *w, int fd, const struct address *peer)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct server_counts *t = &w->server->service->counts;

	if (!client_limits_enter(w->server->service->client_limits, peer)) {
		server_count(&t->turned_away, 1);
		(void)send(
		    fd, busy, sizeof busy - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		(void)close(fd);
		return;
	}
	server_count(&t->connections, 1);
	add_connection(w, fd, peer);
	w->arriving = w->connections;
	if (MHD_add_connection(w->daemon, fd, &none, sizeof none) != MHD_YES &&
	    w->arriving != NULL && w->arriving->connection == NULL)
		remove_connection(w->arriving);
	w->arriving = NULL;
}

/* Accepts a connection, which is non-blocking, and sets its peer; returns -1 if
 * none is pending. *full: descriptors have run out, so an immediate retry would
 * fail, too. */
static int
accept_one(int listening, struct address *peer, bool *full)
{
	union {
		struct sockaddr any;
		struct sockaddr_in6 largest;
	} from;
	int fd, on = 1;
	socklen_t len;

	*full = false;
	do {
		len = sizeof from;
		fd = accept4(
		    listening, &from.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	} while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
	if (fd < 0) {
		*full = errno != EAGAIN;
		return -1;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	address_of_socket(peer, &from.any);
	return fd;
}

static void
accept_connections(struct server_worker *w)
{
	struct address peer;
	bool full = false;
	int fd, i;

	for (i = 0; i < ACCEPTS; i++) {
		fd = accept_one(w->server->service->socket, &peer, &full);
		if (fd < 0)
			break;
		admit_connection(w, fd, &peer);
	}
	if (full)
		w->accept_ms = clock_mono_ms() + PAUSE_MS;
}

/* Resumes requests that the storer or a work queue has finished. */
static void
resume_connections(struct server_worker *w)
{
	struct pending_request *p, *next;
	struct connection *c;
	uint64_t n;

	if (read(w->wake, &n, sizeof n) < 0)
		return;
	(void)pthread_mutex_lock(&w->lock);
	p = w->done;
	w->done = NULL;
	(void)pthread_mutex_unlock(&w->lock);
	for (; p != NULL; p = next) {
		next = p->next;
		c = (struct connection *)(void *)((char *)p -
						  offsetof(struct connection,
						      pending));
		w->waiting_n--;
		MHD_resume_connection(c->connection);
	}
}

static int
poll_ms(const struct server_worker *w, int64_t now)
{
	MHD_UNSIGNED_LONG_LONG ms;
	int64_t least = w->swept_ms + SWEEP_MS - now;

	if (w->lingerers_n > 0 && least > DRAIN_MS)
		least = DRAIN_MS;
	if (w->streams_n > 0 && w->looked_ms + NEWS_MS - now < least)
		least = w->looked_ms + NEWS_MS - now;
	if (MHD_get_timeout(w->daemon, &ms) == MHD_YES && (int64_t)ms < least)
		least = (int64_t)ms;
	return least > 0 ? (int)least : 0;
}

static void *
run_worker(void *ctx)
{
	struct server_worker *w = ctx;
	struct pollfd fds[3] = { { .fd = w->wake, .events = POLLIN },
		{ .events = POLLIN }, { .events = POLLIN } };
	int64_t now = clock_mono_ms(), stop_ms = 0;

	fds[1].fd =
	    MHD_get_daemon_info(w->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	for (;;) {
		if (stop_ms == 0 && atomic_load(&w->server->stopping)) {
			stop_ms = now + STOP_MS;
			w->swept_ms = 0;
		}
		/* A stopping server finishes its requests. */
		if (stop_ms != 0 && w->waiting_n == 0 &&
		    (w->connections_n == 0 || now >= stop_ms))
			break;
		fds[2].fd = stop_ms != 0 || now < w->accept_ms
				? -1
				: w->server->service->socket;
		if (poll(fds, 3, poll_ms(w, now)) > 0) {
			if (fds[0].revents != 0)
				resume_connections(w);
			if (fds[2].revents != 0)
				accept_connections(w);
		}
		notify_alive();
		now = clock_mono_ms();
		if (w->lingerers_n > 0)
			drain_lingering(w, now, false);
		if (now - w->swept_ms >= SWEEP_MS)
			sweep_connections(w, now, stop_ms != 0);
		if (w->streams_n > 0 && now - w->looked_ms >= NEWS_MS)
			wake_streams(w, now);
		(void)MHD_run(w->daemon);
	}
	drain_lingering(w, now, true);
	return NULL;
}

static int
start_worker(struct server_worker *w, struct buf *why)
{
	const struct service *o = w->server->service;
	unsigned idle_s = (unsigned)((o->keep_alive_ms + 999) / 1000);

	w->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	(void)pthread_mutex_init(&w->lock, NULL);
	w->daemon = MHD_start_daemon(
	    MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME,
	    0, NULL, NULL, server_handle, w, MHD_OPTION_CONNECTION_LIMIT,
	    o->connections + ACCEPTS, MHD_OPTION_CONNECTION_TIMEOUT, idle_s,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, POOL_BYTES,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection_change, w,
	    MHD_OPTION_URI_LOG_CALLBACK, server_begin_request, w,
	    MHD_OPTION_NOTIFY_COMPLETED, server_end_request, w,
	    MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
	if (w->wake < 0 || w->daemon == NULL) {
		(void)syserr_explain(
		    why, PROG_TEMPFAIL, "cannot start the HTTP server");
		return -1;
	}
	w->started =
	    thread_start(&w->thread, "serve", run_worker, w, why) == PROG_OK;
	return w->started ? 0 : -1;
}

struct server *
server_open(struct service *service, struct buf *why)
{
	struct server *s = xcalloc(1, sizeof *s);
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	size_t i;

	s->service = service;
	s->n = cores < 1             ? 1
	       : cores > THREADS_MAX ? THREADS_MAX
				     : (size_t)cores;
	s->workers = xcalloc(s->n, sizeof *s->workers);
	for (i = 0; i < s->n; i++)
		s->workers[i] =
		    (struct server_worker){ .server = s, .wake = -1 };
	for (i = 0; i < s->n; i++) {
		if (start_worker(&s->workers[i], why) != 0) {
			server_close(s);
			return NULL;
		}
	}
	return s;
}

void
server_close(struct server *s)
{
	uint64_t one = 1;
	struct server_worker *w;
	size_t i;

	if (s == NULL)
		return;
	atomic_store(&s->queues_end_ms, clock_mono_ms() + QUEUES_STOP_MS);
	atomic_store(&s->stopping, true);
	for (i = 0; i < s->n; i++) {
		w = &s->workers[i];
		if (w->started && write(w->wake, &one, sizeof one) > 0)
			(void)pthread_join(w->thread, NULL);
	}
	for (i = 0; i < s->n; i++) {
		w = &s->workers[i];
		if (w->daemon != NULL)
			MHD_stop_daemon(w->daemon);
		if (w->wake >= 0)
			(void)close(w->wake);
	}
	free(s->workers);
	free(s);
}
