/*
 * server_events: topics, and answers that stay open and send a topic's events;
 * see event_topic.h. Only the connection's thread calls the functions of its
 * stream.
 *
 * A stream that has sent everything is a suspended connection, which costs
 * nothing until the next event; otherwise libmicrohttpd would ask for more data
 * continually. A comment line every 15 seconds keeps proxies from closing it. A
 * client that does not read an event within the deadline of a request is
 * disconnected.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/http_server/event_topic.h"
#include "common/http_server/server_impl.h"

struct event_topic {
	atomic_size_t references;
	pthread_mutex_t lock;
	struct event_text *newest; /* NULL: nothing has been published yet */
	struct event_listener *listeners;
};

/* NULL is allowed. */
static void
event_text_release(struct event_text *t)
{
	if (t != NULL && atomic_fetch_sub(&t->references, 1) == 1)
		free(t);
}

struct event_topic *
event_topic_open(void)
{
	struct event_topic *t = xcalloc(1, sizeof *t);

	atomic_init(&t->references, 1);
	(void)pthread_mutex_init(&t->lock, NULL);
	return t;
}

struct event_topic *
event_topic_hold(struct event_topic *t)
{
	(void)atomic_fetch_add(&t->references, 1);
	return t;
}

void
event_topic_release(struct event_topic *t)
{
	if (t == NULL || atomic_fetch_sub(&t->references, 1) > 1)
		return;
	event_text_release(t->newest);
	(void)pthread_mutex_destroy(&t->lock);
	free(t);
}

bool
event_topic_is_idle(struct event_topic *t)
{
	return atomic_load(&t->references) == 1;
}

/* Each line of the data becomes a line of the event. */
static struct event_text *
make_event_text(const char *name, const char *id, const char *data, size_t len)
{
	struct event_text *t;
	struct buf b = BUF_INIT;
	size_t i, line;

	buf_addf(&b, "event: %s\nid: %s\n", name, id);
	for (i = 0; i <= len; i += line + 1) {
		line = 0;
		while (i + line < len && data[i + line] != '\n')
			line++;
		buf_adds(&b, "data: ");
		buf_add(&b, data + i, line);
		buf_addc(&b, '\n');
	}
	buf_addc(&b, '\n');
	t = xcalloc(1, sizeof *t + b.len);
	atomic_init(&t->references, 1);
	(void)snprintf(t->id, sizeof t->id, "%s", id);
	t->len = b.len;
	memcpy(t->bytes, b.data, b.len);
	buf_release(&b);
	return t;
}

void
event_topic_publish(struct event_topic *t, const char *name, const char *id,
    const char *data, size_t len)
{
	struct event_text *text = make_event_text(name, id, data, len);
	struct event_listener *l;

	(void)pthread_mutex_lock(&t->lock);
	event_text_release(t->newest);
	t->newest = text;
	for (l = t->listeners; l != NULL; l = l->next) {
		if (!l->parked || strcmp(l->known, text->id) == 0)
			continue;
		l->parked = false;
		server_resume(
		    (struct connection *)(void *)((char *)l -
						  offsetof(struct connection,
						      stream.listener)));
	}
	(void)pthread_mutex_unlock(&t->lock);
}

/* Makes l a listener; takes over the caller's reference to the topic. Its first
 * event is the current state, or the first one published, but never the one
 * with the id `known` (NULL: none). */
static void
event_listener_join(
    struct event_listener *l, struct event_topic *t, const char *known)
{
	*l = (struct event_listener){ .topic = t };
	(void)snprintf(l->known, sizeof l->known, "%s", known ? known : "");
	(void)pthread_mutex_lock(&t->lock);
	l->next = t->listeners;
	l->prev = &t->listeners;
	if (l->next != NULL)
		l->next->prev = &l->next;
	t->listeners = l;
	(void)pthread_mutex_unlock(&t->lock);
}

/* Returns the newest event with a reference for the caller; NULL: the client
 * has it, or there is none, and the listener is parked. */
static struct event_text *
event_listener_take(struct event_listener *l)
{
	struct event_text *text;

	(void)pthread_mutex_lock(&l->topic->lock);
	text = l->topic->newest;
	l->parked = text == NULL || strcmp(text->id, l->known) == 0;
	if (l->parked) {
		text = NULL;
	} else {
		(void)atomic_fetch_add(&text->references, 1);
		memcpy(l->known, text->id, sizeof l->known);
	}
	(void)pthread_mutex_unlock(&l->topic->lock);
	return text;
}

/* Unparks the listener. Returns false if another thread did, which resumes the
 * connection. */
static bool
event_listener_unpark(struct event_listener *l)
{
	bool was;

	(void)pthread_mutex_lock(&l->topic->lock);
	was = l->parked;
	l->parked = false;
	(void)pthread_mutex_unlock(&l->topic->lock);
	return was;
}

