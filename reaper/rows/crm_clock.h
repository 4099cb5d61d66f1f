/*
 * crm_clock: the present by the CRM's clock, estimated from the tenant's newest
 * snapshot: what is stored now is not newer than that. A CRM whose clock is
 * ahead of ours writes snapshots of our future.
 */
#ifndef REAPER_ROWS_CRM_CLOCK_H
#define REAPER_ROWS_CRM_CLOCK_H

#include <stdint.h>

/* as_of and stored_at of the tenant's row, or CLOCK_NONE. */
int64_t crm_clock_now(int64_t as_of, int64_t stored_at);

#endif
