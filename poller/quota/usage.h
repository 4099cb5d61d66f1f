/*
 * usage: counts in the state the calls of polls, status runs and assigning: a
 * sum for each month, and for a week one for each day. Days and months are
 * those of UTC, by the CRM's clock.
 */
#ifndef POLLER_QUOTA_USAGE_H
#define POLLER_QUOTA_USAGE_H

#include "poller/profile/profile.h"
#include "poller/quota/pace.h"
#include "poller/store/store.h"

#include <stdint.h>

enum usage_who { USAGE_POLL, USAGE_STATUS, USAGE_ASSIGN, USAGE_WHO };
extern const char *const usage_names[USAGE_WHO];

/* The sum of calls of all kinds. */
uint64_t usage_calls(const uint64_t calls[PROFILE_CALLS]);

/* These add to the committed value: call each once at most between two commits.
 *
 * Adds calls to the month of now_ms, and those that are not a poll's to their
 * day. */
void usage_add(
    struct store *s, enum usage_who who, int64_t now_ms, uint64_t calls);

/* Adds a poll that began interval_ms after the one before to its day. Deletes
 * days that are a week old, or as far ahead. */
void usage_add_poll(struct store *s, int64_t now_ms, int64_t interval_ms,
    const uint64_t calls[PROFILE_CALLS]);

/* Calls in the month of now_ms. */
uint64_t usage_month(struct store *s, int64_t now_ms);

/* When the month of now_ms ends. */
int64_t usage_month_end(int64_t now_ms);

/* The sums of the days that are kept. */
struct pace_measurement usage_measure(struct store *s, int64_t now_ms);

#endif
