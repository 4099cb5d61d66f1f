/*
 * amqp_link: errors, frames, closing and connecting; see amqp_link.h.
 *
 * amqps:// verifies the broker's certificate and name against the system's
 * authorities or [amqp] ca_file, and uses TLS 1.2 or later. Passwords and
 * records are sent in plaintext only to this machine, or if [amqp] plaintext =
 * yes.
 */
#define _DEFAULT_SOURCE /* TCP_USER_TIMEOUT and the like */

#include "common/amqp/amqp_link.h"

#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/conf/conf.h"
#include "common/os/file.h"
#include "common/os/notify.h"
#include "common/os/stop.h"

/* How long closing may take in total and for each call, and how long before a
 * stopping program is killed it must have ended. */
#define CLOSE_MS 5000
#define CLOSE_CALL_MS 3000
#define CLOSE_SPARE_MS 500
/* How often heartbeats are checked during a wait. */
#define SLICE_MS 500

#define SYSTEM_CA "/etc/ssl/certs/ca-certificates.crt"
#define CONNECT_MS 5000
#define LOGIN_MS 5000
#define CALL_MS 10000
/* How long the other machine may leave sent bytes unacknowledged; less with a
 * short heartbeat. */
#define SEND_MS 20000
#define FRAME_MAX 131072

static struct timeval
timeval_of(int64_t ms)
{
	return (struct timeval){ .tv_sec = ms / 1000,
		.tv_usec = (suseconds_t)(ms % 1000) * 1000 };
}

static void
destroy(struct amqp_link *l)
{
	if (l->conn != NULL)
		(void)amqp_destroy_connection(l->conn);
	l->conn = NULL;
}

void
amqp_link_drop(struct amqp_link *l, const char *fmt, ...)
{
	va_list ap;

	buf_clear(&l->why);
	va_start(ap, fmt);
	buf_addv(&l->why, fmt, ap);
	va_end(ap);
	l->outcome = OUTCOME_LATER;
	l->code = PROG_TEMPFAIL;
	l->blocked = false;
	l->pass_over = true;
	destroy(l);
}

void
amqp_link_set_never(struct amqp_link *l, enum exit_code code)
{
	l->outcome = OUTCOME_NEVER;
	l->code = code;
}

int
amqp_link_check(struct amqp_link *l, const char *what, int status)
{
	if (status == AMQP_STATUS_OK)
		return 0;
	amqp_link_drop(l, "cannot %s at %s: %s%s", what, l->title,
	    amqp_error_string2(status),
	    status == AMQP_STATUS_TIMEOUT
		? "; is it RabbitMQ, and is it healthy?"
		: "");
	return -1;
}

/* If the error may end by itself, returns what a person can do to end it;
 * otherwise NULL. */
static const char *
hindrance_of(int reply_code, const char *text)
{
	/* A missing permission has the same code. */
	if (reply_code == AMQP_ACCESS_REFUSED &&
	    strstr(text, "exclusive use") != NULL)
		return "stop its other consumer";
	return reply_code == AMQP_RESOURCE_LOCKED
		   ? "close the connection that declared it exclusive"
		   : NULL;
}

/* Returns advice for the broker's reply code; NULL: try again. */
static const char *
way_out_of(int reply_code, const char *what, const char *text)
{
	switch (reply_code) {
	case AMQP_ACCESS_REFUSED:
		if (strcmp(what, "log in") == 0)
			return "check user and password in [amqp] url";
		return "grant the permission with rabbitmqctl set_permissions";
	case AMQP_NOT_ALLOWED:
		/* A virtual host that starts up, or temporarily too many
		 * connections: nothing to correct. */
		if (strstr(text, "is down") != NULL ||
		    strstr(text, "limit") != NULL)
			return NULL;
		return "check the virtual host in [amqp] url";
	case AMQP_PRECONDITION_FAILED:
		/* Acknowledging took longer than consumer_timeout. */
		if (strstr(text, "timed out") != NULL ||
		    strstr(text, "unknown delivery tag") != NULL)
			return NULL;
		return "delete it, or change what differs";
	default:
		return NULL;
	}
}

/* The broker has closed channel or connection: sets outcome and exit code by
 * its reply code and text. */
