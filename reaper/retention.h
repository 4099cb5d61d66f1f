/*
 * retention: history goes by age, whoever it is about.
 *
 * Kept is the time since the beginning of the day that lies keep_ms back; so
 * never less than keep_ms, and today always. Age is counted by our clock or
 * the database's, whichever is behind, not by the newest row: one message from
 * a wrong future must not make all others old. And when not one row of history
 * is young enough to stay, that is rather a clock far ahead than the truth:
 * then nothing is deleted unless forced.
 *
 * Of tables whose days are partitions (pYYYYMMDD, see sink) whole ones are
 * dropped. What else is old, there and in other tables, goes row by row in
 * small transactions. Nothing of it is archived.
 */
#ifndef REAPER_RETENTION_H
#define REAPER_RETENTION_H

#include "reaper/reap.h"

/* show: print what went (or would go: r->dry_run). Errors are logged; the exit
 * code is returned: PROG_DATA when everything would go, PROG_TEMPFAIL when a
 * table was held by somebody for too long. */
enum exit_code retention_run(const struct reap *r, int64_t keep_ms, bool show)
    __attribute__((warn_unused_result));

/* --retention: that, shown. */
extern const struct option_mode reaper_mode_retention;

#endif
