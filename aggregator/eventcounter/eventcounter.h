/*
 * eventcounter: counts the events of another publisher in that publisher's
 * format: a topic exchange, and a classic queue bound to it with *.event.*. A
 * message is one event. Its routing key is USER.event.TYPE, where TYPE is
 * created, updated or deleted; its body is {"id":"..."}. Each message becomes
 * an `event` record with the time of its arrival, and a stream counts these
 * records (aggregator/stream/stream_foreign.c, metric event_counts). The result
 * is one JSON file for each type, {"USER": COUNT, ...}, and, on request, the
 * rows of that metric.
 *
 * An event id is counted once, under the user and type of its first message. It
 * is remembered for [aggregator] window. A message that is not an event or has
 * no id goes to the queue's dead-letter queue with the reason.
 *
 * Customers erased by `reaper --forget` are counted under an alias from then
 * on.
 *
 * Guarantee: a message is acknowledged only after its effect is durable. With a
 * state folder, this is the commit of the state: each event is counted once
 * even if the process is killed, and the files have the sum of all runs with
 * that state. Without a state folder, this is the writing of the files at the
 * end: until then, all messages stay unacknowledged, so a killed run has
 * counted nothing.
 */
#ifndef AGGREGATOR_EVENTCOUNTER_EVENTCOUNTER_H
#define AGGREGATOR_EVENTCOUNTER_EVENTCOUNTER_H

#include "common/base/prog.h"
#include "common/records/record.h"

struct flat;
struct streaming_metrics;

#define EVENTCOUNTER_EXCHANGE "user-events"
#define EVENTCOUNTER_BINDING "*.event.*"

struct eventcounter_job {
	const char *tenant;
	const char *exchange; /* declared and bound if missing */
	const char *json_dir; /* created if missing; NULL: no files */
	const char *to;       /* endpoint of the rows; NULL: no rows */
	int64_t idle_exit_ms; /* the run ends if the queue is empty and no
			       * message has arrived for this long; -1: never */
};

/* Creates the folder for the files. Logs errors. */
enum exit_code eventcounter_open(const struct eventcounter_job *c)
    __attribute__((warn_unused_result));

/* Makes a record from a message; it borrows from the message and the scratch.
 * Returns 0, or -1 and *why if the message is not valid. */
int eventcounter_read(const struct eventcounter_job *c, struct record *r,
    struct flat *scratch, struct text routing_key, struct text body,
    struct buf *why) __attribute__((warn_unused_result));

/* Writes the files with the committed counts. Logs errors. */
enum exit_code eventcounter_publish(const struct eventcounter_job *c,
    struct streaming_metrics *counts) __attribute__((warn_unused_result));

#endif
