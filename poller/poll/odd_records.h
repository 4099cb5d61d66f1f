/*
 * odd_records: records of the CRM that could not be read wholly, which are told
 * of once a run. Starts zeroed.
 */
#ifndef POLLER_POLL_ODD_RECORDS_H
#define POLLER_POLL_ODD_RECORDS_H

#include "poller/profile/profile.h"

#include <stddef.h>

struct odd_records {
	size_t n;
	char *first; /* which, and why; NULL: none */
};

/* Counts those of a page. */
void odd_records_count(struct odd_records *o, const struct profile_answer *a);

/* Warns of them, if there are any. */
void odd_records_warn(const struct odd_records *o, const char *tenant);

void odd_records_release(struct odd_records *o);

#endif
