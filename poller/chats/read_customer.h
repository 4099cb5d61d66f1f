/*
 * read_customer: asks the CRM for the name of a chat's customer, if [crm]
 * customers is set and the state has no recent one.
 */
#ifndef POLLER_CHATS_READ_CUSTOMER_H
#define POLLER_CHATS_READ_CUSTOMER_H

#include "poller/chats/polled_chat.h"

/* Adds to c->waiting if it asks. */
void read_customer(struct polled_chat *c);

#endif
