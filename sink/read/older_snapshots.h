/*
 * older_snapshots: warns of snapshots that are older than the stored one and so
 * are not stored, as when the CRM's clock was set back: once a tenant, until a
 * newer one is stored. What a queue delivers again is older, too, up to the
 * stored one, which comes again behind it. So a warning waits for the end of
 * the input, or for another older one a minute later.
 */
#ifndef SINK_READ_OLDER_SNAPSHOTS_H
#define SINK_READ_OLDER_SNAPSHOTS_H

#include "sink/rows/batch.h"

struct older_snapshots {
	struct strmap tenants; /* -> struct older_snapshot */
};

void older_snapshots_init(struct older_snapshots *o);
void older_snapshots_release(struct older_snapshots *o);

/* One came, that the batch's tenant has as `ended`; now_ms: monotonic. */
void older_snapshots_add(
    struct older_snapshots *o, const struct batch_tenant *t, int64_t now_ms);

/* A newer one of the tenant was stored, or the stored one came again. */
void older_snapshots_over(struct older_snapshots *o, struct text tenant);

/* At the end of the input. */
void older_snapshots_warn(struct older_snapshots *o);

#endif
