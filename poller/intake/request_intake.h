/*
 * request_intake: stores the lines of requests safely before the requests are
 * answered, and publishes them. It has two threads.
 *
 * The keeper stores the lines of all requests that arrived during its last
 * commit in one transaction with one sync, and then answers these requests. The
 * publisher sends the stored lines to the endpoint in order and records which
 * of them the broker has confirmed; the keeper removes those with its next
 * commit. A slow or missing broker therefore delays no answer.
 *
 *   killed after     safe                 then
 *   request came     nothing              the client got no answer and repeats
 *                                         the request
 *   commit           lines, key           the lines are published; if the
 *                                         client got no answer and repeats
 *                                         the request, its key gives the same
 *                                         records
 *   broker confirms  both, at the broker  the lines are published once more,
 *                                         with the same identities
 *   removal          at the broker
 *
 * Dead letters (lines of type "dead") go to the broker's queue NAME.dead. If
 * the endpoint is not a broker, they are written among the records, whose
 * readers skip them.
 */
#ifndef POLLER_INTAKE_REQUEST_INTAKE_H
#define POLLER_INTAKE_REQUEST_INTAKE_H

#include "common/base/buf.h"
#include "common/base/prog.h"
#include "common/conf/conf.h"
#include "common/http/web.h"
#include "poller/intake/idempotency.h"
#include "poller/intake/request_store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct intake;

/* All members are borrowed. */
struct intake_options {
	const char *to;          /* the endpoint */
	const struct conf *conf; /* must outlive the intake */
	struct request_store *store;
};

/* Connects once, so a wrong name or password is reported here: NULL, the exit
 * code and *why. An unreachable broker is not an error. Owned by the caller. */
struct intake *intake_open(const struct intake_options *opt,
    enum exit_code *code, struct buf *why) __attribute__((warn_unused_result));

/* Takes a request; one of the threads will call p->done(). */
void intake_put(struct intake *in, struct pending_request *p);

/* True when no more lines can be stored safely: the reader of the pipe is gone
 * (code PROG_OK), the file's disk is full, or the store's disk failed. Requests
 * are then answered with a refusal. */
bool intake_has_ended(struct intake *in, enum exit_code *code);

/* The intake's health. */
struct intake_view {
	bool confirms;    /* the endpoint accepted, or the broker confirmed, the
			   * last lines */
	bool takes;       /* the last request was made safe, or the next one can
			   * be */
	uint64_t waiting; /* requests whose lines are not published */
};

/* Does not wait. An outage is detected after some seconds. */
void intake_look(struct intake *in, struct intake_view *view);

/* Answers all requests, publishes what it can at once, and ends the threads. No
 * request may be put after this call. Returns how many lines were published
 * since the intake was opened. */
uint64_t intake_close(struct intake *in);

#endif