static void
link_refused(
    struct amqp_link *l, const char *what, int reply_code, amqp_bytes_t bytes)
{
	char *text =
	    xstrndup(bytes.bytes != NULL ? bytes.bytes : "", bytes.len);
	const char *passes = hindrance_of(reply_code, text);
	const char *way_out =
	    passes != NULL ? passes : way_out_of(reply_code, what, text);

	amqp_link_drop(l, "cannot %s at %s: %s%s%s", what, l->title, text,
	    way_out != NULL ? "; " : "", way_out != NULL ? way_out : "");
	if (way_out != NULL && passes == NULL)
		amqp_link_set_never(
		    l, reply_code == AMQP_PRECONDITION_FAILED ||
			       reply_code == AMQP_COMMAND_INVALID
			   ? PROG_CONFIG
			   : PROG_NOPERM);
	free(text);
}

/* True if m closes channel or connection; sets the broker's reason. */
static bool
is_closing(const amqp_method_t *m, int *reply_code, amqp_bytes_t *text)
{
	const amqp_channel_close_t *channel = m->decoded;
	const amqp_connection_close_t *connection = m->decoded;

	if (m->id == AMQP_CHANNEL_CLOSE_METHOD) {
		*reply_code = channel->reply_code;
		*text = channel->reply_text;
		return true;
	}
	if (m->id == AMQP_CONNECTION_CLOSE_METHOD) {
		*reply_code = connection->reply_code;
		*text = connection->reply_text;
		return true;
	}
	return false;
}

int
amqp_link_check_reply(struct amqp_link *l, const char *what, amqp_rpc_reply_t r)
{
	amqp_bytes_t text;
	int code;

	notify_alive();
	if (r.reply_type == AMQP_RESPONSE_NORMAL)
		return 0;
	if (r.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION)
		return amqp_link_check(l, what, r.library_error);
	if (r.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION &&
	    is_closing(&r.reply, &code, &text))
		link_refused(l, what, code, text);
	else
		amqp_link_drop(
		    l, "cannot %s at %s: unexpected answer", what, l->title);
	return -1;
}

/* Handles methods that concern the link itself. Returns 1 if f was such a
 * frame, 0 if not, -1 if it closed the link. */
static int
own_method(struct amqp_link *l, const amqp_frame_t *f)
{
	const amqp_method_t *m = &f->payload.method;
	const amqp_connection_blocked_t *blocked = m->decoded;
	amqp_bytes_t text;
	int code;

	if (f->frame_type != AMQP_FRAME_METHOD)
		return 0;
	if (is_closing(m, &code, &text)) {
		link_refused(l, "talk to RabbitMQ", code, text);
		return -1;
	}
	if (m->id == AMQP_CONNECTION_BLOCKED_METHOD) {
		l->blocked = true;
		l->code = PROG_TEMPFAIL;
		buf_setf(&l->why,
		    "RabbitMQ at %s accepts no messages because of an alarm "
		    "(%.*s); give it memory or disk space",
		    l->title, (int)blocked->reason.len,
		    (const char *)blocked->reason.bytes);
		return 1;
	}
	if (m->id == AMQP_CONNECTION_UNBLOCKED_METHOD) {
		l->blocked = false;
		buf_clear(&l->why);
		return 1;
	}
	return 0;
}

/* Reads the next frame without waiting: 1, 0, -1. The library reads ahead, so
 * poll(2) alone might wait although there are frames. */
static int
next_frame(struct amqp_link *l, amqp_frame_t *f)
{
	struct timeval at_once = { 0, 0 };
	int status, own;

	do {
		/* If frames are in the library's list, it would search all of
		 * them each time and release nothing. */
		if (!amqp_frames_enqueued(l->conn))
			amqp_maybe_release_buffers(l->conn);
		status = amqp_simple_wait_frame_noblock(l->conn, f, &at_once);
		if (status == AMQP_STATUS_TIMEOUT)
			return 0;
		if (amqp_link_check(l, "talk to RabbitMQ", status) != 0)
			return -1;
		own = own_method(l, f);
	} while (own > 0);
	return own < 0 ? -1 : 1;
}

