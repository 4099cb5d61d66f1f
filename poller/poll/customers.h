/*
 * customers: who the customers of chats are, where that is wanted. Each is
 * asked about once a poll at most, and kept in the state for a day.
 */
#ifndef POLLER_POLL_CUSTOMERS_H
#define POLLER_POLL_CUSTOMERS_H

#include "common/containers/strmap.h"
#include "poller/client/fetch.h"
#include "poller/client/tenant.h"
#include "poller/store/store.h"

#include <stddef.h>
#include <stdint.h>

struct customer;

struct customers {
	const struct tenant *tenant;
	struct fetch *fetch;
	struct store *store; /* or NULL */
	size_t failed, good;
	char *first_failure; /* half a sentence, or NULL */

	/* private: id -> struct customer, and those not asked about yet */
	struct strmap all;
	struct customer **later;
	size_t later_n, later_cap, asked;

	/* Something that concerns the whole tenant. */
	void (*give_up)(void *ctx, enum error_class error, const char *what,
	    const char *message);
	void *ctx;
};

void customers_release(struct customers *c);

/* What is known of the customer, as members of a record (see crm_record.h),
 * "" if nothing is; borrowed. NULL: known(waiter, person) is called when the
 * answer is in. */
const char *customers_get(struct customers *c, const char *id, int64_t now_ms,
    void (*known)(void *waiter, const char *person), void *waiter);

/* Names and phone numbers that were asked for more than two days ago leave
 * the state, with the next store_commit(). */
void customers_drop_old(struct store *s, int64_t now_ms);

#endif
