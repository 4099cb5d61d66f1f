/* server: see server.h. */
#include "tests/crm/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/os/stop.h"
#include "tests/crm/gzip.h"
#include "tests/crm/qiscus.h"

/* One request, from its headers to the end of its answer. */
struct exchange {
	struct server *server;
	struct MHD_Connection *connection;
	struct buf request;
	struct answer answer;
	struct buf piece; /* a piece of a gzip bomb, sent repeatedly */
	bool answered;    /* the answer has been made */
	bool suspended;
	int64_t due_ms; /* monotonic: when to resume, or to send a byte */
	struct exchange *next, **prev;
};

struct server {
	struct sim *sim;
	struct MHD_Daemon *daemon;
	struct exchange *exchanges;
};

static const char *
query(void *ctx, const char *name)
{
	return MHD_lookup_connection_value(ctx, MHD_GET_ARGUMENT_KIND, name);
}

static const char *
header(void *ctx, const char *name)
{
	return MHD_lookup_connection_value(ctx, MHD_HEADER_KIND, name);
}

/* Returns the token of the call. An admin's token is the account's, prefixed
 * with "admin-". */
static const char *
token(struct MHD_Connection *connection, const char *path, bool *by_admin)
{
	static const char *const names[] = { "Qiscus-Secret-Key",
		"QISCUS_SDK_SECRET", "QISCUS-SDK-SECRET" };
	static const char admin[] = "admin-";
	const char *value = header(connection, "Authorization");

	*by_admin = false;
	if (!qiscus_is_path(path))
		return value;
	if (header(connection, "Api-Access-Token") != NULL)
		return header(connection, "Api-Access-Token");
	if (value != NULL) {
		*by_admin = strncmp(value, admin, strlen(admin)) == 0;
		return *by_admin ? value + strlen(admin) : "nobody's";
	}
	for (size_t i = 0; i < ARRAY_LEN(names) && value == NULL; i++)
		value = header(connection, names[i]);
	return value;
}

static enum method
method_of(const char *name)
{
	size_t i = 0;

	while (i < METHOD_OTHER && strcmp(name, method_names[i]) != 0)
		i++;
	return (enum method)i;
}

static struct exchange *
begin(struct server *s, struct MHD_Connection *connection)
{
	struct exchange *e = xcalloc(1, sizeof *e);

	e->server = s;
	e->connection = connection;
	e->next = s->exchanges;
	e->prev = &s->exchanges;
	if (e->next != NULL)
		e->next->prev = &e->next;
	s->exchanges = e;
	return e;
}

static void
end(void *cls, struct MHD_Connection *connection, void **ctx,
    enum MHD_RequestTerminationCode how)
{
	struct exchange *e = *ctx;

	(void)cls;
	(void)connection;
	(void)how;
	if (e == NULL)
		return;
	*e->prev = e->next;
	if (e->next != NULL)
		e->next->prev = e->prev;
	buf_release(&e->request);
	buf_release(&e->answer.body);
	buf_release(&e->piece);
	free(e);
	*ctx = NULL;
}

static void
sleep_until(struct exchange *e, int64_t due_ms)
{
	e->due_ms = due_ms;
	e->suspended = true;
	MHD_suspend_connection(e->connection);
}

/* For bodies that are not sent at once, or not with the promised length. */
static ssize_t
read_body(void *cls, uint64_t pos, char *to, size_t max)
{
	struct exchange *e = cls;
	struct answer *a = &e->answer;
	const struct buf *from = &a->body;
	uint64_t start = 0;

	if (a->mode == ANSWER_DRIP && pos > 0 && clock_mono_ms() < e->due_ms) {
		sleep_until(e, e->due_ms);
		return 0;
	}
	if (a->mode == ANSWER_DRIP) {
		e->due_ms = clock_mono_ms() + a->value;
		max = 1;
	}
	if (pos >= a->body.len && a->mode == ANSWER_HUGE) {
		if ((int64_t)pos >= a->value)
			return MHD_CONTENT_READER_END_OF_STREAM;
		memset(to, ' ', max);
		return (ssize_t)max;
	}
	if (pos >= a->body.len && a->mode == ANSWER_BOMB) {
		from = &e->piece;
		start =
		    a->body.len + (pos - a->body.len) / from->len * from->len;
		if ((int64_t)((start - a->body.len) / from->len) >= a->value >>
		    20)
			return MHD_CONTENT_READER_END_OF_STREAM;
	}
	if (pos - start >= from->len)
		return a->mode == ANSWER_CUT || a->mode == ANSWER_LONG
			   ? MHD_CONTENT_READER_END_WITH_ERROR
			   : MHD_CONTENT_READER_END_OF_STREAM;
	if (max > from->len - (pos - start))
		max = from->len - (size_t)(pos - start);
	memcpy(to, from->data + (pos - start), max);
	return (ssize_t)max;
}

