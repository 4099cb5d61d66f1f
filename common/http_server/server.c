/*
 * server: threads, connections and their deadlines; see server.h. Requests are
 * server_request.c's.
 *
 * Each thread takes connections from the one socket, runs libmicrohttpd over
 * those it took, and looks at the clock a few times a second. What is too slow
 * is shut down under the library's feet, which then sees its end.
 */
#define _DEFAULT_SOURCE /* MSG_NOSIGNAL */

#include "common/http_server/server_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/os/thread.h"

#define THREADS_MAX 8
#define SWEEP_MS 250
/* Out of descriptors: how long nobody is let in. */
#define PAUSE_MS 100
/* How long the rest of what was refused is read, and how often. */
#define LINGER_MS 2000
#define DRAIN_MS 10
#define DRAIN_BYTES 65536
/* How many are let in before those inside have their turn. */
#define ACCEPTS 64
/* How long a body may come slower than it should. */
#define GRACE_MS 5000
/* After a signal: how long what has begun may take. */
#define STOP_MS 10000
/* And how long work queues may begin with what waits there. */
#define QUEUES_STOP_MS 5000
/* Of each connection: request line and headers, an entry for each of them,
 * and what is left for the answer's head and for pieces of a body. No more: the
 * library clears all of it between two requests. */
#define POOL_BYTES ((size_t)18 * 1024)

static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\n"
			   "Content-Length: 0\r\nRetry-After: 1\r\n"
			   "Connection: close\r\n\r\n";
static const char slow[] = "HTTP/1.1 408 Request Timeout\r\n"
			   "Content-Length: 0\r\nConnection: close\r\n\r\n";

void
server_enter(struct connection *g, enum phase phase)
{
	g->phase = phase;
	g->phase_ms = clock_mono_ms();
}

static void
arrive(struct worker *w, int fd, const struct address *peer)
{
	struct connection *g = xcalloc(1, sizeof *g);

	g->worker = w;
	g->fd = fd;
	g->peer = *peer;
	server_enter(g, PHASE_HEAD);
	g->request_ms = g->phase_ms;
	g->next = w->connections;
	g->prev = &w->connections;
	if (g->next != NULL)
		g->next->prev = &g->next;
	w->connections = g;
	w->guests_n++;
}

/* Whoever was refused and sends on would get a reset in place of the answer, so
 * a second descriptor of the connection stays, to be read from. */
static void
linger(struct connection *g)
{
	struct worker *w = g->worker;
	struct lingerer *l = w->lingerers;

	while (l < w->lingerers + LINGERERS && l->end_ms != 0)
		l++;
	if (l == w->lingerers + LINGERERS)
		return;
	l->fd = fcntl(g->fd, F_DUPFD_CLOEXEC, 0);
	if (l->fd < 0)
		return;
	(void)shutdown(l->fd, SHUT_WR);
	l->end_ms = clock_mono_ms() + LINGER_MS;
	w->lingerers_n++;
}

/* Reads and drops; ends those whose time is over, or all. */
static void
drain(struct worker *w, int64_t now, bool all)
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

static void
leave(struct connection *g)
{
	*g->prev = g->next;
	if (g->next != NULL)
		g->next->prev = g->prev;
	g->worker->guests_n--;
	if (g->worker->arriving == g)
		g->worker->arriving = NULL;
	if (g->sends_on)
		linger(g);
	admission_leave(g->worker->server->opt.admission, &g->peer);
	server_release(g);
	free(g);
}

static void
notify(void *cls, struct MHD_Connection *connection, void **socket_context,
    enum MHD_ConnectionNotificationCode what)
{
	struct worker *w = cls;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		w->arriving->connection = connection;
		*socket_context = w->arriving;
	} else if (*socket_context != NULL) {
		leave(*socket_context);
		*socket_context = NULL;
	}
}

/* Lets one in. The library closes the socket when it cannot. */
static void
let_in(struct worker *w, int fd, const struct address *peer)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct server_counts *t = w->server->opt.counts;

	if (!admission_enter(w->server->opt.admission, peer)) {
		server_count(&t->turned_away, 1);
		(void)send(
		    fd, busy, sizeof busy - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		(void)close(fd);
		return;
	}
	server_count(&t->connections, 1);
	arrive(w, fd, peer);
	w->arriving = w->connections;
	if (MHD_add_connection(w->daemon, fd, &none, sizeof none) != MHD_YES &&
	    w->arriving != NULL && w->arriving->connection == NULL)
		leave(w->arriving);
	w->arriving = NULL;
}

static void
accept_some(struct worker *w)
{
	struct address peer;
	bool full = false;
	int fd, i;

	for (i = 0; i < ACCEPTS; i++) {
		fd = listen_socket_accept(w->server->opt.socket, &peer, &full);
		if (fd < 0)
			break;
		let_in(w, fd, &peer);
	}
	if (full)
		w->accept_ms = clock_mono_ms() + PAUSE_MS;
}

