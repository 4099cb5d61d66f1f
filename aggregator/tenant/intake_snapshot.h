/*
 * intake_snapshot: the snapshot that a tenant is sending: its markers, whether
 * it is whole, and the one log line when it cannot be. The line at hand is
 * in->record. For intake.c only.
 */
#ifndef AGGREGATOR_TENANT_INTAKE_SNAPSHOT_H
#define AGGREGATOR_TENANT_INTAKE_SNAPSHOT_H

#include "aggregator/tenant/intake.h"

/* NULL is fine. */
void snapshot_free(struct snapshot *s);

/* The snapshot, which may be NULL, has that id. */
bool snapshot_is(const struct snapshot *s, struct text id);

/* The marker is of one of several parts. */
static inline bool
snapshot_has_parts(const struct record *marker)
{
	return marker->bucket != RECORD_NO_NUMBER;
}

/* A marker. At the begin of another snapshot the open one is cut; at the end of
 * the last part the open one is whole. */
void snapshot_begin_part(
    struct intake *in, struct intake_tenant *t, unsigned part);
void snapshot_end_part(
    struct intake *in, struct intake_tenant *t, unsigned part);

/* One more line of the open snapshot, readable or not. */
void snapshot_count_line(
    const struct intake *in, struct intake_tenant *t, unsigned part);

/* The line names a snapshot that is not open. */
void snapshot_fail_outside(struct intake *in, struct intake_tenant *t);

/* It begins in the future, as `why` says. */
void snapshot_fail_ahead(
    struct intake *in, struct intake_tenant *t, const char *why);

/* The input ends while a snapshot is open; cut: inside a line. */
void snapshot_fail_at_end(struct intake *in, struct intake_tenant *t, bool cut);

#endif
