/*
 * eventcounter_event: parses a message of the event counter's queue: the
 * routing key USER.event.TYPE and the body {"id":"..."}. Other fields of the
 * body are ignored.
 */
#ifndef AGGREGATOR_EVENTCOUNTER_EVENTCOUNTER_EVENT_H
#define AGGREGATOR_EVENTCOUNTER_EVENTCOUNTER_EVENT_H

#include "common/text/flat.h"

#include "aggregator/eventcounter/eventcounter_counts.h"

/* The texts point into the message and the scratch of event_parse(). */
struct user_event {
	enum event_type type;
	const char *user;
	size_t user_len;
	const char *id; /* never empty */
	size_t id_len;
};

/* The type of that name; 0, or -1 when there is none. */
int event_type_parse(const char *p, size_t len, enum event_type *type)
    __attribute__((warn_unused_result));

/* The body is followed by 64 readable bytes; f is scratch. 0, or -1 with *why
 * when the message is not an event. */
int event_parse(struct user_event *e, struct flat *f, const char *key,
    size_t key_len, const char *body, size_t body_len, struct buf *why)
    __attribute__((warn_unused_result));

#endif
