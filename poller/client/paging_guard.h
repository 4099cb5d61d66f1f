/*
 * paging_guard: guarantees that following the pages of a question ends,
 * whatever the CRM answers: a page or cursor that comes twice is an error, and
 * so are more pages than max. Where the pages end is what the profile says
 * (next).
 */
#ifndef POLLER_CLIENT_PAGING_GUARD_H
#define POLLER_CLIENT_PAGING_GUARD_H

#include "common/containers/strmap.h"
#include "poller/profile/profile.h"

struct paging_guard {
	struct strmap visited; /* cursors and hashes of pages */
	uint64_t key[2];       /* random, of the hashes */
	unsigned pages;
	bool moved; /* rows moved during the last page, which may come again */
};

/* Checks the next page. 0; or -1 and *why: the same page or cursor came before,
 * or there are more than max pages. */
int paging_guard_check(struct paging_guard *p, const struct profile_answer *a,
    unsigned max, struct buf *why) __attribute__((warn_unused_result));
void paging_guard_release(struct paging_guard *p);

#endif
