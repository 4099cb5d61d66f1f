/*
 * present_time: the present by the CRM's clock, estimated from the tenant's
 * newest snapshot: what is stored now is not newer than that. A CRM whose clock
 * is ahead of ours writes snapshots of our future.
 */
#ifndef REAPER_ROWS_PRESENT_TIME_H
#define REAPER_ROWS_PRESENT_TIME_H

#include <stdint.h>

/* as_of and stored_at of the tenant's row, or CLOCK_NONE. */
int64_t present_time(int64_t as_of, int64_t stored_at);

#endif
