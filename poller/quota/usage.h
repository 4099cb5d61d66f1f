/*
 * usage: counts what polls, status runs and assigning cost, in the state: the
 * calls of each month, and for two weeks what every hour was like.
 */
#ifndef POLLER_QUOTA_USAGE_H
#define POLLER_QUOTA_USAGE_H

#include "poller/profile/profile.h"
#include "poller/store/store.h"

#include <stdbool.h>
#include <stdint.h>

enum usage_who { USAGE_POLL, USAGE_STATUS, USAGE_ASSIGN, USAGE_WHO };

/* What one run adds, and what an hour sums up to. */
struct call_usage {
	uint64_t runs;
	uint64_t calls[PROFILE_CALLS];
	uint64_t left; /* chats that left the list */
};

uint64_t usage_calls(const uint64_t calls[PROFILE_CALLS]);

/* Both add to what is committed: call each once between two commits.
 *
 * Adds a run to the hour of now_ms (local time); what is older than two weeks
 * goes. */
void usage_add_run(struct store *s, enum usage_who who, int64_t now_ms,
    const struct call_usage *u);

/* Adds calls to the month of now_ms (UTC). */
void usage_add_month(
    struct store *s, enum usage_who who, int64_t now_ms, uint64_t calls);

/* Calls in the month of now_ms. */
uint64_t usage_month(struct store *s, int64_t now_ms);

/* From the first run that was added to the last one, in ms; 0: not known. */
int64_t usage_span(struct store *s, enum usage_who who);

/* What is known of each hour of the day. */
void usage_hours(
    struct store *s, enum usage_who who, struct call_usage hours[24]);

#endif
