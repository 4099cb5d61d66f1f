/*
 * desk: those who carry out the promises of all tenants (promise.h): a clerk
 * each, where the configuration lets chats be given to operators, their
 * requests, and the count of their calls.
 */
#ifndef POLLER_DESK_H
#define POLLER_DESK_H

#include "common/record.h"
#include "poller/poller.h"
#include "poller/promise.h"

struct desk;

struct desks {
	struct poller *poller;
	struct http *http;
	struct desk *all;      /* as poller->tenants */
	struct strmap unknown; /* tenants that were told of */
	int64_t accounted_ms;
};

/* like is what all clerks are like. -1: no tenant lets anything be changed,
 * which is told. Release it in both cases. */
int desks_open(struct desks *d, struct poller *p, const struct clerk *like)
    __attribute__((warn_unused_result));

/* by_hand: what kept a clerk from its work is the run's exit code. */
void desks_release(struct desks *d, bool by_hand);

/* NULL: there is none, or it may not; told once each. */
struct clerk *desks_find(struct desks *d, struct text tenant);

/* Requests that have not ended. */
size_t desks_flying(const struct desks *d);

/* Starts requests and takes answers; waits so long for some, if there are any.
 */
void desks_turn(struct desks *d, int64_t wait_ms);

/* Counts the calls in the state, if there is one, and sees what more may be
 * asked: when it is time for that, or at once. */
void desks_account(struct desks *d, bool at_once);

#endif
