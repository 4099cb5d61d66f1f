/*
 * endpoint_unix_write: the writing end of "unix:PATH"; see endpoint_unix.h.
 *
 * Lines gather in `filling` until it is a frame of full size, a flush, or a
 * send while hardly anything is unacknowledged. Then the frame stays in the
 * window, which is bounded, until the reader has acknowledged it:
 *
 *   window[first]             ...  sent  ...       n - 1
 *   acknowledged: leaves  <-  sent     | to be sent
 *
 * A new connection begins with window[first] again.
 */
#include "common/endpoint/endpoint_unix.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/os/notify.h"
#include "common/os/stop.h"
#include "common/unix/unix_socket.h"

/* Frames that are unacknowledged at most. */
#define WINDOW 32
/* With more on their way, a send waits until they are one frame. */
#define FEW 24
/* How long one wait takes at most, and when connecting is tried again. */
#define SLICE_MS 250
#define RETRY_MS 100

struct unix_outgoing {
	struct buf frame;
	uint64_t before, lines; /* of all so far, without and with these */
	int64_t sent_us;        /* for the trace */
};

struct unix_writer {
	struct endpoint base;
	char *path;
	int fd; /* -1: not connected */
	struct endpoint_timeout timeout;
	int64_t outage_since_ms; /* 0: no outage */
	int64_t next_try_ms;     /* not to connect before */
	int64_t progress_ms;     /* of the last acknowledgement */

	struct buf filling;     /* with its header, unless it is empty */
	uint64_t lines, sealed; /* so far; of them, in frames */
	struct unix_outgoing window[WINDOW];
	size_t first, n;
	uint64_t next_seq; /* of the next frame that enters the window */

	/* Of this connection. */
	size_t sent;       /* frames of the window, wholly */
	size_t part;       /* bytes of the next one */
	uint64_t returned; /* frames acknowledged */
	unsigned char ack[sizeof(uint64_t)];
	size_t ack_len;
};

static struct unix_writer *
unix_writer_of(struct endpoint *e)
{
	return (struct unix_writer *)(void *)e;
}

static struct unix_outgoing *
window_at(struct unix_writer *w, size_t i)
{
	return &w->window[(w->first + i) % WINDOW];
}

static enum outcome
nobody_reads(struct unix_writer *w)
{
	buf_setf(&w->base.why,
	    "nobody reads '%s'; start sink -f %s, nothing is lost",
	    w->base.name, w->base.name);
	w->base.code = PROG_TEMPFAIL;
	return OUTCOME_LATER;
}

/* The reader ended; the next one may be there already. */
static enum outcome
end_connection(struct unix_writer *w)
{
	(void)close(w->fd);
	w->fd = -1;
	w->next_try_ms = 0;
	return nobody_reads(w);
}

/* For the reason in errno, which is said once. */
static enum outcome
refuse_connection(struct unix_writer *w)
{
	struct endpoint *e = &w->base;

	w->next_try_ms = clock_mono_ms() + RETRY_MS;
	if (errno == ENOENT || errno == ECONNREFUSED || errno == EAGAIN)
		(void)nobody_reads(w);
	else
		e->code = syserr_explain(
		    &e->why, PROG_NOPERM, "cannot connect to '%s'", e->name);
	if (e->code != PROG_TEMPFAIL)
		return OUTCOME_NEVER;
	if (w->outage_since_ms == 0 && w->timeout.for_ever)
		log_warn("%s", buf_str(&e->why));
	if (w->outage_since_ms == 0)
		w->outage_since_ms = clock_mono_ms();
	return OUTCOME_LATER;
}

/* LATER: it is not time to try, or nobody is there. */
static enum outcome
connect_writer(struct unix_writer *w)
{
	if (w->fd >= 0)
		return OUTCOME_DONE;
	if (clock_mono_ms() < w->next_try_ms)
		return OUTCOME_LATER;
	w->fd = unix_socket_connect(w->path);
	if (w->fd < 0)
		return refuse_connection(w);
	w->sent = w->part = w->ack_len = 0;
	w->returned = 0;
	if (w->outage_since_ms != 0 && w->timeout.for_ever)
		log_info("reconnected", "endpoint=%s after_ms=%" PRId64,
		    w->base.name, clock_mono_ms() - w->outage_since_ms);
	w->outage_since_ms = 0;
	return OUTCOME_DONE;
}