static struct MHD_Response *
whole(struct exchange *e, bool gzip)
{
	struct buf *body = &e->answer.body, packed = BUF_INIT;
	struct MHD_Response *r;
	size_t len;

	if (gzip) {
		gzip_whole(body, &packed);
		buf_release(body);
		*body = packed;
	}
	len = body->len;
	/* The response takes over the memory. */
	r = MHD_create_response_from_buffer(
	    len, buf_take(body), MHD_RESPMEM_MUST_FREE);
	if (gzip)
		MHD_add_response_header(r, "Content-Encoding", "gzip");
	return r;
}

static struct MHD_Response *
odd(struct exchange *e)
{
	struct answer *a = &e->answer;
	uint64_t size = MHD_SIZE_UNKNOWN;
	struct buf head = BUF_INIT;
	struct MHD_Response *r;

	if (a->mode == ANSWER_LONG)
		size = a->body.len + 100;
	if (a->mode == ANSWER_SHORT)
		size = a->body.len / 2;
	if (a->mode == ANSWER_DRIP)
		size = a->body.len;
	if (a->mode == ANSWER_CUT && a->body.len > 1) {
		a->body.len /= 2;
		a->body.data[a->body.len] = '\0';
	}
	if (a->mode == ANSWER_BOMB) {
		gzip_bomb(buf_str(&a->body), &head, &e->piece);
		buf_release(&a->body);
		a->body = head;
	}
	r = MHD_create_response_from_callback(size, 16384, read_body, e, NULL);
	if (a->mode == ANSWER_BOMB)
		MHD_add_response_header(r, "Content-Encoding", "gzip");
	return r;
}

static bool
wants_gzip(const struct exchange *e)
{
	const char *accept = MHD_lookup_connection_value(
	    e->connection, MHD_HEADER_KIND, "Accept-Encoding");

	return accept != NULL && strstr(accept, "gzip") != NULL &&
	       e->answer.body.len > 500;
}

static enum MHD_Result
reply(struct exchange *e)
{
	struct answer *a = &e->answer;
	struct MHD_Response *r;
	enum MHD_Result result;
	char date[40];

	if (a->mode == ANSWER_RESET)
		return MHD_NO;
	r = a->mode == ANSWER_WHOLE || a->mode == ANSWER_HANG
		? whole(e, wants_gzip(e))
		: odd(e);
	MHD_add_response_header(r, "Content-Type",
	    a->type != NULL ? a->type : "application/json; charset=utf-8");
	if (!a->no_date) {
		call_http_date(
		    sim_now(e->server->sim) + a->date_skew_s * 1000, date);
		MHD_add_response_header(r, "Date", date);
	}
	for (size_t i = 0; i < a->headers_n; i++)
		MHD_add_response_header(
		    r, a->headers[i].name, a->headers[i].value);
	result = MHD_queue_response(e->connection, a->status, r);
	MHD_destroy_response(r);
	return result;
}

static void
ask(struct exchange *e, const char *path, const char *method)
{
	struct MHD_Connection *connection = e->connection;
	struct call c = { .disturb = -1 };

	c.method = method_of(method);
	c.path = path;
	c.token = token(connection, path, &c.by_admin);
	c.header = header;
	c.uncounted = MHD_lookup_connection_value(
			  connection, MHD_HEADER_KIND, "X-Uncounted") != NULL;
	c.body = e->request;
	c.query = query;
	c.ctx = connection;
	e->answered = true;
	sim_answer(e->server->sim, &c, &e->answer);
	if (e->answer.mode == ANSWER_HANG)
		e->answer.delay_ms = e->answer.value * 1000;
}

