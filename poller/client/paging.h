/*
 * paging: sees to it that following pages comes to an end, whatever the CRM
 * answers.
 */
#ifndef POLLER_CLIENT_PAGING_H
#define POLLER_CLIENT_PAGING_H

#include "common/containers/strmap.h"
#include "poller/profile/profile.h"

struct paging {
	struct strmap visited; /* cursors and pages */
	uint64_t key[2];       /* of pages' hashes */
	unsigned pages;
	bool moved; /* the last page did: it may come once more */
};

/* Looks at one page. 0, or -1 and *why: the same page or cursor came before,
 * or there are more than max of them. */
int paging_check(struct paging *p, const struct profile_answer *a, unsigned max,
    struct buf *why) __attribute__((warn_unused_result));
void paging_release(struct paging *p);

#endif
