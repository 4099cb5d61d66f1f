/*
 * stale: from when on metrics are stale: their time is more than three minutes
 * ago, and the newest snapshot more than three polling intervals
 * (tenants.stale_at). A stream may be newer than its snapshots, or have none.
 */
#ifndef SINK_RESOURCES_STALE_H
#define SINK_RESOURCES_STALE_H

/* SQL, of the metrics' time and of stale_at of the tenant, which may be NULL.
 */
#define STALE_AT(as_of, stale_at)                                              \
	"GREATEST(" as_of " + INTERVAL 3 MINUTE, COALESCE(" stale_at           \
	", " as_of "))"
/* Of the row t of metrics and its row s of tenants. */
#define TENANT_STALE_AT STALE_AT("t.as_of", "s.stale_at")

#endif
