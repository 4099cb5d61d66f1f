/*
 * modes: the struct that the options of reaper fill, and what its modes share.
 * The modes are in reap.h, chats_to_ask.h, purge.h, retention.h and rights.h.
 */
#ifndef REAPER_MODES_H
#define REAPER_MODES_H

#include "common/base/buf.h"
#include "common/conf/conf.h"
#include "common/db/db.h"
#include "common/options/option_table.h"
#include "common/output/output_table.h"
#include "reaper/rows/archive.h"

#include <stdbool.h>

/* The values of an option that may be repeated. */
enum { REAPER_PATHS = 32 };

struct reaper_paths {
	const char *path[REAPER_PATHS];
	size_t n;
};

struct reaper {
	struct option_common common; /* first: see option_table.h */
	const char *from, *to, *archive, *purge, *retention;
	const char *forget, *export, *gone, *tenant;
	struct reaper_paths files, states;
	enum output_format
	    format; /* OUTPUT_AUTO: nothing unless on a terminal */
	bool force, dry_run, until_empty;
	struct db *db; /* set by reaper_with_db() */
};

/* Options that several modes have. */
#define REAPER_ARCHIVE                                                         \
	OPTION_TEXT(0, "archive", "FILE", struct reaper, archive,              \
	    "append there first what is deleted")
#define REAPER_DRY_RUN                                                         \
	OPTION_FLAG("dry-run", struct reaper, dry_run,                         \
	    "show what would go, delete nothing")

/* Whether the value of that option may be the name of a tenant: -1, else the
 * exit code, after a message. The database would take "acme " for "acme". */
int reaper_check_tenant(const char *option, const char *name)
    __attribute__((warn_unused_result));

/* The tenant of --tenant, else the only one; NULL after a message, which says
 * that `what` is somebody's: "customer". */
const char *reaper_choose_tenant(const struct reaper *r, const char *what);

/* Opens the configured database, calls work() unless only the configuration is
 * to be checked, and closes it. */
enum exit_code reaper_with_db(
    struct reaper *r, enum exit_code (*work)(const struct reaper *r));

/* Opens the configured archive into *a, which stays NULL without one and in a
 * dry run. Errors are logged. */
enum exit_code reaper_open_archive(const struct reaper *r, struct archive **a)
    __attribute__((warn_unused_result));

/* Whether a run that ended prints what it did: it was asked for, or somebody
 * looks. */
bool reaper_prints(const struct reaper *r, enum output_format f);

/* Writes text to stdout and empties it. PROG_OK, or PROG_IO (logged). */
enum exit_code reaper_print(struct buf *text)
    __attribute__((warn_unused_result));

#endif
