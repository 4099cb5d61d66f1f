/*
 * server: the socket, the threads and their connections; see server.h. Each
 * thread accepts connections from the shared socket, runs libmicrohttpd for
 * those it accepted, resumes requests that the storer or a work queue has
 * finished, and checks deadlines a few times a second.
 */
#define _GNU_SOURCE /* accept4, MSG_NOSIGNAL, SOCK_NONBLOCK */

#include "common/http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/conf/conf.h"
#include "common/http/server_impl.h"
#include "common/monitoring/prometheus.h"
#include "common/os/file.h"
#include "common/os/notify.h"
#include "common/os/thread.h"

/* Maximum number of connections that wait to be accepted. */
#define BACKLOG 1024
/* Number of connections that are accepted before open ones are served again. */
#define ACCEPTS 64
/* File descriptors besides those of connections. */
#define OWN_FILES 512
#define THREADS_MAX 8
#define SWEEP_MS 250
/* How often streams look for news: people do not notice such a delay. */
#define NEWS_MS 25
/* How long to stop accepting connections when descriptors run out. */
#define PAUSE_MS 100
/* How long and how often input from a refused client is still read. */
#define LINGER_MS 2000
#define DRAIN_MS 10
#define DRAIN_BYTES 65536
/* How long running requests may take after server_end_requests(). */
#define STOP_MS 10000
/* How long work queues may then still start waiting jobs. */
#define QUEUES_STOP_MS 5000
/* Memory of each connection: request line and headers, an entry for each
 * header, and space for the answer's head and parts of a body. The size is
 * limited, because the library clears all of it between two requests. */
#define POOL_BYTES ((size_t)18 * 1024)

static const char slow[] = "HTTP/1.1 408 Request Timeout\r\n"
			   "Content-Length: 0\r\nConnection: close\r\n\r\n";

static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\n"
			   "Content-Length: 0\r\nRetry-After: 1\r\n"
			   "Connection: close\r\n\r\n";

/* ---- the address ---- */

