/*
 * event_topic: a state that changes, and its listeners: connections whose
 * answer stays open and gets each new state as a Server-Sent Event. A handler
 * puts a topic into its answer (struct web_answer); the program publishes.
 *
 * All listeners share one text of the newest state. A slow listener skips
 * states that were replaced meanwhile: it keeps only the text being sent.
 *
 * Any thread may call these functions.
 */
#ifndef COMMON_HTTP_EVENT_TOPIC_H
#define COMMON_HTTP_EVENT_TOPIC_H

#include <stdbool.h>
#include <stddef.h>

struct event_topic;

/* The longest id of an event. */
#define EVENT_ID_MAX 63

/* The caller owns one reference. */
struct event_topic *event_topic_open(void) __attribute__((warn_unused_result));

/* Add and drop a reference; dropping the last one frees the topic. NULL is
 * allowed. */
struct event_topic *event_topic_hold(struct event_topic *t);
void event_topic_release(struct event_topic *t);

/* True if only the caller has a reference: no connection listens, or is about
 * to. */
bool event_topic_is_idle(struct event_topic *t);

/* Sends an event to all listeners; later ones get it when they join. name and
 * id are one line each; data is any text. */
void event_topic_publish(struct event_topic *t, const char *name,
    const char *id, const char *data, size_t len);

#endif
