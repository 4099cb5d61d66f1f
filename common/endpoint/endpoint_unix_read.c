/*
 * endpoint_unix_read: the reading end of "unix:PATH"; see endpoint_unix.h. It
 * takes frames of its connections in turn, and remembers in `unsafe` whose each
 * one was until it is acknowledged:
 *
 *   received, whole  ->  returned (a block; `unsafe`)  ->  acknowledged
 *
 * A connection that ends takes nothing with it: what was returned is stored,
 * and what was not comes again.
 */
#define _GNU_SOURCE

#include "common/endpoint/endpoint_unix.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/os/stop.h"
#include "common/records/record.h"
#include "common/unix/unix_socket.h"

/* Writers at a time; more wait to be accepted. */
#define WRITERS 32
/* How much is received at once. */
#define RECEIVE_BYTES ((size_t)256 * 1024)
/* Readable before the first block and behind the last one; see endpoint.h. */
#define BEFORE 64
#define BEHIND 128
/* Between two looks whether the path still names this socket. */
#define LOOK_MS 1000
/* Not to accept for so long after that failed: it would fail again. */
#define ACCEPT_MS 1000

struct unix_connection {
	int fd;              /* -1: none */
	uint64_t serial;     /* number of the connection, from 1 */
	struct buf in;       /* behind BEFORE bytes */
	size_t at;           /* the next frame begins here */
	uint64_t safe, said; /* frames that are; that the writer knows of */
};

/* Whose a frame was. */
struct unix_origin {
	uint32_t slot;
	uint64_t serial;
};

struct unix_reader {
	struct endpoint base;
	char *path;
	struct unix_socket_id id;
	int fd;             /* where it listens */
	int64_t look_ms;    /* not to look at the path before */
	int64_t accept_ms;  /* not to accept before */
	bool accept_failed; /* and that was said */
	size_t max_line;
	struct unix_connection connections[WRITERS];
	uint64_t connected; /* so far */
	size_t turn;        /* whose frame is looked for first */

	/* Frames that were returned and are not acknowledged: a ring. */
	struct unix_origin *unsafe;
	size_t cap;
	uint64_t returned, acked;
};

static struct unix_reader *
unix_reader_of(struct endpoint *e)
{
	return (struct unix_reader *)(void *)e;
}

static void
drop_connection(struct unix_connection *c)
{
	(void)close(c->fd);
	buf_release(&c->in);
	*c = (struct unix_connection){ .fd = -1 };
}

/* For the reason in errno: a writer is gone already, or descriptors or memory
 * are short. */
static void
accept_failed(struct unix_reader *r)
{
	struct buf why = BUF_INIT;

	if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
		return;
	r->accept_ms = clock_mono_ms() + ACCEPT_MS;
	(void)syserr_explain(&why, PROG_IO,
	    "cannot accept a writer at '%s'; those that are there go on",
	    r->base.name);
	if (!r->accept_failed)
		log_warn("%s", buf_str(&why));
	r->accept_failed = true;
	buf_release(&why);
}