/* When the present phase has lasted too long; 0: it may. */
static int64_t
deadline(const struct connection *g)
{
	const struct server_options *o = &g->worker->server->opt;

	switch (g->phase) {
	case PHASE_IDLE:
		/* The library ends what is silent; this one may have sent a
		 * piece of a request line. */
		return g->phase_ms + o->keep_alive_ms + o->header_ms;
	case PHASE_HEAD:
		return g->request_ms + o->header_ms;
	case PHASE_BODY:
		return g->request_ms + o->request_ms;
	case PHASE_ANSWER:
		return g->phase_ms + o->request_ms;
	case PHASE_WAITING:
		break;
	}
	return 0;
}

static bool
is_slow(const struct connection *g, int64_t now)
{
	int64_t most = deadline(g), took = now - g->phase_ms;

	if (most != 0 && now > most)
		return true;
	return g->phase == PHASE_BODY && took > GRACE_MS &&
	       (int64_t)g->received <
		   (took - GRACE_MS) / 1000 * g->worker->server->opt.min_rate;
}

static void
cut_off(struct connection *g)
{
	if (g->phase != PHASE_IDLE)
		server_count(&g->worker->server->opt.counts->slow, 1);
	if (g->phase == PHASE_HEAD || g->phase == PHASE_BODY)
		(void)send(
		    g->fd, slow, sizeof slow - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)shutdown(g->fd, SHUT_RDWR);
}

/* Not even the first line has come. */
static bool
has_asked_nothing(const struct connection *g)
{
	return g->phase == PHASE_IDLE ||
	       (g->phase == PHASE_HEAD && g->target.len == 0);
}

/* In the middle of a body, of which nothing more can come. The library would
 * wait for it until it is too slow. */
static bool
has_left(const struct connection *g)
{
	char c;

	return g->phase == PHASE_BODY &&
	       recv(g->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void
sweep(struct worker *w, int64_t now, bool stopping)
{
	struct connection *g;

	w->swept_ms = now;
	for (g = w->connections; g != NULL; g = g->next)
		if (is_slow(g, now))
			cut_off(g);
		else if (has_left(g) || (stopping && has_asked_nothing(g)))
			(void)shutdown(g->fd, SHUT_RDWR);
}

/* Requests that the storer or a work queue is done with. */
static void
resume(struct worker *w)
{
	struct pending_request *p, *next;
	struct connection *g;
	uint64_t n;

	if (read(w->wake, &n, sizeof n) < 0)
		return;
	(void)pthread_mutex_lock(&w->lock);
	p = w->done;
	w->done = NULL;
	(void)pthread_mutex_unlock(&w->lock);
	for (; p != NULL; p = next) {
		next = p->next;
		g = (struct connection *)(void *)((char *)p -
						  offsetof(struct connection,
						      pending));
		w->waiting_n--;
		MHD_resume_connection(g->connection);
	}
}

static int
poll_ms(const struct worker *w, int64_t now)
{
	MHD_UNSIGNED_LONG_LONG ms;
	int64_t least = w->swept_ms + SWEEP_MS - now;

	if (w->lingerers_n > 0 && least > DRAIN_MS)
		least = DRAIN_MS;
	if (MHD_get_timeout(w->daemon, &ms) == MHD_YES && (int64_t)ms < least)
		least = (int64_t)ms;
	return least > 0 ? (int)least : 0;
}

/* True while there is something to wait for after a signal. */
static bool
is_busy(const struct worker *w, int64_t now, int64_t stop_ms)
{
	return w->waiting_n > 0 || (w->guests_n > 0 && now < stop_ms);
}

static void *
serve(void *ctx)
{
	struct worker *w = ctx;
	struct pollfd fds[3] = { { .fd = w->wake, .events = POLLIN },
		{ .events = POLLIN }, { .events = POLLIN } };
	int64_t now = clock_mono_ms(), stop_ms = 0;

	fds[1].fd =
	    MHD_get_daemon_info(w->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	for (;;) {
		if (stop_ms == 0 && atomic_load(&w->server->stopping))
			stop_ms = now + STOP_MS;
		if (stop_ms != 0 && !is_busy(w, now, stop_ms))
			break;
		fds[2].fd = stop_ms != 0 || now < w->accept_ms
				? -1
				: w->server->opt.socket->fd;
		if (poll(fds, 3, poll_ms(w, now)) > 0) {
			if (fds[0].revents != 0)
				resume(w);
			if (fds[2].revents != 0)
				accept_some(w);
		}
		(void)MHD_run(w->daemon);
		now = clock_mono_ms();
		if (w->lingerers_n > 0)
			drain(w, now, false);
		if (now - w->swept_ms >= SWEEP_MS)
			sweep(w, now, stop_ms != 0);
	}
	drain(w, now, true);
	return NULL;
}

static int
start(struct worker *w, struct buf *why)
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
	    MHD_OPTION_NOTIFY_CONNECTION, notify, w,
	    MHD_OPTION_URI_LOG_CALLBACK, server_begin_request, w,
	    MHD_OPTION_NOTIFY_COMPLETED, server_end_request, w,
	    MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
	if (w->wake < 0 || w->daemon == NULL) {
		(void)syserr_explain(
		    why, PROG_TEMPFAIL, "cannot begin to serve");
		return -1;
	}
	w->started =
	    thread_start(&w->thread, "serve", serve, w, why) == PROG_OK;
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
		s->workers[i] = (struct worker){ .server = s, .wake = -1 };
	for (i = 0; i < s->n; i++) {
		if (start(&s->workers[i], why) != 0) {
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
	struct worker *w;
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
