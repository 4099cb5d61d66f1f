/*
 * purge: reaper --purge deletes everything of a tenant that is no longer a
 * customer.
 */
#ifndef REAPER_PURGE_H
#define REAPER_PURGE_H

#include "reaper/modes.h"

/* --purge: marks the tenant as removed, so that sinks refuse rows that still
 * arrive, then deletes its rows in small transactions, and shows how many of
 * which table. A run that was killed is repeated. A dry run only counts. Errors
 * are logged; PROG_NOINPUT when there is no such tenant, PROG_CONFIG when it is
 * still configured (unless forced). */
extern const struct option_mode reaper_mode_purge;

#endif