/* Removes the listener. The stream must not be parked, unless its thread has
 * ended. */
static void
event_listener_leave(struct event_listener *l)
{
	struct event_topic *t = l->topic;

	if (t == NULL)
		return;
	(void)pthread_mutex_lock(&t->lock);
	*l->prev = l->next;
	if (l->next != NULL)
		l->next->prev = l->prev;
	(void)pthread_mutex_unlock(&t->lock);
	event_topic_release(t);
	*l = (struct event_listener){ .topic = NULL };
}

#define COMMENT_MS 15000
/* How long a stream may take to send its end while the server stops. */
#define ENDING_MS 2000
#define BLOCK_BYTES 8192

/* When a stream has ended, the browser reconnects after this many ms. */
static const char opening[] = "retry: 1000\n:\n\n";
static const char comment[] = ":\n\n";

static void
begin_piece(struct connection *c, const char *bytes, size_t len)
{
	c->stream.bytes = bytes;
	c->stream.left = len;
	server_set_phase(c, PHASE_STREAM);
}

/* Finds what to send next. Returns false if there is no new state; the listener
 * is then parked. */
static bool
next_piece(struct connection *c)
{
	struct answer_stream *s = &c->stream;

	event_text_release(s->text);
	s->text = NULL;
	if (s->comments) {
		s->comments = false;
		begin_piece(c, comment, sizeof comment - 1);
		return true;
	}
	s->text = event_listener_take(&s->listener);
	if (s->text == NULL)
		return false;
	begin_piece(c, s->text->bytes, s->text->len);
	return true;
}

/* The library's MHD_ContentReaderCallback. */
static ssize_t
read_stream(void *cls, uint64_t pos, char *to, size_t room)
{
	struct connection *c = cls;
	struct answer_stream *s = &c->stream;
	size_t n;

	(void)pos;
	if (s->broken)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (s->left == 0 &&
	    (s->ends || atomic_load_explicit(&c->worker->server->stopping,
			    memory_order_relaxed)))
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (s->left == 0 && !next_piece(c)) {
		s->suspended = true;
		MHD_suspend_connection(c->connection);
		return 0;
	}
	n = s->left < room ? s->left : room;
	memcpy(to, s->bytes, n);
	s->bytes += n;
	s->left -= n;
	return (ssize_t)n;
}

struct MHD_Response *
server_begin_stream(struct connection *c)
{
	struct web_answer *a = &c->answer;
	struct MHD_Response *r;

	a->content_type = "text/event-stream";
	buf_adds(&a->headers, "Cache-Control: no-store\n"
			      "X-Accel-Buffering: no\n");
	buf_clear(&a->body);
	buf_adds(&a->body, opening);
	c->stream = (struct answer_stream){ .end_ms = a->events_ms };
	if (a->events_ms > 0)
		c->stream.end_ms += clock_mono_ms();
	begin_piece(c, opening, sizeof opening - 1);
	event_listener_join(&c->stream.listener, a->events,
	    c->request.header(&c->request, "Last-Event-ID"));
	a->events = NULL;
	r = MHD_create_response_from_callback(
	    MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_stream, c, NULL);
	/* For HEAD, the library would send the last chunk as a body, so the
	 * answer ends with the connection. */
	if (r != NULL && c->is_head)
		(void)MHD_set_response_options(
		    r, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
	return r;
}

void
server_end_stream(struct connection *c)
{
	event_topic_release(c->answer.events);
	c->answer.events = NULL;
	event_listener_leave(&c->stream.listener);
	event_text_release(c->stream.text);
	c->stream = (struct answer_stream){ .left = 0 };
}

/* True if its time has passed, or the program ended it. */
static bool
is_over(const struct connection *c, int64_t now)
{
	const struct web_answer *a = &c->answer;

	return (c->stream.end_ms != 0 && now >= c->stream.end_ms) ||
	       (a->goes_on != NULL &&
		   !a->goes_on(
		       c->worker->server->service->callbacks.context, a));
}

void
server_tend_stream(struct connection *c, int64_t now, bool stopping)
{
	struct answer_stream *s = &c->stream;

	if (stopping && s->cut_ms == 0)
		s->cut_ms = now + ENDING_MS;
	s->ends = stopping || is_over(c, now);
	/* It ends after the text that is being sent. A slow client always has
	 * data to read; one that reads nothing is disconnected. */
	if (!s->suspended) {
		if (stopping && now >= s->cut_ms)
			(void)shutdown(c->fd, SHUT_RDWR);
		return;
	}
	s->broken = server_has_left(c);
	s->comments = now - c->phase_ms >= COMMENT_MS;
	if ((s->broken || s->ends || s->comments) &&
	    event_listener_unpark(&s->listener))
		server_resume(c);
}
