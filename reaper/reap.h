/*
 * reap: reaper without the option of another mode. Reads chat records, deletes
 * closed chats, then deletes what is too old to be kept, and shows a summary.
 */
#ifndef REAPER_REAP_H
#define REAPER_REAP_H

#include "reaper/modes.h"

extern const struct option_mode reaper_mode_reap;

/* --gone: deletes one chat that was deleted in a CRM which does not report
 * that, as if the CRM had answered that it is gone; and tells the aggregator of
 * a stream, where records go to a broker. */
extern const struct option_mode reaper_mode_gone;

#endif
