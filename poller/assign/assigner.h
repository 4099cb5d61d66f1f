/*
 * assigner: those who carry out the reservations of all tenants
 * (reservation.h): a assigner each, where the configuration lets chats be given
 * to operators, their requests, and the count of their calls.
 */
#ifndef POLLER_ASSIGN_ASSIGNER_H
#define POLLER_ASSIGN_ASSIGNER_H

#include "common/records/record.h"
#include "poller/assign/reservation.h"

struct assigner;

/* Outlives the assigners. */
struct assigners_options {
	const struct tenant *tenants;
	size_t tenants_n;
	const char *state;           /* its folder, or NULL */
	struct tenant_assigner like; /* what all assigners are like */
	/* Told what went wrong: the run's exit code. */
	void (*failed)(void *ctx, enum exit_code code);
	void *ctx;
};

struct assigners {
	const struct assigners_options *opt;
	struct http *http;
	struct assigner *all;  /* as opt->tenants */
	struct strmap unknown; /* tenants that were told of */
	int64_t accounted_ms;
};

/* -1: no tenant lets anything be changed, which is told. Release it in both
 * cases. */
int assigners_open(struct assigners *d, const struct assigners_options *opt)
    __attribute__((warn_unused_result));

/* by_hand: what kept a assigner from its work is the run's exit code. */
void assigners_release(struct assigners *d, bool by_hand);

/* NULL: there is none, or it may not; told once each. */
struct tenant_assigner *assigners_find(struct assigners *d, struct text tenant);

/* Requests that have not ended. */
size_t assigners_in_flight(const struct assigners *d);

/* Starts requests and takes answers; waits so long for some, if there are any.
 */
void assigners_turn(struct assigners *d, int64_t wait_ms);

/* Counts the calls in the state, if there is one, and sees what more may be
 * asked: when it is time for that, or at once. */
void assigners_account(struct assigners *d, bool at_once);

#endif
