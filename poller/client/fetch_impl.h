/*
 * fetch_impl: what fetch.c and fetch_answer.c share; nobody else includes it.
 * They are one loop and call each other: fetch.c sends a question and hands on
 * its answer, fetch_answer.c ends the question or has it sent once more.
 */
#ifndef POLLER_CLIENT_FETCH_IMPL_H
#define POLLER_CLIENT_FETCH_IMPL_H

#include "poller/client/fetch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/os/retry.h"
#include "poller/client/paging_guard.h"

struct fetch_job {
	TAILQ_ENTRY(fetch_job) link;
	struct fetch *fetch;
	struct crm_question q;
	char *item, *known, *customer, *operator_id, *replaces; /* as in q */
	struct value *cursor;
	struct paging_guard paging;
	struct profile_rows rows; /* of the pages so far */
	/* Of the current page. */
	char *url;
	const struct tenant_host *host;
	struct profile_request request;
	int64_t asked_ms; /* the now_ms that its request was made with */
	unsigned redirects, failures;
	bool refused;   /* denied, but perhaps of this item alone: the CRM does
			   not speak of the token */
	size_t missing; /* see struct ending */
	bool asked;     /* a request was sent, of this page or another */
	uint64_t answered_before; /* fetch->answered at the first failure */
	struct retry retry;
	int64_t due_ms; /* of a delayed one, monotonic */
};

TAILQ_HEAD(fetch_jobs, fetch_job);

struct fetch {
	struct http *http;
	const struct tenant *tenant;
	struct skew *skew;
	struct fetch_jobs urgent, ready, delayed, in_flight;
	size_t in_flight_n, left;
	uint64_t calls[PROFILE_CALLS], results[CALL_RESULTS];
	uint64_t answered; /* pages, of all questions */
	struct breaker breakers[PROFILE_CALLS];
	size_t refused[PROFILE_CALLS]; /* items */
	int64_t hold_until_ms;         /* monotonic */
	bool stopped, warned_repaired;
};

/* Queues the job for sending. */
void fetch_ready(struct fetch_job *j);

/* Calls the end of the question and frees the job. maybe: see struct ending. */
void fetch_end(
    struct fetch_job *j, enum error_class error, const char *message);
void fetch_end_as(struct fetch_job *j, enum error_class error,
    const char *message, bool maybe);

/* The arguments of the question for the profile. */
struct profile_input fetch_input(const struct fetch_job *j);

/* Frees the request, so that the next start asks the profile for one. */
void fetch_drop_request(struct fetch_job *j);

/* A pause of so long is longer than [poller] retry_budget. */
static inline bool
fetch_is_silenced(const struct fetch *f, int64_t ms)
{
	return ms > f->tenant->retry_budget_ms;
}

/* Appends that the CRM wants no call for so long. */
void fetch_explain_hold(int64_t ms, struct buf *text);

#endif
