/*
 * event_topic: see event_topic.h. A stream is an answer that stays open and
 * sends the events of a topic; only the connection's thread calls its
 * functions.
 *
 * A stream that has sent everything is a suspended connection; otherwise
 * libmicrohttpd would ask for more data continually. Its thread checks the
 * topic every NEWS_MS (server.c). A comment line every 15 seconds keeps proxies
 * from closing it. A client that does not read an event within the deadline of
 * a request is disconnected.
 */
#include "common/http/event_topic.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/http/server_impl.h"

/* An event in its transmitted form. */
struct event_text {
	atomic_size_t references;
	char id[EVENT_ID_MAX + 1];
	size_t len;
	char bytes[];
};

struct event_topic {
	atomic_size_t references;
	pthread_mutex_t lock;
	struct event_text *newest; /* NULL: nothing has been published yet */
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
	struct event_text *text = make_event_text(name, id, data, len), *old;

	(void)pthread_mutex_lock(&t->lock);
	old = t->newest;
	t->newest = text;
	(void)pthread_mutex_unlock(&t->lock);
	event_text_release(old);
}

/* Returns the newest event with a reference for the caller; NULL: there is
 * none, or the client has it. */
static struct event_text *
take_news(const struct answer_stream *s)
{
	struct event_text *text;

	(void)pthread_mutex_lock(&s->topic->lock);
	text = s->topic->newest;
	if (text != NULL && strcmp(text->id, s->known) != 0)
		(void)atomic_fetch_add(&text->references, 1);
	else
		text = NULL;
	(void)pthread_mutex_unlock(&s->topic->lock);
	return text;
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

/* Finds what to send next. Returns false if there is no new state. */
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
	s->text = take_news(s);
	if (s->text == NULL)
		return false;
	memcpy(s->known, s->text->id, sizeof s->known);
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
	struct answer_stream *s = &c->stream;
	const char *known = c->request.header(&c->request, "Last-Event-ID");
	struct MHD_Response *r;

	a->content_type = "text/event-stream";
	buf_adds(&a->headers, "Cache-Control: no-store\n"
			      "X-Accel-Buffering: no\n");
	buf_clear(&a->body);
	buf_adds(&a->body, opening);
	*s = (struct answer_stream){ .topic = a->events,
		.end_ms = a->events_ms };
	a->events = NULL;
	c->worker->streams_n++;
	if (known != NULL)
		(void)snprintf(s->known, sizeof s->known, "%s", known);
	if (s->end_ms > 0)
		s->end_ms += clock_mono_ms();
	begin_piece(c, opening, sizeof opening - 1);
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
	if (c->stream.topic == NULL)
		return;
	c->worker->streams_n--;
	event_topic_release(c->stream.topic);
	event_text_release(c->stream.text);
	c->stream = (struct answer_stream){ .topic = NULL };
}

/* True if its time has passed, or the program ended it. */
static bool
is_over(const struct connection *c, int64_t now)
{
	const struct web_answer *a = &c->answer;

	return (c->stream.end_ms != 0 && now >= c->stream.end_ms) ||
	       (a->goes_on != NULL &&
		   !a->goes_on(c->worker->server->context, a));
}

static void
resume_stream(struct connection *c)
{
	c->stream.suspended = false;
	MHD_resume_connection(c->connection);
}

void
server_wake_stream(struct connection *c)
{
	struct event_text *news =
	    c->stream.suspended ? take_news(&c->stream) : NULL;

	if (news != NULL)
		resume_stream(c);
	event_text_release(news);
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
	if (s->broken || s->ends || s->comments)
		resume_stream(c);
}
