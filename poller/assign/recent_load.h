/*
 * recent_load: which chats were given to which operator in the last minutes.
 * The CRM's list of an operator's chats is as old as the request for it, so
 * chats that were given since then, or are being given, have to be added to its
 * count. It does not tell whether a chat was given already:
 * reservation_decide.c.
 */
#ifndef POLLER_ASSIGN_RECENT_LOAD_H
#define POLLER_ASSIGN_RECENT_LOAD_H

#include <stdint.h>

#include "common/containers/strmap.h"

struct recent_load_chat {
	char *operator_id, *chat;
	int64_t ended_ms; /* monotonic; INT64_MAX: in flight */
};

/* A zeroed one is empty; release it. */
struct recent_load {
	struct recent_load_chat *v;
	size_t n, cap;
};

void recent_load_release(struct recent_load *recent);

/* Called before the CRM is asked to give the chat, and after its answer or the
 * lack of one. begin drops assignments that ended more than a few minutes ago.
 * Times are monotonic, in ms. */
void recent_load_begin(struct recent_load *recent, const char *operator_id,
    const char *chat, int64_t now_ms);
void recent_load_end(
    struct recent_load *recent, const char *chat, int64_t now_ms);

/* How many of the operator's assignments had not ended at asked_ms, when the
 * list was asked for, and are not on it. */
size_t recent_load_since(const struct recent_load *recent,
    const char *operator_id, const struct strmap *list, int64_t asked_ms);

#endif
