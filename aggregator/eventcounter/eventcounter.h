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
 * however the process ends, and the files hold the sum of all runs with that
 * state. Without a state folder, it is the writing of the files at the end:
 * until then all messages stay unacknowledged, and a run that was killed has
 * counted nothing.
 */
#ifndef AGGREGATOR_EVENTCOUNTER_EVENTCOUNTER_H
#define AGGREGATOR_EVENTCOUNTER_EVENTCOUNTER_H

#include "aggregator/tenant/job.h"

struct eventcounter_job {
	const char *exchange; /* declared and bound if missing; NULL:
			       * user-events */
	const char *json_dir; /* created if missing; NULL: no files */
	const char *to;       /* endpoint of the rows; NULL: no rows */
	int64_t idle_exit_ms; /* the run ends if the queue is empty and no
			       * message came for this long; -1: never */
};

/* Runs until it ends by itself or by a signal, and logs errors. Of the job,
 * from, state, tenant, conf and until_empty are used. Returns PROG_OK even if
 * there were dead letters, because the broker has confirmed them. */
enum exit_code eventcounter_run(const struct aggregator_job *job,
    const struct eventcounter_job *counter) __attribute__((warn_unused_result));

#endif
