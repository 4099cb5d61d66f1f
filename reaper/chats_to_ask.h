/*
 * chats_to_ask: reaper --list, the chats that the CRM has to be asked about:
 * those that left the snapshot, and all chats of a tenant whose newest snapshot
 * is older than [reaper] stale, because then it is unknown which ones left. Who
 * asks is poller --status (poller/modes/status.c).
 */
#ifndef REAPER_CHATS_TO_ASK_H
#define REAPER_CHATS_TO_ASK_H

#include "reaper/modes.h"

/* --list: writes them as chat records to -t, or to stdout in -o's format. */
extern const struct option_mode reaper_mode_list;

#endif
