/*
 * usage: counts in the state the calls of polls, status runs and assigning: a
 * sum for each month, and for two weeks one for each hour.
 */
#ifndef POLLER_QUOTA_USAGE_H
#define POLLER_QUOTA_USAGE_H

#include "poller/profile/profile.h"
#include "poller/store/store.h"

#include <stdint.h>

enum usage_who { USAGE_POLL, USAGE_STATUS, USAGE_ASSIGN, USAGE_WHO };

/* The counts of one run, or the sums of an hour. */
struct call_usage {
	uint64_t runs;
	uint64_t calls[PROFILE_CALLS];
	uint64_t left; /* chats that left the list */
};

/* The sum of calls of all kinds. */
uint64_t usage_calls(const uint64_t calls[PROFILE_CALLS]);

/* Both add to the committed value: call each once at most between two commits.
 *
 * Adds a run to the hour of now_ms (local time), and deletes hours older than
 * two weeks, or as far ahead. */
void usage_add_run(struct store *s, enum usage_who who, int64_t now_ms,
    const struct call_usage *u);

/* Adds calls to the month of now_ms (UTC). */
void usage_add_month(
    struct store *s, enum usage_who who, int64_t now_ms, uint64_t calls);

/* Calls in the month of now_ms. */
uint64_t usage_month(struct store *s, int64_t now_ms);

/* Milliseconds from the first run to the last; 0: unknown. */
int64_t usage_span(struct store *s, enum usage_who who);

/* Sums over all days that are kept, by hour of the day. */
void usage_hours(
    struct store *s, enum usage_who who, struct call_usage hours[24]);

#endif
