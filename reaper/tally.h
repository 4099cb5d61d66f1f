/*
 * tally: what a run did, tenant by tenant, for the summary; and how many chats
 * were gone lately, which a long-running reaper has to remember.
 */
#ifndef REAPER_TALLY_H
#define REAPER_TALLY_H

#include "common/out.h"
#include "common/strmap.h"

#include <stdint.h>

struct tally_tenant {
	uint64_t open, closed, gone; /* answers of the CRM */
	uint64_t deleted;            /* chats that had rows */
	uint64_t newer;              /* kept: seen open since */
	uint64_t refused;            /* kept: too many gone at once */
	uint64_t gone_lately;
	int64_t lately_since_ms; /* monotonic */
};

struct tally {
	struct strmap tenants;
};

#define TALLY_INIT                                                             \
	{                                                                      \
		STRMAP_INIT                                                    \
	}

/* Never NULL. */
struct tally_tenant *tally_of(struct tally *t, const char *tenant, size_t len);

/* How many were gone within the last hour. */
uint64_t tally_gone_lately(struct tally_tenant *t);
void tally_add_gone(struct tally_tenant *t, uint64_t n);

/* The summary as a table, CSV or NDJSON, appended; and one event a tenant to
 * the log. */
void tally_show(const struct tally *t, enum out_format f, struct buf *to);
void tally_log(const struct tally *t);

void tally_release(struct tally *t);

#endif
