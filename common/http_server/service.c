/*
 * service: see service.h.
 */
#include "common/http_server/service.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"
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
		prometheus_count(to, name, "result", results[i].result,
		    counted(results[i].n));
}

void
server_metrics_write(struct buf *to, const struct server_counts *c)
{
	write_requests(to, c);
	prometheus_counter(to, "messaging_http_connections_total",
	    "Connections accepted.", counted(&c->connections));
	prometheus_counter(to, "messaging_http_connections_refused_total",
	    "Connections refused because there were too many.",
	    counted(&c->turned_away));
	prometheus_counter(to, "messaging_http_connections_cut_off_total",
	    "Connections closed because they were too slow.",
	    counted(&c->slow));
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

	s->socket.fd = -1;
	if (listen_socket_check(s->address, code, why) != 0)
		return -1;
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
	if (raise_files(s, code, why) != 0)
		return -1;
	return listen_socket_open(&s->socket, s->address, code, why);
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
	n = snprintf(port, sizeof port, "%d\n", s->socket.port);
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
	struct server_options opt = {
		.socket = &s->socket,
		.client_limits = s->client_limits,
		.counts = &s->counts,
		.callbacks = *callbacks,
		.connections = (unsigned)service_setting(s, "connections"),
		.max_body = bodies->longest,
		.memory = bodies->memory,
		.header_ms = service_setting(s, "header_timeout"),
		.request_ms = service_setting(s, "request_timeout"),
		.keep_alive_ms = service_setting(s, "keep_alive"),
	};

	*code = PROG_TEMPFAIL;
	s->server = server_open(&opt, why);
	return s->server != NULL ? write_port(s, code, why) : -1;
}

void
service_log_address(const struct service *s)
{
	size_t len = strlen(s->address);
	bool chosen = len > 2 && strcmp(s->address + len - 2, ":0") == 0;

	if (chosen)
		log_warn("listening on %s", buf_str(&s->socket.text));
	else
		log_info("listening", "address=%s", buf_str(&s->socket.text));
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
	listen_socket_close(&s->socket);
	if (s->wrote_port)
		(void)unlink(s->port_file);
	client_limits_close(s->client_limits);
}
