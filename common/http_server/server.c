/*
 * server: the threads of the server; see server.h. Each one accepts connections
 * from the one socket, runs libmicrohttpd over those it accepted, resumes the
 * requests that storer or work queues are done with, and checks deadlines a few
 * times a second.
 */
#define _DEFAULT_SOURCE /* MSG_NOSIGNAL */

#include "common/http_server/server_impl.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/os/notify.h"
#include "common/os/thread.h"

#define THREADS_MAX 8
#define SWEEP_MS 250
/* Out of descriptors: how long nothing is accepted. */
#define PAUSE_MS 100
/* How often what refused clients still send is read. */
#define DRAIN_MS 10
/* How many are accepted before open connections are served again. */
#define ACCEPTS 64
/* After server_close(): how long requests that have begun may take. */
#define STOP_MS 10000
/* And how long work queues may begin with those that wait there. */
#define QUEUES_STOP_MS 5000
/* Of each connection: request line and headers, an entry for each of them,
 * and what is left for the answer's head and for pieces of a body. No more: the
 * library clears all of it between two requests. */
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
		server_remove_connection(*socket_context);
		*socket_context = NULL;
	}
}

/* When the library cannot add it, the library has closed the socket. */
static void
admit_connection(struct server_worker *w, int fd, const struct address *peer)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct server_counts *t = w->server->opt.counts;

	if (!client_limits_enter(w->server->opt.client_limits, peer)) {
		server_count(&t->turned_away, 1);
		(void)send(
		    fd, busy, sizeof busy - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		(void)close(fd);
		return;
	}
	server_count(&t->connections, 1);
	server_add_connection(w, fd, peer);
	w->arriving = w->connections;
	if (MHD_add_connection(w->daemon, fd, &none, sizeof none) != MHD_YES &&
	    w->arriving != NULL && w->arriving->connection == NULL)
		server_remove_connection(w->arriving);
	w->arriving = NULL;
}

static void
accept_connections(struct server_worker *w)
{
	struct address peer;
	bool full = false;
	int fd, i;

	for (i = 0; i < ACCEPTS; i++) {
		fd = listen_socket_accept(w->server->opt.socket, &peer, &full);
		if (fd < 0)
			break;
		admit_connection(w, fd, &peer);
	}
	if (full)
		w->accept_ms = clock_mono_ms() + PAUSE_MS;
}

/* Requests that the storer or a work queue is done with, and streams that have
 * something to send. */
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
		if (c->phase == PHASE_WAITING)
			w->waiting_n--;
		c->stream.suspended = false;
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
	if (MHD_get_timeout(w->daemon, &ms) == MHD_YES && (int64_t)ms < least)
		least = (int64_t)ms;
	return least > 0 ? (int)least : 0;
}

/* True while a server that stops has requests to finish. */
static bool
has_requests(const struct server_worker *w, int64_t now, int64_t stop_ms)
{
	return w->waiting_n > 0 || (w->connections_n > 0 && now < stop_ms);
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
		if (stop_ms != 0 && !has_requests(w, now, stop_ms))
			break;
		fds[2].fd = stop_ms != 0 || now < w->accept_ms
				? -1
				: w->server->opt.socket->fd;
		if (poll(fds, 3, poll_ms(w, now)) > 0) {
			if (fds[0].revents != 0)
				resume_connections(w);
			if (fds[2].revents != 0)
				accept_connections(w);
		}
		notify_alive();
		now = clock_mono_ms();
		if (w->lingerers_n > 0)
			server_drain_lingering(w, now, false);
		if (now - w->swept_ms >= SWEEP_MS)
			server_sweep_connections(w, now, stop_ms != 0);
		(void)MHD_run(w->daemon);
	}
	server_drain_lingering(w, now, true);
	return NULL;
}

static int
start_worker(struct server_worker *w, struct buf *why)
{
	const struct server_options *o = &w->server->opt;
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
		    why, PROG_TEMPFAIL, "cannot begin to serve");
		return -1;
	}
	w->started =
	    thread_start(&w->thread, "serve", run_worker, w, why) == PROG_OK;
	return w->started ? 0 : -1;
}

struct server *
server_open(const struct server_options *opt, struct buf *why)
{
	struct server *s = xcalloc(1, sizeof *s);
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	size_t i;

	s->opt = *opt;
	s->n = opt->threads;
	if (s->n == 0)
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
