/*
 * customers: names and phone numbers of the customers of open chats, if [crm]
 * customers is set. A poll asks about each customer at most once, and the state
 * keeps the answer for a day.
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

/* Returns the customer as members of a record (see struct crm_record),
 * borrowed; "" if the customer has no name. NULL: known(waiter, person) is
 * called when the answer arrives. */
const char *customers_get(struct customers *c, const char *id, int64_t now_ms,
    void (*known)(void *waiter, const char *person), void *waiter);

/* Deletes customers from the state who were queried more than two days ago, or
 * more than a day in the future (by a wrong clock). Takes effect with the next
 * store_commit(). */
void customers_drop_old(struct store *s, int64_t now_ms);

#endif
