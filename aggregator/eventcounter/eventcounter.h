/*
 * eventcounter: counts the events of a foreign publisher, in the publisher's
 * own format: a topic exchange and a classic queue bound to it with *.event.*.
 * A message is one event. Its routing key is USER.event.TYPE, where TYPE is
 * created, updated or deleted; its body is {"id":"..."}. Each becomes an
 * `event` record without a time, and the metric event_counts counts them, as
 * everywhere. The result is one JSON file per type, {"USER": COUNT, ...}, and,
 * on request, the rows of that metric.
 *
 * An event id is counted once, whatever its user and type: the first counts. It
 * is remembered for [aggregator] window. A message that is not an event or has
 * no id goes to the queue's dead letters, with the reason.
 *
 * Customers whom `reaper --forget` names count under an alias from then on, see
 * eventcounter_forget.c.
 *
 * Guarantee: a message is acknowledged only after its effect is durable. With
 * a state folder that is the commit of the state: however the process ends,
 * each event is counted once, and the files hold the sum of all runs with that
 * state. Without a state the files are the effect: all messages stay
 * unacknowledged until the files are written at the end, and a run that was
 * killed has counted nothing.
 */
#ifndef AGGREGATOR_EVENTCOUNTER_EVENTCOUNTER_H
#define AGGREGATOR_EVENTCOUNTER_EVENTCOUNTER_H

#include "common/endpoint/endpoint.h"

#define EVENTCOUNTER_EXCHANGE "user-events"

struct eventcounter_job {
	const struct conf *conf;
	const char *from;     /* queue:NAME */
	const char *exchange; /* declared and bound if it is missing */
	const char *json_dir; /* created if it is missing; NULL: no files */
	const char *to;       /* endpoint of the rows; NULL: no rows */
	const char *tenant;   /* of the rows */
	const char *state;    /* folder of the state; NULL: none */
	int64_t idle_exit_ms; /* the run ends when no message was processed for
				 so long and the queue is empty; -1: never */
	bool until_empty;     /* the run ends when the queue is empty */
};

/* Runs until one of these ends or a signal; logs errors. PROG_OK also when
 * there were dead letters: the broker has confirmed them. */
enum exit_code eventcounter_run(const struct eventcounter_job *job)
    __attribute__((warn_unused_result));

#endif
