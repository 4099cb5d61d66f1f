/*
 * eventcounter: counts events of publishers that are not ours, on their terms:
 * a topic exchange, a classic queue bound with *.event.*, one event a message,
 * its routing key USER.event.TYPE (TYPE created, updated or deleted) and its
 * body {"id":"..."}. The answer is a file a type, {"USER": COUNT, ...}, and
 * rows of event_counts if they are asked for.
 *
 * An id counts once, whoever did what; each is remembered for a day at least.
 * What is not understood, and what has no id, goes to the queue's dead
 * letters, with the reason.
 *
 * Guarantee: a message is acknowledged only when its effect is safe. With a
 * state that is the state's commit; so whatever is killed and started again,
 * each event is counted once, and the files tell of all runs with that state.
 * Without one the files are the effect: everything stays unacknowledged until
 * they are written, at the end, and a run that was killed has counted nothing.
 */
#ifndef AGGREGATOR_EVENTCOUNTER_EVENTCOUNTER_H
#define AGGREGATOR_EVENTCOUNTER_EVENTCOUNTER_H

#include "common/endpoint/endpoint.h"

#define EVENTCOUNTER_EXCHANGE "user-events"

struct eventcounter_job {
	const struct conf *conf;
	const char *from;     /* queue:NAME */
	const char *exchange; /* made and bound if it is missing */
	const char *json_dir; /* made if it is missing; NULL: no files */
	const char *to;       /* of rows; NULL: none */
	const char *tenant;   /* of the rows */
	const char *state;    /* a folder; NULL: none */
	int64_t idle_exit_ms; /* the end, so long after the last message was
				 processed, if the queue is empty then;
				 -1: never */
	bool until_empty;     /* the end as soon as the queue is empty */
};

/* Until the end or a signal; errors are logged. PROG_OK, also when there were
 * dead letters: they are safe. */
enum exit_code eventcounter_run(const struct eventcounter_job *job)
    __attribute__((warn_unused_result));

#endif
