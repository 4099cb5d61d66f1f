/*
 * customers: names and phone numbers of the customers of open chats, if
 * [crm] customers asks for them. Each customer is asked about once a poll at
 * most, and kept in the state for a day.
 */
#ifndef POLLER_CHATS_CUSTOMERS_H
#define POLLER_CHATS_CUSTOMERS_H

#include "common/containers/strmap.h"
#include "poller/crm/crm_session.h"

#include <stddef.h>
#include <stdint.h>

struct customer;

struct customers {
	struct crm_session *crm;
	size_t failed;
	char *first_failure; /* half a sentence, or NULL */

	struct strmap all; /* private: id -> struct customer */
};

void customers_release(struct customers *c);

/* The customer as members of a record (see struct crm_record), "" if it has no
 * name; borrowed. NULL: known(waiter, person) is called when the answer comes.
 */
const char *customers_get(struct customers *c, const char *id, int64_t now_ms,
    void (*known)(void *waiter, const char *person), void *waiter);

/* Deletes from the state customers who were asked about more than two days ago,
 * or a day in the future, by a clock that was wrong, as of the next
 * store_commit(). */
void customers_drop_old(struct store *s, int64_t now_ms);

#endif