/* Sends a heartbeat twice in each of the broker's intervals. */
static void
send_heartbeat(struct amqp_link *l, int64_t now)
{
	const amqp_frame_t f = { .frame_type = AMQP_FRAME_HEARTBEAT };
	int every_ms;

	if (l->conn == NULL)
		return;
	every_ms = amqp_get_heartbeat(l->conn) * 500;
	if (every_ms == 0 || now - l->beat_ms < every_ms)
		return;
	l->beat_ms = now;
	/* If this fails, reading reports a better reason. */
	(void)amqp_send_frame(l->conn, &f);
}

int
amqp_link_frame(struct amqp_link *l, amqp_frame_t *f, int timeout_ms)
{
	int64_t now = clock_mono_ms(), end = now + timeout_ms,
		left = timeout_ms;
	struct pollfd p = { .events = POLLIN };
	int got;

	send_heartbeat(l, now);
	for (;;) {
		if (l->conn == NULL)
			return -1;
		got = next_frame(l, f);
		if (got != 0 || left <= 0)
			return got;
		p.fd = amqp_get_sockfd(l->conn);
		/* The library's own wait would continue after a signal. */
		if (poll(&p, 1, (int)(left < SLICE_MS ? left : SLICE_MS)) < 0 &&
		    errno == EINTR)
			return 0;
		left = end - clock_mono_ms();
	}
}

int64_t
amqp_link_end(struct amqp_link *l)
{
	int64_t now = clock_mono_ms(), left = stop_left_ms() - CLOSE_SPARE_MS;
	struct timeval call;

	if (l->end_ms == 0)
		l->end_ms = now + CLOSE_MS;
	if (left > l->end_ms - now)
		left = l->end_ms - now;
	if (left < 0)
		left = 0;
	call = timeval_of(left < CLOSE_CALL_MS ? left : CLOSE_CALL_MS);
	if (l->conn != NULL)
		amqp_set_rpc_timeout(l->conn, &call);
	return left;
}

void
amqp_link_hurry(struct amqp_link *l)
{
	if (l->end_ms != 0)
		(void)amqp_link_end(l);
}

void
amqp_link_close(struct amqp_link *l)
{
	if (l->conn == NULL)
		return;
	(void)amqp_link_end(l);
	/* A broker in alarm does not read from publishers. */
	if (!l->blocked)
		(void)amqp_connection_close(l->conn, AMQP_REPLY_SUCCESS);
	destroy(l);
}

/* ---- connecting ---- */

static const char *
or_default(const char *s, const char *def)
{
	return s != NULL && s[0] != '\0' ? s : def;
}

static int
check_url(struct amqp_link *l, const struct conf *conf, const char *text,
    struct buf *why)
{
	struct buf reason = BUF_INIT;
	bool plain = true;
	size_t i;

	if (url_parse(&l->url, text, &reason) != 0 ||
	    url_read_query(&l->url, NULL, NULL, &reason) != 0) {
		buf_setf(why, "[amqp] url or AMQP_URL: %s", buf_str(&reason));
		buf_release(&reason);
		return -1;
	}
	buf_release(&reason);
	l->title = l->url.hosts[0].shown;
	l->tls = strcmp(l->url.scheme, "amqps") == 0;
	if (!l->tls && strcmp(l->url.scheme, "amqp") != 0) {
		buf_setf(why,
		    "'%s' is not a URL of RabbitMQ; it must begin with "
		    "amqps:// or, on this machine, amqp://",
		    l->title);
		return -1;
	}
	for (i = 0; i < l->url.n_hosts; i++)
		plain = plain && url_is_loopback(l->url.hosts[i].name);
	plain = plain || conf_bool(conf, "amqp", "plaintext");
	if (!l->tls && !plain) {
		buf_setf(why,
		    "'%s' would send the password unencrypted; use amqps://, "
		    "or set [amqp] plaintext = yes if the network is safe",
		    l->title);
		return -1;
	}
	return 0;
}

int
amqp_link_init(struct amqp_link *l, const struct conf *conf, const char *client,
    struct buf *why, enum exit_code *code)
{
	const char *text = conf_text(conf, "amqp", "url");

