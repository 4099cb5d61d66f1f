/*
 * purge: reaper --purge; a tenant is no customer any more; everything of it
 * goes.
 */
#ifndef REAPER_PURGE_H
#define REAPER_PURGE_H

#include "reaper/reap.h"

/* --purge: marks the tenant as removed, so that no row on its way is stored any
 * more, then deletes its rows in small transactions, and shows how many of
 * which table; a run that was killed is simply repeated. A dry run counts only.
 * Errors are logged; PROG_NOINPUT when there is no such tenant, PROG_CONFIG
 * when it is still configured (unless forced). */
extern const struct option_mode reaper_mode_purge;

#endif
