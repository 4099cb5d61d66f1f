/*
 * event_listener: a listener of a topic, from the side of the server. Private
 * to event_topic.c and server*.c.
 *
 * A listener that has sent everything is parked; an event that is published
 * then unparks it and calls wake(), once, in the publisher's thread. All else
 * is called in the thread of its connection.
 */
#ifndef COMMON_HTTP_SERVER_EVENT_LISTENER_H
#define COMMON_HTTP_SERVER_EVENT_LISTENER_H

#include "common/http_server/event_topic.h"

#include <stdatomic.h>

/* An event as it is sent. */
struct event_text {
	atomic_size_t references;
	char id[EVENT_ID_MAX + 1];
	size_t len;
	char bytes[];
};

struct event_listener {
	struct event_topic *topic; /* NULL: it is none */
	void (*wake)(struct event_listener *l);
	struct event_listener *next, **prev;

	/* Behind the lock of the topic. */
	struct event_text *newest; /* not sent yet; NULL: none */
	bool parked;
	char known[EVENT_ID_MAX + 1]; /* of the event it has already; "" */
};

/* Makes it a listener; takes over the caller's reference to the topic. The
 * present state is its first event, or else the first that is published; but
 * not the one with the id known (NULL: none is). */
void event_listener_join(struct event_listener *l, struct event_topic *topic,
    const char *known, void (*wake)(struct event_listener *l));

/* The newest event, whose reference is the caller's. NULL: there is none, and
 * the listener is parked. */
struct event_text *event_listener_take(struct event_listener *l);

/* Unparks it. False: somebody else did, and wake() was called or will be. */
bool event_listener_unpark(struct event_listener *l);

/* Is none any more. It must not be parked, unless its thread has ended. */
void event_listener_leave(struct event_listener *l);

/* NULL is fine. */
void event_text_release(struct event_text *t);

#endif