/* Sends as much as the socket takes. */
static enum outcome
send_frames(struct unix_writer *w)
{
	const struct buf *frame;
	struct unix_outgoing *o;
	ssize_t n;

	while (w->sent < w->n) {
		o = window_at(w, w->sent);
		frame = &o->frame;
		n = send(w->fd, frame->data + w->part, frame->len - w->part,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? OUTCOME_DONE
					       : end_connection(w);
		w->part += (size_t)n;
		if (w->part < frame->len)
			continue;
		w->part = 0;
		w->sent++;
		if (log_traces())
			o->sent_us = clock_mono_us();
	}
	return OUTCOME_DONE;
}

/* The reader says that `safe` frames of this connection are. False: it cannot
 * be right. */
static bool
drop_safe(struct unix_writer *w, uint64_t safe)
{
	uint64_t more = safe - w->returned;
	const struct unix_outgoing *o;
	size_t i;

	if (safe < w->returned || more > w->sent)
		return false;
	for (i = 0; i < more && log_traces(); i++) {
		o = window_at(w, i);
		endpoint_trace_sent(
		    o->before, o->lines, o->frame.len, o->sent_us);
	}
	w->first = (w->first + (size_t)more) % WINDOW;
	w->n -= (size_t)more;
	w->sent -= (size_t)more;
	w->returned = safe;
	w->progress_ms = clock_mono_ms();
	return true;
}

static enum outcome
receive_acks(struct unix_writer *w)
{
	uint64_t safe;
	ssize_t n;

	for (;;) {
		n = recv(w->fd, w->ack + w->ack_len, sizeof w->ack - w->ack_len,
		    MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return OUTCOME_DONE;
		if (n <= 0)
			return end_connection(w);
		w->ack_len += (size_t)n;
		if (w->ack_len < sizeof w->ack)
			continue;
		w->ack_len = 0;
		memcpy(&safe, w->ack, sizeof safe);
		if (!drop_safe(w, safe))
			return end_connection(w);
	}
}

/* Connects, sends and receives, without waiting. */
static enum outcome
step(struct unix_writer *w)
{
	enum outcome o = connect_writer(w);

	if (o == OUTCOME_DONE)
		o = send_frames(w);
	return o == OUTCOME_DONE ? receive_acks(w) : o;
}

/* Waits until step() may have something to do. */
static void
wait_for_reader(const struct unix_writer *w)
{
	struct pollfd p = { .fd = w->fd, .events = POLLIN };

	if (w->fd < 0) {
		(void)stop_sleep(RETRY_MS);
		return;
	}
	if (w->sent < w->n)
		p.events |= POLLOUT;
	(void)poll(&p, 1, SLICE_MS);
}

static enum outcome
stalled(struct unix_writer *w)
{
	if (w->fd >= 0)
		buf_setf(&w->base.why,
		    "the reader of '%s' does not say that it stored what it "
		    "got",
		    w->base.name);
	w->base.code = PROG_TEMPFAIL;
	return OUTCOME_LATER;
}

/* Steps until the window holds at most n frames. */
static enum outcome
acknowledge_down_to(struct unix_writer *w, size_t n, bool flushing)
{
	int64_t since = clock_mono_ms(), max;

	for (;;) {
		notify_alive();
		if (step(w) == OUTCOME_NEVER)
			return OUTCOME_NEVER;
		if (w->n <= n)
			return OUTCOME_DONE;
		if (w->progress_ms > since)
			since = w->progress_ms;
		max = endpoint_timeout_ms(&w->timeout, w->fd >= 0, flushing);
		if (max >= 0 && clock_mono_ms() - since >= max)
			return stalled(w);
		wait_for_reader(w);
	}
}

/* Makes a frame of what was gathered; there must be a place in the window. */
static void
seal_frame(struct unix_writer *w)
{
	struct unix_frame head = { UNIX_FRAME_MAGIC, 0 };
	struct unix_outgoing *o = window_at(w, w->n);
	struct buf empty = o->frame;

	head.len = (uint32_t)(w->filling.len - sizeof head);
	memcpy(w->filling.data, &head, sizeof head);
	o->frame = w->filling;
	o->before = w->sealed;
	o->lines = w->sealed = w->lines;
	w->filling = empty;
	buf_clear(&w->filling);
	w->n++;
	w->next_seq++;
}

static int
unix_write(struct endpoint *e, const char *line, size_t len)
{
	static const struct unix_frame later = { 0, 0 };
	struct unix_writer *w = unix_writer_of(e);

	/* The line is taken only when there is room for it. */
	if (w->filling.len > 0 && w->filling.len + len >= UNIX_FRAME_BYTES) {
		if (acknowledge_down_to(w, WINDOW - 1, false) != OUTCOME_DONE)
			return -1;
		seal_frame(w);
		(void)step(w);
	}
	if (w->filling.len == 0)
		buf_add(&w->filling, &later, sizeof later);
	buf_add(&w->filling, line, len);
	buf_addc(&w->filling, '\n');
	w->lines++;
	return 0;
}

static enum outcome
unix_flush(struct endpoint *e)
{
	struct unix_writer *w = unix_writer_of(e);

	if (w->filling.len > 0) {
		enum outcome o = acknowledge_down_to(w, WINDOW - 1, true);

		if (o != OUTCOME_DONE)
			return o;
		seal_frame(w);
	}
	/* Commit point: the reader has stored everything. */
	return acknowledge_down_to(w, 0, true);
}

static bool
unix_flush_begin(struct endpoint *e, uint64_t *mark)
{
	struct unix_writer *w = unix_writer_of(e);

	if (w->filling.len > 0 && w->n == WINDOW)
		return false;
	if (w->filling.len > 0)
		seal_frame(w);
	*mark = w->next_seq;
	return step(w) == OUTCOME_DONE;
}

static bool
unix_flush_done(struct endpoint *e, uint64_t mark)
{
	struct unix_writer *w = unix_writer_of(e);

	if (w->n > 0)
		(void)step(w);
	return w->next_seq - w->n >= mark;
}

static bool
unix_send(struct endpoint *e)
{
	struct unix_writer *w = unix_writer_of(e);

	if (w->filling.len == 0 || step(w) != OUTCOME_DONE)
		return false;
	if (w->n < FEW) {
		seal_frame(w);
		(void)step(w);
	}
	return w->filling.len > 0;
}

static enum outcome
unix_connect(struct endpoint *e)
{
	struct unix_writer *w = unix_writer_of(e);

	if (w->fd < 0 && clock_mono_ms() < w->next_try_ms)
		(void)stop_sleep(RETRY_MS);
	return step(w);
}

static void
unix_pump(struct endpoint *e)
{
	struct unix_writer *w = unix_writer_of(e);

	if (w->n > 0)
		(void)step(w);
	(void)unix_send(e);
}

static bool
unix_is_up(const struct endpoint *e)
{
	return ((const struct unix_writer *)(const void *)e)->fd >= 0;
}

static void
unix_writer_close(struct endpoint *e)
{
	struct unix_writer *w = unix_writer_of(e);
	size_t i;

	if (w->fd >= 0)
		(void)close(w->fd);
	for (i = 0; i < WINDOW; i++)
		buf_release(&w->window[i].frame);
	buf_release(&w->filling);
	free(w->path);
	free(w);
}

static const struct endpoint_ops ops = {
	.write = unix_write,
	.flush = unix_flush,
	.flush_begin = unix_flush_begin,
	.flush_done = unix_flush_done,
	.send = unix_send,
	.connect = unix_connect,
	.pump = unix_pump,
	.is_up = unix_is_up,
	.close = unix_writer_close,
};

struct endpoint *
endpoint_unix_open_write(const char *path, const struct endpoint_options *opt,
    struct buf *why, enum exit_code *code)
{
	struct unix_writer *w = xcalloc(1, sizeof *w);

	(void)why;
	(void)code;
	w->path = xstrdup(path);
	w->fd = -1;
	w->timeout = endpoint_timeout(opt);
	w->base.ops = &ops;
	return &w->base;
}