	memset(l, 0, sizeof *l);
	if (text == NULL) {
		buf_setf(why, "no broker is configured; set [amqp] url or "
			      "AMQP_URL to amqp://USER:PASSWORD@HOST/VHOST");
		conf_add_source(conf, why);
		*code = PROG_CONFIG;
		return -1;
	}
	if (check_url(l, conf, text, why) != 0) {
		amqp_link_release(l);
		*code = PROG_CONFIG;
		return -1;
	}
	l->ca_file = or_default(conf_text(conf, "amqp", "ca_file"), SYSTEM_CA);
	l->dead_letters_ms = conf_int(conf, "amqp", "dead_letters");
	l->heartbeat_s = (int)(conf_int(conf, "amqp", "heartbeat") / 1000);
	l->client = xasprintf("%s %s", prog_name(), client);
	return 0;
}

void
amqp_link_release(struct amqp_link *l)
{
	destroy(l);
	url_release(&l->url);
	buf_release(&l->why);
	free(l->client);
	l->client = NULL;
}

static amqp_socket_t *
new_tls_socket(struct amqp_link *l)
{
	amqp_socket_t *s = amqp_ssl_socket_new(l->conn);
	struct buf why = BUF_INIT;
	enum exit_code code;

	if (s == NULL) {
		amqp_link_drop(l, "cannot set up TLS: out of memory");
		return NULL;
	}
	/* The library's defaults verify no authority and allow any TLS
	 * version. */
	if (file_readable(l->ca_file) == -1) {
		code = syserr_explain(&why, PROG_CONFIG,
		    "cannot read [amqp] ca_file '%s'", l->ca_file);
		amqp_link_drop(l, "%s", buf_str(&why));
		buf_release(&why);
		if (code == PROG_CONFIG)
			amqp_link_set_never(l, code);
		return NULL;
	}
	if (amqp_ssl_socket_set_cacert(s, l->ca_file) != AMQP_STATUS_OK) {
		amqp_link_drop(l,
		    "cannot load certificates from '%s'; check [amqp] ca_file",
		    l->ca_file);
		amqp_link_set_never(l, PROG_CONFIG);
		return NULL;
	}
	amqp_ssl_socket_set_verify_peer(s, 1);
	amqp_ssl_socket_set_verify_hostname(s, 1);
	if (amqp_ssl_socket_set_ssl_versions(
		s, AMQP_TLSv1_2, AMQP_TLSvLATEST) != AMQP_STATUS_OK) {
		amqp_link_drop(l, "this librabbitmq cannot speak TLS 1.2");
		amqp_link_set_never(l, PROG_CONFIG);
		return NULL;
	}
	return s;
}

/* Records the reason for a failure before the login. */
static void
connect_failed(struct amqp_link *l, int status)
{
	const char *title = l->title;
	char *detail = xstrdup(amqp_error_string2(status));

	switch (status) {
	case AMQP_STATUS_SSL_PEER_VERIFY_FAILED:
		amqp_link_drop(l,
		    "the certificate of RabbitMQ at %s is not trusted or has "
		    "expired; renew it, or set [amqp] ca_file to the "
		    "authority that signed it",
		    title);
		amqp_link_set_never(l, PROG_CONFIG);
		break;
	case AMQP_STATUS_SSL_HOSTNAME_VERIFY_FAILED:
		amqp_link_drop(l,
		    "the certificate of RabbitMQ at %s is for another host; "
		    "use the certificate's host name in [amqp] url",
		    title);
		amqp_link_set_never(l, PROG_CONFIG);
		break;
	case AMQP_STATUS_SOCKET_ERROR:
		amqp_link_drop(l,
		    "cannot reach RabbitMQ at %s: no answer; is it running?",
		    title);
		break;
	default:
		amqp_link_drop(
		    l, "cannot reach RabbitMQ at %s: %s", title, detail);
		break;
	}
	free(detail);
}

/* Best effort: without these, only heartbeats detect a dead peer, which takes
 * longer. */
static void
set_socket_timeouts(int fd, int heartbeat_s)
{
	int send = heartbeat_s < SEND_MS / 2000 ? 2000 * heartbeat_s : SEND_MS;
	const struct {
		int level, name, value;
	} options[] = {
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, send },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, 10 },
		{ IPPROTO_TCP, TCP_KEEPINTVL, 5 },
		{ IPPROTO_TCP, TCP_KEEPCNT, 4 },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(options); i++)
		(void)setsockopt(fd, options[i].level, options[i].name,
		    &options[i].value, sizeof options[i].value);
}