static enum MHD_Result
handle(void *cls, struct MHD_Connection *connection, const char *path,
    const char *method, const char *version, const char *data, size_t *len,
    void **ctx)
{
	struct exchange *e = *ctx;

	(void)version;
	if (e == NULL) {
		*ctx = begin(cls, connection);
		return MHD_YES;
	}
	if (*len > 0) {
		buf_add(&e->request, data, *len);
		*len = 0;
		return MHD_YES;
	}
	if (!e->answered) {
		ask(e, path, method);
		if (e->answer.delay_ms > 0) {
			sleep_until(e, clock_mono_ms() + e->answer.delay_ms);
			return MHD_YES;
		}
	}
	return reply(e);
}

struct server *
server_open(struct sim *sim, int port, const char *cert, const char *key,
    struct buf *why)
{
	struct server *s = xcalloc(1, sizeof *s);
	struct sockaddr_in address = { .sin_family = AF_INET };
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME |
			 MHD_USE_SUPPRESS_DATE_NO_CLOCK;
	struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, NULL },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, NULL },
		{ MHD_OPTION_END, 0, NULL },
	};

	address.sin_port = htons((uint16_t)port);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (cert != NULL) {
		flags |= MHD_USE_TLS;
		tls[0].ptr_value = xstrdup(cert);
		tls[1].ptr_value = xstrdup(key);
	} else {
		tls[0].option = MHD_OPTION_END;
	}
	s->sim = sim;
	s->daemon = MHD_start_daemon(flags, 0, NULL, NULL, handle, s,
	    MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_NOTIFY_COMPLETED, end,
	    NULL, MHD_OPTION_CONNECTION_LIMIT, 500u,
	    MHD_OPTION_CONNECTION_TIMEOUT, 0u, MHD_OPTION_ARRAY, tls,
	    MHD_OPTION_END);
	free(tls[0].ptr_value);
	free(tls[1].ptr_value);
	if (s->daemon == NULL) {
		buf_setf(why,
		    "cannot listen on 127.0.0.1:%d: %s; is the port "
		    "in use?",
		    port, log_errno(errno));
		free(s);
		return NULL;
	}
	return s;
}

int
server_port(const struct server *s)
{
	const union MHD_DaemonInfo *info =
	    MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_BIND_PORT);

	return info == NULL ? 0 : info->port;
}

/* Resumes the connections that are due; all of them at the end. Returns -1 if
 * there were any, else the milliseconds until the next is due, at most a
 * second. */
static int64_t
wake(struct server *s, bool all)
{
	int64_t now = clock_mono_ms(), least = 1000;

	for (struct exchange *e = s->exchanges; e != NULL; e = e->next) {
		if (!e->suspended)
			continue;
		if (all || e->due_ms <= now) {
			e->suspended = false;
			least = -1;
			MHD_resume_connection(e->connection);
		} else if (e->due_ms - now < least) {
			least = e->due_ms - now;
		}
	}
	return least;
}

void
server_run(struct server *s)
{
	const union MHD_DaemonInfo *info =
	    MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	struct pollfd fds = { info->epoll_fd, POLLIN, 0 };

	while (!stop_asked()) {
		int64_t wait = wake(s, false);
		bool resumed = wait < 0;
		int64_t turn = sim_turn(s->sim);
		MHD_UNSIGNED_LONG_LONG most;

		if (turn < wait)
			wait = turn;
		if (MHD_get_timeout(s->daemon, &most) == MHD_YES &&
		    (int64_t)most < wait)
			wait = (int64_t)most;
		if (resumed)
			wait = 0;
		poll(&fds, 1, (int)wait);
		MHD_run(s->daemon);
		if (resumed) /* connections that the first run accepted again */
			MHD_run(s->daemon);
	}
}

void
server_close(struct server *s)
{
	wake(s, true);
	MHD_stop_daemon(s->daemon);
	free(s);
}
