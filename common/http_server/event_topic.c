/*
 * event_topic: see event_topic.h.
 */
#include "common/http_server/event_topic.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/xalloc.h"
#include "common/http_server/event_listener.h"

struct event_topic {
	atomic_size_t references;
	pthread_mutex_t lock;
	struct event_text *newest; /* NULL: nothing was published yet */
	struct event_listener *listeners;
};

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

static struct event_text *
hold_text(struct event_text *t)
{
	(void)atomic_fetch_add(&t->references, 1);
	return t;
}

void
event_text_release(struct event_text *t)
{
	if (t != NULL && atomic_fetch_sub(&t->references, 1) == 1)
		free(t);
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

/* The lock is held. */
static void
notify_listener(struct event_listener *l, struct event_text *text)
{
	if (strcmp(l->known, text->id) == 0)
		return;
	l->known[0] = '\0';
	event_text_release(l->newest);
	l->newest = hold_text(text);
	if (l->parked) {
		l->parked = false;
		l->wake(l);
	}
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
	for (l = t->listeners; l != NULL; l = l->next)
		notify_listener(l, text);
	(void)pthread_mutex_unlock(&t->lock);
}

void
event_listener_join(struct event_listener *l, struct event_topic *topic,
    const char *known, void (*wake)(struct event_listener *l))
{
	struct event_topic *t = topic;

	*l = (struct event_listener){ .topic = t, .wake = wake };
	(void)pthread_mutex_lock(&t->lock);
	l->next = t->listeners;
	l->prev = &t->listeners;
	if (l->next != NULL)
		l->next->prev = &l->next;
	t->listeners = l;
	(void)snprintf(l->known, sizeof l->known, "%s", known ? known : "");
	if (t->newest != NULL)
		notify_listener(l, t->newest);
	(void)pthread_mutex_unlock(&t->lock);
}

struct event_text *
event_listener_take(struct event_listener *l)
{
	struct event_text *text;

	(void)pthread_mutex_lock(&l->topic->lock);
	text = l->newest;
	l->newest = NULL;
	l->parked = text == NULL;
	(void)pthread_mutex_unlock(&l->topic->lock);
	return text;
}

bool
event_listener_unpark(struct event_listener *l)
{
	bool was;

	(void)pthread_mutex_lock(&l->topic->lock);
	was = l->parked;
	l->parked = false;
	(void)pthread_mutex_unlock(&l->topic->lock);
	return was;
}

void
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
	event_text_release(l->newest);
	event_topic_release(t);
	*l = (struct event_listener){ .topic = NULL };
}
