/*
 * reap: what a run of the reaper is asked to do, and the run over its input:
 * stage, what was held back, ageing, summary.
 */
#ifndef REAPER_REAP_H
#define REAPER_REAP_H

#include "common/conf/conf.h"
#include "common/db/db.h"
#include "common/options/option_table.h"
#include "common/text/out.h"
#include "reaper/rows/archive.h"

#include <stdbool.h>

/* What the options fill. */
struct reap {
	struct option_common common; /* first: see option_table.h */
	const char *from, *to, *archive, *purge, *retention;
	enum out_format format; /* OUT_AUTO: nothing unless on a terminal */
	bool force, dry_run, until_empty;
	struct db *db; /* of reap_with_db() */
};

/* Rows of options that modes share. */
#define REAPER_ARCHIVE                                                         \
	OPTION_TEXT(0, "archive", "FILE", struct reap, archive,                \
	    "append there first what is deleted")
#define REAPER_DRY_RUN                                                         \
	OPTION_FLAG("dry-run", struct reap, dry_run,                           \
	    "show what would go, delete nothing")

/* Without an option that chooses another mode. */
extern const struct option_mode reaper_mode_reap;

/* Opens the configured database and has work done with it, unless only the
 * configuration is to be checked. */
enum exit_code reap_with_db(
    struct reap *r, enum exit_code (*work)(const struct reap *r));

/* The archive that is wanted, if any: *a stays NULL without one, and in a dry
 * run. Errors are logged. */
enum exit_code reap_open_archive(const struct reap *r, struct archive **a)
    __attribute__((warn_unused_result));

/* Writes to stdout and empties. PROG_OK, or PROG_IO (logged). */
enum exit_code reap_print(struct buf *text) __attribute__((warn_unused_result));

#endif
