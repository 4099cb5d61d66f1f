/*
 * list: reaper --list, which chats the CRM has to be asked about: those that
 * left the ongoing ones, and all chats of a tenant whose newest snapshot is
 * older than [reaper] stale, for then nobody knows who left.
 */
#ifndef REAPER_LIST_H
#define REAPER_LIST_H

#include "reaper/reap.h"

/* --list: writes them as chat records to -t, or to stdout in -o's format. */
extern const struct option_mode reaper_mode_list;

#endif
