/*
 * amqp_connect: settings, socket, TLS and login of a link; see amqp_link.h.
 *
 * amqps:// verifies the broker's certificate and its name, against the
 * system's authorities or [amqp] ca_file, and speaks TLS 1.2 or later.
 * Passwords and records go in the clear only to this machine, or where
 * [amqp] plaintext = yes says that this is meant.
 */
#define _DEFAULT_SOURCE /* TCP_USER_TIMEOUT and its friends */

#include "common/amqp/amqp_link.h"

#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/conf/conf.h"
#include "common/os/file.h"
#include "common/os/stop.h"

#define SYSTEM_CA "/etc/ssl/certs/ca-certificates.crt"
#define CONNECT_MS 5000
#define LOGIN_MS 5000
#define CALL_MS 10000
/* How long sent bytes may stay unacknowledged by the other machine; less with
 * a short heartbeat. */
#define SEND_MS 20000
#define FRAME_MAX 131072

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
	    url_check_query(&l->url, NULL, 0, &reason) != 0) {
		buf_setf(why, "[amqp] url or AMQP_URL: %s", buf_str(&reason));
		buf_release(&reason);
		return -1;
	}
	buf_release(&reason);
	l->title = l->url.hosts[0].shown;
	l->tls = strcmp(l->url.scheme, "amqps") == 0;
	if (!l->tls && strcmp(l->url.scheme, "amqp") != 0) {
		buf_setf(why,
		    "'%s' is not a URL of RabbitMQ; it begins with amqps:// "
		    "or, "
		    "on this machine, amqp://",
		    l->title);
		return -1;
	}
	for (i = 0; i < l->url.n_hosts; i++)
		plain = plain && url_is_loopback(l->url.hosts[i].name);
	plain = plain || conf_bool(conf, "amqp", "plaintext");
	if (!l->tls && !plain) {
		buf_setf(why,
		    "'%s' would send the password in the clear; use amqps://, "
		    "or set [amqp] plaintext = yes if the way there is safe",
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
		buf_setf(why,
		    "a queue needs a broker; set [amqp] url or AMQP_URL to "
		    "amqp://USER:PASSWORD@HOST/VHOST");
		conf_add_unread(conf, why);
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
	if (l->heartbeat_s < 1)
		l->heartbeat_s = 1;
	l->client = xasprintf("%s %s", prog_name(), client);
	return 0;
}

void
amqp_link_release(struct amqp_link *l)
{
	if (l->conn != NULL)
		(void)amqp_destroy_connection(l->conn);
	l->conn = NULL;
	url_release(&l->url);
	buf_release(&l->why);
	free(l->client);
	l->client = NULL;
}

static struct timeval
timeval_of(int ms)
{
	return (struct timeval){ .tv_sec = ms / 1000,
		.tv_usec = (suseconds_t)(ms % 1000) * 1000 };
}

static void
set_never(struct amqp_link *l, enum exit_code code)
{
	l->outcome = OUTCOME_NEVER;
	l->code = code;
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
	/* The library's defaults check no authority and allow any TLS. */
	if (file_readable(l->ca_file) == -1) {
		code = syserr_explain(&why, PROG_CONFIG,
		    "cannot read [amqp] ca_file '%s'", l->ca_file);
		amqp_link_drop(l, "%s", buf_str(&why));
		buf_release(&why);
		if (code == PROG_CONFIG)
			set_never(l, code);
		return NULL;
	}
	if (amqp_ssl_socket_set_cacert(s, l->ca_file) != AMQP_STATUS_OK) {
		amqp_link_drop(l,
		    "cannot load certificates from '%s'; check [amqp] ca_file",
		    l->ca_file);
		set_never(l, PROG_CONFIG);
		return NULL;
	}
	amqp_ssl_socket_set_verify_peer(s, 1);
	amqp_ssl_socket_set_verify_hostname(s, 1);
	if (amqp_ssl_socket_set_ssl_versions(
		s, AMQP_TLSv1_2, AMQP_TLSvLATEST) != AMQP_STATUS_OK) {
		amqp_link_drop(l, "this librabbitmq cannot speak TLS 1.2");
		set_never(l, PROG_CONFIG);
		return NULL;
	}
	return s;
}

/* The reason for a failure before the login. */
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
		set_never(l, PROG_CONFIG);
		break;
	case AMQP_STATUS_SSL_HOSTNAME_VERIFY_FAILED:
		amqp_link_drop(l,
		    "the certificate of RabbitMQ at %s is for another host; "
		    "name the host in [amqp] url as the certificate does",
		    title);
		set_never(l, PROG_CONFIG);
		break;
	case AMQP_STATUS_SOCKET_ERROR:
		amqp_link_drop(l,
		    "cannot reach RabbitMQ at %s: nobody answers there; is it "
		    "running?",
		    title);
		break;
	default:
		amqp_link_drop(
		    l, "cannot reach RabbitMQ at %s: %s", title, detail);
		break;
	}
	free(detail);
}

/* Best effort: without these a dead peer is found by the heartbeats, later. */
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
	enum outcome o;

	do {
		if (l->pass_over)
			l->host = (l->host + 1) % n;
		l->title = l->url.hosts[l->host].shown;
		l->pass_over = false;
		o = connect_to_host(l);
	} while (o == OUTCOME_LATER && ++tried < n && !stop_asked());
	if (o == OUTCOME_LATER && n > 1)
		buf_addf(&l->why, "; none of the %zu hosts can be used", n);
	return o;
}
