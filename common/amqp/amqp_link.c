/*
 * amqp_link: frames and errors of a connection, and its end; see amqp_link.h.
 */
#include "common/amqp/amqp_link.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/os/notify.h"
#include "common/os/stop.h"

/* How long the end takes at most, how long each of its calls, and how long
 * before a program that is asked to stop is ended it is over. */
#define CLOSE_MS 5000
#define CLOSE_CALL_MS 3000
#define CLOSE_SPARE_MS 500
/* Between two looks at the heartbeats, however long the wait. */
#define SLICE_MS 500

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

int
amqp_link_check(struct amqp_link *l, const char *what, int status)
{
	if (status == AMQP_STATUS_OK)
		return 0;
	amqp_link_drop(l, "cannot %s at %s: %s%s", what, l->title,
	    amqp_error_string2(status),
	    status == AMQP_STATUS_TIMEOUT
		? "; is that RabbitMQ, and is it well?"
		: "");
	return -1;
}

/* What ends by itself, and what a person can do to end it; NULL: nothing. */
static const char *
hindrance_of(int reply_code, const char *text)
{
	/* With the same code as for a right that is missing. */
	if (reply_code == AMQP_ACCESS_REFUSED &&
	    strstr(text, "exclusive use") != NULL)
		return "end the other one that reads it";
	return reply_code == AMQP_RESOURCE_LOCKED
		   ? "end the connection that made it for itself"
		   : NULL;
}

/* What a person can do, by the broker's reply code; NULL: try again. */
static const char *
way_out_of(int reply_code, const char *what, const char *text)
{
	switch (reply_code) {
	case AMQP_ACCESS_REFUSED:
		if (strcmp(what, "log in") == 0)
			return "check user and password in [amqp] url";
		return "grant the right with rabbitmqctl set_permissions";
	case AMQP_NOT_ALLOWED:
		/* A virtual host that starts up, too many connections for
		 * now: nothing to correct. */
		if (strstr(text, "is down") != NULL ||
		    strstr(text, "limit") != NULL)
			return NULL;
		return "check the virtual host in [amqp] url";
	case AMQP_PRECONDITION_FAILED:
		/* Acknowledging took longer than consumer_timeout. */
		if (strstr(text, "timed out") != NULL ||
		    strstr(text, "unknown delivery tag") != NULL)
			return NULL;
		return "delete or change what is in the way";
	case AMQP_COMMAND_INVALID:
		if (strstr(text, "exchange type") != NULL)
			return "name a type that the broker has";
		return NULL;
	default:
		return NULL;
	}
}

/* The broker closed channel or connection: outcome and exit code by its reply
 * code and text. */
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
	if (way_out != NULL && passes == NULL) {
		l->outcome = OUTCOME_NEVER;
		l->code = reply_code == AMQP_PRECONDITION_FAILED ||
				  reply_code == AMQP_COMMAND_INVALID
			      ? PROG_CONFIG
			      : PROG_NOPERM;
	}
	free(text);
}

/* True if m closes channel or connection; then the broker's reason. */
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
		    l, "cannot %s at %s: no sensible answer", what, l->title);
	return -1;
}

/* Handles the methods that concern the link itself. 1: f was one; 0: it was
 * not; -1: it closed the link. */
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
		    "RabbitMQ at %s takes no messages, its alarm is on (%.*s); "
		    "give it memory or disk",
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

/* The next frame without waiting: 1, 0, -1. The library reads ahead, so that
 * poll(2) alone would wait while frames are there. */
static int
next_frame(struct amqp_link *l, amqp_frame_t *f)
{
	struct timeval at_once = { 0, 0 };
	int status, own;

	do {
		/* Where frames wait in the library's list it would look
		 * through all of them, each time, to release nothing. */
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

/* Sends a heartbeat twice in each interval of the broker. */
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
	/* An error is left to reading, which has a better reason. */
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
		/* Not the library's own wait: it sleeps on after a signal. */
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
	struct timeval timeout;
	int64_t call;

	if (l->end_ms == 0)
		l->end_ms = now + CLOSE_MS;
	if (left > l->end_ms - now)
		left = l->end_ms - now;
	if (left < 0)
		left = 0;
	call = left < CLOSE_CALL_MS ? left : CLOSE_CALL_MS;
	timeout.tv_sec = call / 1000;
	timeout.tv_usec = (suseconds_t)(call % 1000) * 1000;
	if (l->conn != NULL)
		amqp_set_rpc_timeout(l->conn, &timeout);
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
	/* A broker in alarm does not read what a publisher sends. */
	if (!l->blocked)
		(void)amqp_connection_close(l->conn, AMQP_REPLY_SUCCESS);
	destroy(l);
}
