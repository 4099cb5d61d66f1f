/*
 * eventcounter_event: what a message of the event counter's queue says.
 */
#ifndef AGGREGATOR_EVENTCOUNTER_EVENTCOUNTER_EVENT_H
#define AGGREGATOR_EVENTCOUNTER_EVENTCOUNTER_EVENT_H

#include "common/text/flat.h"

#include "aggregator/eventcounter/eventcounter_parts.h"

/* Borrowed from the message and from the reader. */
struct event {
	enum event_type type;
	const char *user;
	size_t user_len;
	const char *id; /* never empty */
	size_t id_len;
};

/* The name of a type; -1 when there is none of that name. */
int event_type_parse(const char *p, size_t len, enum event_type *type)
    __attribute__((warn_unused_result));

/* The message has 64 readable bytes behind its body; f is scratch. 0, or -1
 * with *why: whatever it is, it is no event. */
int event_parse(struct event *e, struct flat *f, const char *key,
    size_t key_len, const char *body, size_t body_len, struct buf *why)
    __attribute__((warn_unused_result));

#endif