union any {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static int
no_address(const char *where, enum exit_code *code, struct buf *why)
{
	buf_setf(why,
	    "'%s' is not an address to listen on; write 127.0.0.1:8080 or "
	    "[::1]:8080",
	    where);
	*code = PROG_USAGE;
	return -1;
}

/* Reads "HOST:PORT". */
static int
read_address(const char *where, union any *a, socklen_t *len)
{
	const char *colon = strrchr(where, ':');
	char host[ADDRESS_TEXT];
	int64_t port;
	size_t n;

	if (colon == NULL || parse_int(colon + 1, 0, 65535, &port) != 0)
		return -1;
	n = (size_t)(colon - where);
	if (n > 1 && where[0] == '[' && colon[-1] == ']') {
		where++;
		n -= 2;
	}
	if (n == 0 || n >= sizeof host)
		return -1;
	memcpy(host, where, n);
	host[n] = '\0';
	memset(a, 0, sizeof *a);
	if (inet_pton(AF_INET,
		strcmp(host, "localhost") == 0 ? "127.0.0.1" : host,
		&a->in.sin_addr) == 1) {
		a->in.sin_family = AF_INET;
		a->in.sin_port = htons((uint16_t)port);
		*len = sizeof a->in;
		return 0;
	}
	if (inet_pton(AF_INET6, host, &a->in6.sin6_addr) != 1)
		return -1;
	a->in6.sin6_family = AF_INET6;
	a->in6.sin6_port = htons((uint16_t)port);
	*len = sizeof a->in6;
	return 0;
}

static int
listen_there(struct server *s, const union any *a, socklen_t len)
{
	int on = 1;

	s->socket = socket(
	    a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->socket < 0)
		return -1;
	(void)setsockopt(s->socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	return bind(s->socket, &a->any, len) != 0 ||
		       listen(s->socket, BACKLOG) != 0
		   ? -1
		   : 0;
}

/* Writes the address with the real port as text. */
static void
describe_socket(struct server *s)
{
	union any a = { .any = { .sa_family = AF_UNSPEC } };
	socklen_t len = sizeof a;
	char host[ADDRESS_TEXT];
	struct address address;

	(void)getsockname(s->socket, &a.any, &len);
	address_of_socket(&address, &a.any);
	address_format(&address, host);
	/* The port is in the same place in both kinds of address. */
	s->port = ntohs(a.in.sin_port);
	if (strchr(host, ':') == NULL) /* also an IPv4 address in IPv6 */
		buf_setf(&s->bound, "%s:%d", host, s->port);
	else
		buf_setf(&s->bound, "[%s]:%d", host, s->port);
}

static int64_t
server_setting(const struct server *s, const char *key)
{
	return conf_int(s->conf, s->section, key);
}

int
server_configure(struct server *s, enum exit_code *code, struct buf *why)
{
	struct client_limits_setup limits = {
		.connections = (unsigned)server_setting(s, "connections"),
		.per_address =
		    (unsigned)server_setting(s, "connections_per_address"),
		.rate = (unsigned)server_setting(s, "rate"),
		.burst = (unsigned)server_setting(s, "burst"),
	};
	struct buf reason = BUF_INIT;
	union any where;
	socklen_t len;

	s->socket = -1;
	if (read_address(s->address, &where, &len) != 0)
		return no_address(s->address, code, why);
	if (networks_read(&limits.proxies,
		conf_list(s->conf, s->section, "proxies"), &reason) != 0) {
		buf_setf(why, "[%s] proxies: %s", s->section, buf_str(&reason));
		buf_release(&reason);
		networks_release(&limits.proxies);
		*code = PROG_CONFIG;
		return -1;
	}
	s->client_limits = client_limits_open(&limits);
	return 0;
}

/* Raises the limit on open files as far as the connections need. */
static int
raise_files(const struct server *s, enum exit_code *code, struct buf *why)
{
	rlim_t want = (rlim_t)server_setting(s, "connections") + OWN_FILES;
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur >= want)
		return 0;
	if (r.rlim_max >= want || r.rlim_max == RLIM_INFINITY) {
		r.rlim_cur = want;
		if (setrlimit(RLIMIT_NOFILE, &r) == 0)
			return 0;
	}
	buf_setf(why,
	    "[%s] connections needs %llu open files, but the limit is %llu; "
	    "raise it (ulimit -n, LimitNOFILE), or lower connections",
	    s->section, (unsigned long long)want,
	    (unsigned long long)r.rlim_max);
	*code = PROG_CONFIG;
	return -1;
}

int
server_bind(struct server *s, enum exit_code *code, struct buf *why)
{
	union any where;
	socklen_t len;

	if (raise_files(s, code, why) != 0)
		return -1;
	if (read_address(s->address, &where, &len) != 0)
		return no_address(s->address, code, why);
	if (listen_there(s, &where, len) == 0) {
		describe_socket(s);
		return 0;
	}
	*code = syserr_explain(why,
	    errno == EACCES ? PROG_NOPERM : PROG_UNAVAILABLE,
	    "cannot listen on '%s'", s->address);
	return -1;
}

/* Written as a whole, because a script may be waiting for the file. */
static int
write_port(struct server *s, enum exit_code *code, struct buf *why)
{
	enum exit_code written;
	char port[16];
	int n;

	if (s->port_file == NULL)
		return 0;
	n = snprintf(port, sizeof port, "%d\n", s->port);
	written = file_replace(s->port_file, 0644, port, (size_t)n, why);
	s->wrote_port = written == PROG_OK;
	if (!s->wrote_port)
		*code = written;
	return s->wrote_port ? 0 : -1;
}

/* ---- connections ---- */

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
	ssize_t ignored;

	(void)pthread_mutex_lock(&w->lock);
	/* Under the lock: a stopping server may free the worker as soon as it
	 * has taken its last request. */
	if (w->done == NULL) {
		ignored = write(w->wake, &one, sizeof one);
		(void)ignored;
	}
	c->pending.next = w->done;
	w->done = &c->pending;
	(void)pthread_mutex_unlock(&w->lock);
}

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
	client_limits_leave(c->worker->server->client_limits, &c->peer);
	server_release_request(c);
	free(c);
}

