/*
 * retention: deletes history by age, whichever chat it belongs to.
 *
 * Kept is everything since the beginning of the day that lies keep_ms back: so
 * never less than keep_ms, and always today. Age is measured by our clock or
 * the database's, whichever is behind, and not by the newest row: one message
 * with a wrong time in the future would make all others old. If no row of
 * history is young enough to stay, a clock far ahead is the likely reason:
 * nothing is deleted then unless forced.
 *
 * Of tables with daily partitions old ones are dropped (rows/old_partitions.h).
 * Other old rows, there and in other tables, are deleted in small transactions.
 * None of them are archived.
 */
#ifndef REAPER_RETENTION_H
#define REAPER_RETENTION_H

#include "reaper/modes.h"

/* Deletes history older than keep_ms. force: all of it, if all is old, since
 * somebody looked at the clock. show: print the counts, in a dry run
 * those of what would be deleted. Errors are logged; returns the exit code:
 * PROG_DATA when everything would be deleted, PROG_TEMPFAIL when another
 * session locked a table for too long. */
enum exit_code retention_run(const struct reaper *r, int64_t keep_ms,
    bool force, bool show) __attribute__((warn_unused_result));

/* --retention */
extern const struct option_mode reaper_mode_retention;

#endif
