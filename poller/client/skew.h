/*
 * skew: the difference between the CRM's clock and ours, from the Date headers
 * of its answers. They have whole seconds, so a smaller difference counts as
 * none.
 */
#ifndef POLLER_CLIENT_SKEW_H
#define POLLER_CLIENT_SKEW_H

#include <stdbool.h>
#include <stdint.h>

struct skew {
	int64_t offset_ms; /* to be added to our clock */
	bool known;
};

/* Updates *s from an answer that was requested at sent_ms and came at got_ms,
 * on our clock. */
void skew_update(
    struct skew *s, int64_t sent_ms, int64_t got_ms, int64_t date_ms);

/* Converts a time of our clock into the CRM's. */
int64_t skew_apply(const struct skew *s, int64_t ours_ms);

#endif
