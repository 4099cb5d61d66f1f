/*
 * left_state: what the state knows of a chat that has left the list. Such a
 * chat is complete when a confirmed snapshot has its last messages and its
 * closing (`told`). The CRM's answer about the status of a chat is not stored,
 * because the chat may be reopened.
 */
#ifndef POLLER_CHATS_LEFT_STATE_H
#define POLLER_CHATS_LEFT_STATE_H

#include "poller/chats/history.h"
#include "poller/crm/crm_session.h"

#include <stdbool.h>
#include <stdint.h>

/* Name of a number in the store: the time of the last confirmed snapshot with
 * last messages. */
#define CHATS_CONFIRMED "confirmed"

/* True if the chat has left the list and a confirmed snapshot has its last
 * messages. */
bool chat_is_over(const struct chat_state *c, struct store *s);

/* Records that the chat left at that time and that its last messages are
 * missing; 0: that it is in the list again. */
void left_set(struct crm_session *crm, const char *id, int64_t left_at);

/* The chat could not be read. Gives up on it after CHAT_FAILURES_MAX polls: a
 * chat that was deleted, or can never be read, would cost a call in each poll.
 */
void left_miss_last_word(struct crm_session *crm, const char *id, bool gone);

#endif