static int
open_socket(struct amqp_link *l)
{
	struct timeval timeout = timeval_of(CONNECT_MS);
	amqp_socket_t *s;
	const struct url_host *host = &l->url.hosts[l->host];
	int port = host->port, status;

	s = l->tls ? new_tls_socket(l) : amqp_tcp_socket_new(l->conn);
	if (s == NULL)
		return -1;
	if (port == 0)
		port = l->tls ? 5671 : 5672;
	status = amqp_socket_open_noblock(s, host->name, port, &timeout);
	if (status != AMQP_STATUS_OK) {
		connect_failed(l, status);
		return -1;
	}
	set_socket_timeouts(amqp_get_sockfd(l->conn), l->heartbeat_s);
	return 0;
}

static amqp_table_entry_t
flag_entry(const char *key)
{
	amqp_table_entry_t e;

	e.key = amqp_cstring_bytes(key);
	e.value.kind = AMQP_FIELD_KIND_BOOLEAN;
	e.value.value.boolean = 1;
	return e;
}

static int
login(struct amqp_link *l)
{
	amqp_table_entry_t can[] = { flag_entry("connection.blocked"),
		flag_entry("consumer_cancel_notify") };
	amqp_table_entry_t properties[2];
	amqp_table_t table = { 2, properties };
	amqp_rpc_reply_t reply;
	struct timeval handshake = timeval_of(LOGIN_MS),
		       call = timeval_of(CALL_MS);

	properties[0].key = amqp_cstring_bytes("capabilities");
	properties[0].value.kind = AMQP_FIELD_KIND_TABLE;
	properties[0].value.value.table.num_entries = ARRAY_LEN(can);
	properties[0].value.value.table.entries = can;
	properties[1].key = amqp_cstring_bytes("connection_name");
	properties[1].value.kind = AMQP_FIELD_KIND_UTF8;
	properties[1].value.value.bytes = amqp_cstring_bytes(l->client);
	amqp_set_handshake_timeout(l->conn, &handshake);
	amqp_set_rpc_timeout(l->conn, &call);
	reply = amqp_login_with_properties(l->conn,
	    or_default(l->url.path, "/"), 2, FRAME_MAX, l->heartbeat_s, &table,
	    AMQP_SASL_METHOD_PLAIN, or_default(l->url.user, "guest"),
	    l->url.password != NULL ? l->url.password : "guest");
	return amqp_link_check_reply(l, "log in", reply);
}

static enum outcome
connect_to_host(struct amqp_link *l)
{
	l->blocked = false;
	l->end_ms = 0;
	l->conn = amqp_new_connection();
	if (l->conn == NULL)
		prog_die(PROG_TEMPFAIL, "out of memory");
	if (open_socket(l) != 0 || login(l) != 0)
		return l->outcome;
	amqp_channel_open(l->conn, AMQP_LINK_CHANNEL);
	if (amqp_link_check_reply(
		l, "open a channel", amqp_get_rpc_reply(l->conn)) != 0)
		return l->outcome;
	buf_clear(&l->why);
	return OUTCOME_DONE;
}

enum outcome
amqp_link_connect(struct amqp_link *l)
{
	size_t n = l->url.n_hosts, tried = 0;
	bool later = false;
	enum outcome o;

	do {
		if (tried > 0)
			log_info(
			    "next_host", "reason=\"%s\"", buf_str(&l->why));
		if (l->pass_over)
			l->host = (l->host + 1) % n;
		l->title = l->url.hosts[l->host].shown;
		l->pass_over = false;
		o = connect_to_host(l);
		later |= o == OUTCOME_LATER;
	} while (o != OUTCOME_DONE && ++tried < n && !stop_asked());
	if (o == OUTCOME_DONE)
		return o;
	/* A host that refuses us may be the only one that is up. */
	if (later) {
		l->outcome = OUTCOME_LATER;
		l->code = PROG_TEMPFAIL;
	}
	if (n > 1)
		buf_addf(&l->why, "; none of the %zu hosts can be used", n);
	return l->outcome;
}
