/*
 * shared: the tables of a state that describe tenants (delta.h), so that
 * another state can follow this one. It records what changes of each tenant,
 * and hands that out as the delta of a flush.
 *
 * The deltas of all flushes are a log from which a state can be rebuilt. It
 * needs no job that compacts it: each delta also carries a slice of entries
 * that have not changed, with a quarter more bytes than the changes. The slices
 * walk through the tenant's entries in the order of table and key, again and
 * again. When a walk has passed all of them, the log is complete from the delta
 * with which the walk began, and older deltas can be deleted: an entry that was
 * changed behind the walk is in a later delta, and so is a deletion.
 *
 * A walk through a state of S bytes carries S bytes of slices and 4/5 S of
 * changes, also if S grows meanwhile because the changes append. The log holds
 * at most two walks: less than four times the state.
 *
 * How far the walks are is a local table of the state, so that short runs go on
 * with them.
 */
#ifndef AGGREGATOR_STATE_SHARED_H
#define AGGREGATOR_STATE_SHARED_H

#include "aggregator/state/delta.h"
#include "aggregator/state/state.h"

struct shared;

/* Opens all shared tables of the state, which are created if missing. The state
 * is borrowed. Errors are those of the state. */
struct shared *shared_open(struct state *s);
/* NULL is allowed. */
void shared_close(struct shared *h);

/* From now on, changes are recorded. */
void shared_record(struct shared *h);

/* Returns how many bytes have been recorded of the tenant since its last
 * shared_take(). */
size_t shared_changed(const struct shared *h, uint32_t tenant);

/* Adds a slice to what was recorded of the tenant: at least 256 bytes, and a
 * quarter more than the changes. version: that of the flush. Returns the
 * version from which the log is complete if a walk has ended, else 0. */
int64_t shared_add_slice(struct shared *h, uint32_t tenant, int64_t version);

/* Forgets how far the walk is: the log has entries that another state wrote. */
void shared_restart_walk(struct shared *h, uint32_t tenant);

/* Receives a part of a delta, borrowed. */
typedef void shared_part_fn(void *ctx, const struct buf *part);

/* Hands out what was recorded of the tenant, in parts, and forgets it. whole:
 * all of the tenant's entries instead, so that the log begins with this
 * delta. */
void shared_take(struct shared *h, uint32_t tenant, bool whole,
    shared_part_fn *part, void *ctx);

/* Applies a part of a delta to the tenant; not recorded. Returns false if the
 * delta is damaged. */
bool shared_apply(struct shared *h, uint32_t tenant, struct delta_reader *r,
    const void *part, size_t len) __attribute__((warn_unused_result));

/* Deletes all entries of the tenant; not recorded. */
void shared_delete(struct shared *h, uint32_t tenant);

#endif
