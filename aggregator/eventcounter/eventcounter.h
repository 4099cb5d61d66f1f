/*
 * eventcounter: counts the events of a foreign publisher, in the publisher's
 * own format: a topic exchange and a classic queue bound to it with *.event.*.
 * A message is one event. Its routing key is USER.event.TYPE, where TYPE is
 * created, updated or deleted; its body is {"id":"..."}. Each becomes an
 * `event` record of the time when it came, and a stream counts them
 * (aggregator/stream/stream_foreign.c): the metric event_counts. The result is
 * one JSON file per type, {"USER": COUNT, ...}, and, on request, the rows of
 * that metric.
 *
 * An event id is counted once, whatever its user and type: the first counts. It
 * is remembered for [aggregator] window. A message that is not an event or has
 * no id goes to the queue's dead letters, with the reason.
 *
 * Customers whom `reaper --forget` names count under an alias from then on.
 *
 * Guarantee: a message is acknowledged only after its effect is durable. With
 * a state folder that is the commit of the state: however the process ends,
 * each event is counted once, and the files hold the sum of all runs with that
 * state. Without one the files are the effect: all messages stay
 * unacknowledged until the files are written at the end, and a run that was
 * killed has counted nothing.
 */
#ifndef AGGREGATOR_EVENTCOUNTER_EVENTCOUNTER_H
#define AGGREGATOR_EVENTCOUNTER_EVENTCOUNTER_H

#include "aggregator/tenant/job.h"

struct eventcounter_job {
	const char *exchange; /* declared and bound if it is missing; NULL:
				 user-events */
	const char *json_dir; /* created if it is missing; NULL: no files */
	const char *to;       /* endpoint of the rows; NULL: no rows */
	int64_t idle_exit_ms; /* the run ends when no message came for so long
				 and the queue is empty; -1: never */
};

/* Runs as the job says, of which from, state, tenant, conf and until_empty are
 * set, until it ends or a signal; logs errors. PROG_OK also when there were
 * dead letters: the broker has confirmed them. */
enum exit_code eventcounter_run(const struct aggregator_job *job,
    const struct eventcounter_job *counter) __attribute__((warn_unused_result));

#endif
