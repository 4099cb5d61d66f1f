/*
 * read_chat: reads what is missing of a chat. A chat passes these states; the
 * functions that end a state are called by fetch_turn() (fetch.h), or at once.
 *
 *   state      what it waits for              ended by
 *   collected  the other lists, if there is   chats_listed()
 *              one for each operator
 *   asked      `waiting` answers: the         read_customer.c, customer_end()
 *              customer, the messages, and    read_messages.c, messages_end()
 *              1 until both are asked         read_chat()
 *   complete   nothing: `waiting` is 0, and   polled_chat_answered()
 *              the chat is written
 *   done       nothing: the map has           -
 *              polled_chat_done for it
 *
 * If a failure is the whole tenant's, crm_session_fail() drops all questions:
 * the remaining chats stay as they are until chats_release().
 */
#ifndef POLLER_CHATS_READ_CHAT_H
#define POLLER_CHATS_READ_CHAT_H

#include "poller/chats/polled_chat.h"

/* Writes a chat from the state if its mark in the list has not changed since it
 * was read; otherwise starts to read it. Its history already has the messages
 * that were in the list. */
void read_chat(struct polled_chat *c);

#endif
