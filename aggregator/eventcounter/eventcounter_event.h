/*
 * eventcounter_event: makes an `event` record of a message of the event
 * counter's queue: the routing key USER.event.TYPE and the body {"id":"..."}.
 * Other fields of the body are ignored.
 */
#ifndef AGGREGATOR_EVENTCOUNTER_EVENTCOUNTER_EVENT_H
#define AGGREGATOR_EVENTCOUNTER_EVENTCOUNTER_EVENT_H

#include "common/records/record.h"
#include "common/text/flat.h"

#define EVENT_TYPES 3

extern const char *const event_type_names[EVENT_TYPES];

/* Sets id, user and event of the record; they point into the message and the
 * scratch f. The body is followed by 64 readable bytes. 0, or -1 with *why when
 * the message is not an event. */
int event_parse(struct record *r, struct flat *f, const char *key,
    size_t key_len, const char *body, size_t body_len, struct buf *why)
    __attribute__((warn_unused_result));

#endif
