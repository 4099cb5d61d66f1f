/*
 * pending_rows: the keys of the rows that a flush writes, as bytes that are
 * committed together with the state the rows are made of. After a crash they
 * are read back and the rows are made again: they have full values, so writing
 * them twice does no harm.
 */
#ifndef AGGREGATOR_TENANT_PENDING_ROWS_H
#define AGGREGATOR_TENANT_PENDING_ROWS_H

#include "aggregator/tenant/pipeline.h"
#include "common/containers/pack.h"

/* There are rows to write. */
bool pending_rows_any(const struct pipeline *d);

/* Appends the keys of the changed rows of one tenant, with its number in the
 * state. *to is empty before the first tenant. */
void pending_rows_pack(
    const struct pipeline *d, uint32_t tenant, struct buf *to);

/* Reads them back: while pack_more(), the number of a tenant, and with its
 * pipeline the rows, which are marked as changed. -1, or r->bad: the bytes are
 * malformed. */
struct pack pending_rows_open(const void *data, size_t len);
uint32_t pending_rows_tenant(struct pack *r);
int pending_rows_mark(struct pipeline *d, struct pack *r)
    __attribute__((warn_unused_result));

#endif
