/*
 * pending_rows: the keys of the rows that a tick wrote, as bytes that are
 * committed with what the rows tell. After a crash they are read back and the
 * rows are made anew: full values, so that once more does no harm.
 */
#ifndef AGGREGATOR_TENANT_PENDING_ROWS_H
#define AGGREGATOR_TENANT_PENDING_ROWS_H

#include "aggregator/tenant/pipeline.h"
#include "common/containers/pack.h"

/* True when there are rows to write. */
bool pending_rows_any(const struct pipeline *d);

/* Adds the keys of what changed; the first tenant begins an empty *to. */
void pending_rows_pack(
    const struct pipeline *d, uint32_t tenant, struct buf *to);

/* Reads them back: as long as there are more, the number of a tenant and then,
 * with its pipeline, what changed. -1, or bad: these are no such bytes. */
struct pack pending_rows_open(const void *data, size_t len);
uint32_t pending_rows_tenant(struct pack *r);
int pending_rows_mark(struct pipeline *d, struct pack *r)
    __attribute__((warn_unused_result));

#endif