/* Returns when the current phase has lasted too long; 0: no limit. */
static int64_t
deadline(const struct connection *c)
{
	const struct server *o = c->worker->server;

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
		server_count(&c->worker->server->counts.slow, 1);
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

/* ---- threads ---- */

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
	struct server_counts *t = &w->server->counts;

	if (!client_limits_enter(w->server->client_limits, peer)) {
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
		fd = accept_one(w->server->socket, &peer, &full);
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
		fds[2].fd =
		    stop_ms != 0 || now < w->accept_ms ? -1 : w->server->socket;
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
	const struct server *o = w->server;
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

static int
start_workers(struct server *s, struct buf *why)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	size_t i;

	s->workers_n = cores < 1             ? 1
		       : cores > THREADS_MAX ? THREADS_MAX
					     : (size_t)cores;
	s->workers = xcalloc(s->workers_n, sizeof *s->workers);
	for (i = 0; i < s->workers_n; i++)
		s->workers[i] =
		    (struct server_worker){ .server = s, .wake = -1 };
	for (i = 0; i < s->workers_n; i++)
		if (start_worker(&s->workers[i], why) != 0)
			return -1;
	return 0;
}

int
server_start(struct server *s, enum exit_code *code, struct buf *why)
{
	s->connections = (unsigned)server_setting(s, "connections");
	s->header_ms = server_setting(s, "header_timeout");
	s->request_ms = server_setting(s, "request_timeout");
	s->keep_alive_ms = server_setting(s, "keep_alive");
	*code = PROG_TEMPFAIL;
	return start_workers(s, why) == 0 ? write_port(s, code, why) : -1;
}

void
server_log_address(const struct server *s)
{
	size_t len = strlen(s->address);
	bool chosen = len > 2 && strcmp(s->address + len - 2, ":0") == 0;

	if (chosen)
		log_warn("listening on %s", buf_str(&s->bound));
	else
		log_info("listening", "address=%s", buf_str(&s->bound));
}

void
server_end_requests(struct server *s)
{
	uint64_t one = 1;
	struct server_worker *w;
	size_t i;

	atomic_store(&s->queues_end_ms, clock_mono_ms() + QUEUES_STOP_MS);
	atomic_store(&s->stopping, true);
	for (i = 0; i < s->workers_n; i++) {
		w = &s->workers[i];
		if (w->started && write(w->wake, &one, sizeof one) > 0)
			(void)pthread_join(w->thread, NULL);
	}
	for (i = 0; i < s->workers_n; i++) {
		w = &s->workers[i];
		if (w->daemon != NULL)
			MHD_stop_daemon(w->daemon);
		if (w->wake >= 0)
			(void)close(w->wake);
	}
	free(s->workers);
	s->workers = NULL;
	s->workers_n = 0;
}

void
server_close(struct server *s)
{
	server_end_requests(s);
	if (s->socket >= 0)
		(void)close(s->socket);
	s->socket = -1;
	buf_release(&s->bound);
	if (s->wrote_port)
		(void)unlink(s->port_file);
	client_limits_close(s->client_limits);
}

/* ---- metrics ---- */

static void
write_requests(struct buf *to, const struct server_counts *c)
{
	static const char name[] = "messaging_http_requests_total";
	const struct {
		const char *result;
		const atomic_ullong *n;
	} results[] = {
		{ "accepted", &c->accepted },
		{ "malformed", &c->malformed },
		{ "too_large", &c->too_large },
		{ "too_many", &c->too_many },
		{ "refused", &c->refused },
		{ "later", &c->later },
		{ "failed", &c->failed },
	};
	size_t i;

	prometheus_head(to, name, PROMETHEUS_COUNTER,
	    "Requests by status: below 400 (accepted), 400 (malformed), 413 "
	    "and similar, 429, other 4xx (refused), 503 (later), other 5xx.");
	for (i = 0; i < ARRAY_LEN(results); i++)
		prometheus_result(to, name, "", results[i].result,
		    server_counted(results[i].n));
}

void
server_metrics_write(struct buf *to, const struct server_counts *c)
{
	write_requests(to, c);
	prometheus_total(to, "messaging_http_connections_total", "",
	    "Connections accepted.", server_counted(&c->connections));
	prometheus_total(to, "messaging_http_connections_refused_total", "",
	    "Connections refused because there were too many.",
	    server_counted(&c->turned_away));
	prometheus_total(to, "messaging_http_connections_cut_off_total", "",
	    "Connections closed because they were too slow.",
	    server_counted(&c->slow));
}
