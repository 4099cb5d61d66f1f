/*
 * request_intake: makes the lines of requests safe before they are answered,
 * and hands them on. It has two threads.
 *
 * The keeper stores the lines of all requests that came during its last commit,
 * in one transaction with one sync, and answers them. The publisher sends what
 * is stored to the endpoint, in order, and says up to where the broker has
 * confirmed it; the keeper removes that with its next commit. So what the
 * broker does, and whether it is there, delays no answer.
 *
 *   killed after     safe                 then
 *   request came     nothing              its sender got no answer: sends again
 *   commit           lines, key           they are published; if the sender got
 *                                         no answer and sends again, its key
 *                                         gives the same records
 *   broker confirms  both, at the broker  lines are published once more; they
 *                                         have the same identities
 *   removal          at the broker
 *
 * Dead letters (lines of type "dead") go to the broker's queue NAME.dead; if
 * the endpoint is not a broker, they stand among the records, whose readers
 * skip them.
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

/* All borrowed. */
struct intake_options {
	const char *to;          /* the endpoint */
	const struct conf *conf; /* outlives the intake */
	struct request_store *store;
	struct idempotency *keys;
};

/* Connects once, so that a wrong name or password ends here: NULL, the code and
 * *why. A broker that is away is not a failure. Owned. */
struct intake *intake_open(const struct intake_options *opt,
    enum exit_code *code, struct buf *why) __attribute__((warn_unused_result));

/* Takes a request; one of the threads calls p->done(). */
void intake_put(struct intake *in, struct pending_request *p);

/* True when no more lines can be made safe: the reader of the pipe is gone
 * (code PROG_OK), the file's disk is full, the store's disk failed. Requests
 * are still answered, with a refusal. */
bool intake_has_ended(struct intake *in, enum exit_code *code);

/* Its health. */
struct intake_view {
	bool confirms;    /* the endpoint took, the broker confirmed the last */
	bool takes;       /* the last request was made safe, or the next will */
	uint64_t waiting; /* about how many lines are not published */
};

/* Does not wait. An outage shows within some seconds. */
void intake_look(struct intake *in, struct intake_view *view);

/* Answers all requests, publishes what it can at once, and ends the threads. No
 * request may be put any more. Returns how many lines were published since it
 * was opened. */
uint64_t intake_close(struct intake *in);

#endif
