/*
 * read_messages: asks the CRM for a chat's messages.
 */
#ifndef POLLER_CHATS_READ_MESSAGES_H
#define POLLER_CHATS_READ_MESSAGES_H

#include "poller/chats/polled_chat.h"

/* Adds to c->waiting. */
void read_messages(struct polled_chat *c);

#endif
