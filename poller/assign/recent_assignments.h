/*
 * recent_assignments: which chats were given to which operator in the last
 * minutes. The CRM's list of an operator's chats is as old as the request for
 * it, so chats that were given since then, or are being given, have to be added
 * to its count.
 */
#ifndef POLLER_ASSIGN_RECENT_ASSIGNMENTS_H
#define POLLER_ASSIGN_RECENT_ASSIGNMENTS_H

#include <stdint.h>

#include "common/containers/strmap.h"

struct recent_assignment {
	char *operator_id, *chat;
	int64_t ended_ms; /* monotonic; INT64_MAX: in flight */
};

/* A zeroed one is empty; release it. */
struct recent_assignments {
	struct recent_assignment *v;
	size_t n, cap;
};

void recent_assignments_release(struct recent_assignments *recent);

/* Called before the CRM is asked to give the chat, and after its answer or the
 * lack of one. begin drops assignments that ended more than a few minutes ago.
 * Times are monotonic, in ms. */
void recent_assignments_begin(struct recent_assignments *recent,
    const char *operator_id, const char *chat, int64_t now_ms);
void recent_assignments_end(
    struct recent_assignments *recent, const char *chat, int64_t now_ms);

/* How many of the operator's assignments had not ended at asked_ms, when the
 * list was asked for, and are not on it. */
size_t recent_assignments_since(const struct recent_assignments *recent,
    const char *operator_id, const struct strmap *list, int64_t asked_ms);

#endif
