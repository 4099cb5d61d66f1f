/*
 * stale: from when on metrics are stale: they are more than three minutes old,
 * and the newest snapshot more than three polling intervals (tenants.stale_at).
 *
 * The metrics of a snapshot have the time of the CRM's clock, which may differ
 * from ours by hours, so their age counts from when the snapshot was stored. A
 * stream may be newer than its snapshots, or have none: its time is all there
 * is.
 */
#ifndef SINK_RESOURCES_STALE_H
#define SINK_RESOURCES_STALE_H

/* SQL of the time on our clock from which the age of metrics counts; and of
 * when they are stale: of the metrics' time, and of as_of, stored_at and
 * stale_at of the tenant, which may be NULL. */
#define NEW_AT(as_of, snapshot, stored_at)                                     \
	"IF(" as_of " <= " snapshot ", COALESCE(" stored_at ", " as_of         \
	"), " as_of ")"
#define STALE_AT(as_of, snapshot, stored_at, stale_at)                         \
	"GREATEST(" NEW_AT(as_of, snapshot,                                    \
	    stored_at) " + INTERVAL 3 MINUTE, "                                \
		       "COALESCE(" stale_at ", '1970-01-01'))"
/* Of the row t of metrics and its row s of tenants. */
#define TENANT_NEW_AT NEW_AT("t.as_of", "s.as_of", "s.stored_at")
#define TENANT_STALE_AT                                                        \
	STALE_AT("t.as_of", "s.as_of", "s.stored_at", "s.stale_at")

#endif
