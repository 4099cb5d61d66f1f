/*
 * service: see service.h.
 */
#define _GNU_SOURCE /* SOCK_NONBLOCK */

#include "common/http_server/service.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/http_server/server_impl.h"
#include "common/monitoring/prometheus.h"
#include "common/os/file.h"

static uint64_t
counted(const atomic_ullong *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

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
		prometheus_result(
		    to, name, "", results[i].result, counted(results[i].n));
}

void
server_metrics_write(struct buf *to, const struct server_counts *c)
{
	write_requests(to, c);
	prometheus_total(to, "messaging_http_connections_total", "",
	    "Connections accepted.", counted(&c->connections));
	prometheus_total(to, "messaging_http_connections_refused_total", "",
	    "Connections refused because there were too many.",
	    counted(&c->turned_away));
	prometheus_total(to, "messaging_http_connections_cut_off_total", "",
	    "Connections closed because they were too slow.",
	    counted(&c->slow));
}

/* Maximum number of connections that wait to be accepted. */
#define BACKLOG 1024

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
listen_there(struct service *s, const union any *a, socklen_t len)
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
describe_socket(struct service *s)
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

/* File descriptors besides those of connections. */
#define OWN_FILES 512

static int64_t
service_setting(const struct service *s, const char *key)
{
	return conf_int(s->conf, s->section, key);
}

int
service_configure(struct service *s, enum exit_code *code, struct buf *why)
{
	struct client_limits_setup limits = {
		.connections = (unsigned)service_setting(s, "connections"),
		.per_address =
		    (unsigned)service_setting(s, "connections_per_address"),
		.rate = (unsigned)service_setting(s, "rate"),
		.burst = (unsigned)service_setting(s, "burst"),
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
raise_files(const struct service *s, enum exit_code *code, struct buf *why)
{
	rlim_t want = (rlim_t)service_setting(s, "connections") + OWN_FILES;
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
service_bind(struct service *s, enum exit_code *code, struct buf *why)
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
write_port(struct service *s, enum exit_code *code, struct buf *why)
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

int
service_start(struct service *s, const struct server_callbacks *callbacks,
    const struct service_bodies *bodies, enum exit_code *code, struct buf *why)
{
	s->callbacks = *callbacks;
	s->bodies = *bodies;
	s->connections = (unsigned)service_setting(s, "connections");
	s->header_ms = service_setting(s, "header_timeout");
	s->request_ms = service_setting(s, "request_timeout");
	s->keep_alive_ms = service_setting(s, "keep_alive");
	*code = PROG_TEMPFAIL;
	s->server = server_open(s, why);
	return s->server != NULL ? write_port(s, code, why) : -1;
}

void
service_log_address(const struct service *s)
{
	size_t len = strlen(s->address);
	bool chosen = len > 2 && strcmp(s->address + len - 2, ":0") == 0;

	if (chosen)
		log_warn("listening on %s", buf_str(&s->bound));
	else
		log_info("listening", "address=%s", buf_str(&s->bound));
}

void
service_end_requests(struct service *s)
{
	server_close(s->server);
	s->server = NULL;
}

void
service_close(struct service *s)
{
	service_end_requests(s);
	if (s->socket >= 0)
		(void)close(s->socket);
	s->socket = -1;
	buf_release(&s->bound);
	if (s->wrote_port)
		(void)unlink(s->port_file);
	client_limits_close(s->client_limits);
}