static void
accept_writer(struct unix_reader *r)
{
	struct unix_connection *c = r->connections;

	while (c->fd >= 0)
		c++;
	c->fd = accept4(r->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (c->fd < 0) {
		accept_failed(r);
		return;
	}
	r->accept_failed = false;
	c->serial = ++r->connected;
	memset(buf_room(&c->in, BEFORE), 0, BEFORE);
	buf_grown(&c->in, BEFORE);
	c->at = BEFORE;
}

/* Tells the writer what is safe; again later when its socket is full. Called
 * while a block of this connection may be in use: a writer that is gone is only
 * cut off, and dropped when receive() finds its end. */
static void
say_safe(struct unix_connection *c)
{
	ssize_t n;

	if (c->said == c->safe)
		return;
	n = send(c->fd, &c->safe, sizeof c->safe, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n == (ssize_t)sizeof c->safe)
		c->said = c->safe;
	else if (n >= 0 || (errno != EAGAIN && errno != EINTR))
		(void)shutdown(c->fd, SHUT_RDWR);
}

/* Receives what there is, behind what is not returned yet. */
static void
receive(struct unix_connection *c)
{
	size_t rest = c->in.len - c->at;
	ssize_t n;

	if (c->at > BEFORE) {
		memmove(c->in.data + BEFORE, c->in.data + c->at, rest);
		c->at = BEFORE;
		c->in.len = BEFORE + rest;
	}
	n = recv(c->fd, buf_room(&c->in, RECEIVE_BYTES + BEHIND), RECEIVE_BYTES,
	    MSG_DONTWAIT);
	if (n > 0)
		buf_grown(&c->in, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		drop_connection(c);
}

/* The length of the frame at hand; 0: it is not whole; -1: it is none. */
static int64_t
frame_len(const struct unix_reader *r, const struct unix_connection *c)
{
	struct unix_frame head;
	size_t there = c->in.len - c->at;

	if (there < sizeof head)
		return 0;
	memcpy(&head, c->in.data + c->at, sizeof head);
	if (head.magic != UNIX_FRAME_MAGIC || head.len == 0 ||
	    head.len > r->max_line + UNIX_FRAME_BYTES)
		return -1;
	if (there - sizeof head < head.len)
		return 0;
	return c->in.data[c->at + sizeof head + head.len - 1] == '\n'
		   ? (int64_t)head.len
		   : -1;
}

static void
remember_origin(struct unix_reader *r, const struct unix_connection *c)
{
	struct unix_origin *more;
	uint64_t i;

	if (r->returned - r->acked == r->cap) {
		more = xcalloc(2 * r->cap, sizeof *more);
		for (i = r->acked; i < r->returned; i++)
			more[i % (2 * r->cap)] = r->unsafe[i % r->cap];
		free(r->unsafe);
		r->unsafe = more;
		r->cap *= 2;
	}
	r->unsafe[r->returned++ % r->cap] =
	    (struct unix_origin){ (uint32_t)(c - r->connections), c->serial };
}

/* Returns the next whole frame of any connection as a block. */
static bool
take_frame(struct unix_reader *r, char **block, size_t *len)
{
	struct unix_connection *c;
	int64_t n;
	size_t i;

	for (i = 0; i < WRITERS; i++) {
		c = &r->connections[(r->turn + i) % WRITERS];
		n = c->fd < 0 ? 0 : frame_len(r, c);
		if (n == 0)
			continue;
		if (n < 0) {
			log_error("what connects to '%s' does not write rows "
				  "as aggregator -t %s does; it is refused",
			    r->base.name, r->base.name);
			drop_connection(c);
			continue;
		}
		remember_origin(r, c);
		*block = c->in.data + c->at + sizeof(struct unix_frame);
		*len = (size_t)n;
		c->at += sizeof(struct unix_frame) + *len;
		r->turn = (r->turn + i + 1) % WRITERS;
		return true;
	}
	return false;
}

/* Waits for any connection, and receives from all that have something. False:
 * there was nothing. */
static bool
wait_and_receive(struct unix_reader *r, int timeout_ms)
{
	struct pollfd p[WRITERS + 1];
	bool full = true;
	size_t i;
	int n;

	for (i = 0; i < WRITERS; i++) {
		p[i] = (struct pollfd){ r->connections[i].fd, POLLIN, 0 };
		full = full && p[i].fd >= 0;
		if (p[i].fd >= 0 &&
		    r->connections[i].said != r->connections[i].safe)
			p[i].events |= POLLOUT;
	}
	full = full || clock_mono_ms() < r->accept_ms;
	p[WRITERS] = (struct pollfd){ full ? -1 : r->fd, POLLIN, 0 };
	n = poll(p, WRITERS + 1, timeout_ms);
	if (n <= 0)
		return false;
	for (i = 0; i < WRITERS; i++) {
		if ((p[i].revents & POLLOUT) != 0)
			say_safe(&r->connections[i]);
		if ((p[i].revents & ~POLLOUT) != 0 && r->connections[i].fd >= 0)
			receive(&r->connections[i]);
	}
	if (p[WRITERS].revents != 0)
		accept_writer(r);
	return true;
}

/* No new writer finds this reader any more. */
static bool
socket_is_lost(struct unix_reader *r)
{
	int64_t now = clock_mono_ms();

	if (now < r->look_ms)
		return false;
	r->look_ms = now + LOOK_MS;
	if (unix_socket_is_at(r->path, &r->id))
		return false;
	buf_setf(&r->base.why,
	    "the socket of '%s' was removed or replaced; nothing is lost, run "
	    "it again",
	    r->base.name);
	r->base.code = PROG_TEMPFAIL;
	return true;
}

static enum endpoint_status
unix_read_block(struct endpoint *e, char **block, size_t *len, int timeout_ms)
{
	struct unix_reader *r = unix_reader_of(e);
	int64_t until = clock_mono_ms() + timeout_ms, left = timeout_ms, slice;

	while (!take_frame(r, block, len)) {
		if (socket_is_lost(r))
			return ENDPOINT_FAILED;
		if (timeout_ms >= 0)
			left = until - clock_mono_ms();
		if (stop_asked() || (timeout_ms >= 0 && left < 0))
			return ENDPOINT_WAIT;
		slice = left < 0 || left > LOOK_MS ? LOOK_MS : left;
		if (!wait_and_receive(r, (int)slice) && slice == left)
			return ENDPOINT_WAIT;
	}
	return ENDPOINT_RECORD;
}

static struct endpoint_mark
unix_mark(const struct endpoint *e)
{
	const struct unix_reader *r =
	    (const struct unix_reader *)(const void *)e;

	return (struct endpoint_mark){ 0, r->returned, r->returned };
}

static void
unix_ack_to(struct endpoint *e, const struct endpoint_mark *mark)
{
	struct unix_reader *r = unix_reader_of(e);
	const struct unix_origin *from;
	struct unix_connection *c;
	size_t i;

	while (r->acked < mark->tag) {
		from = &r->unsafe[r->acked++ % r->cap];
		c = &r->connections[from->slot];
		if (c->serial == from->serial)
			c->safe++;
	}
	for (i = 0; i < WRITERS; i++)
		if (r->connections[i].fd >= 0)
			say_safe(&r->connections[i]);
}

static void
unix_ack(struct endpoint *e)
{
	const struct endpoint_mark all = unix_mark(e);

	unix_ack_to(e, &all);
}

static void
unix_where(const struct endpoint *e, uint64_t behind, struct buf *where)
{
	(void)behind;
	buf_addf(where, "a row from %s", e->name);
}

static void
unix_reader_close(struct endpoint *e)
{
	struct unix_reader *r = unix_reader_of(e);
	size_t i;

	for (i = 0; i < WRITERS; i++)
		if (r->connections[i].fd >= 0)
			drop_connection(&r->connections[i]);
	if (r->fd >= 0) {
		unix_socket_remove(r->path, &r->id);
		(void)close(r->fd);
	}
	free(r->unsafe);
	free(r->path);
	free(r);
}

static const struct endpoint_ops ops = {
	.read_block = unix_read_block,
	.ack = unix_ack,
	.mark = unix_mark,
	.ack_to = unix_ack_to,
	.where = unix_where,
	.close = unix_reader_close,
};

struct endpoint *
endpoint_unix_open_read(const char *path, const struct endpoint_options *opt,
    struct buf *why, enum exit_code *code)
{
	struct unix_reader *r = xcalloc(1, sizeof *r);
	size_t i;

	r->fd = unix_socket_listen(path, &r->id);
	if (r->fd < 0) {
		*code = syserr_explain(
		    why, PROG_CANTCREATE, "cannot listen at 'unix:%s'", path);
		free(r);
		return NULL;
	}
	for (i = 0; i < WRITERS; i++)
		r->connections[i].fd = -1;
	r->path = xstrdup(path);
	r->max_line = opt->max_line != 0 ? opt->max_line : RECORD_MAX_LINE;
	r->cap = 64;
	r->unsafe = xcalloc(r->cap, sizeof *r->unsafe);
	r->base.ops = &ops;
	return &r->base;
}
