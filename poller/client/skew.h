/*
 * skew: how far the CRM's clock is from ours. Its Date header has whole
 * seconds, so a difference counts only when our clock cannot be right.
 */
#ifndef POLLER_CLIENT_SKEW_H
#define POLLER_CLIENT_SKEW_H

#include <stdbool.h>
#include <stdint.h>

struct skew {
	int64_t offset_ms; /* to be added to our clock */
	bool known;
};

/* What one answer tells: asked and answered at these times of our clock. */
void skew_update(
    struct skew *s, int64_t sent_ms, int64_t got_ms, int64_t date_ms);

/* A time of our clock on the CRM's. */
int64_t skew_apply(const struct skew *s, int64_t ours_ms);

#endif
