/*
 * modes: the struct that the options of reaper fill, and code that its modes
 * share. Each mode is in a file with its name.
 */
#ifndef REAPER_MODES_H
#define REAPER_MODES_H

#include "common/base/buf.h"
#include "common/conf/conf.h"
#include "common/db/db.h"
#include "common/options/option_table.h"
#include "common/os/file.h"
#include "common/output/output_table.h"

#include <stdbool.h>

/* Maximum number of values of an option that may be repeated. */
enum { REAPER_PATHS = 32 };

struct reaper_paths {
	const char *path[REAPER_PATHS];
	size_t n;
};

struct reaper {
	struct option_common common; /* must be first, see option_table.h */
	const char *from, *to, *archive, *purge, *retention;
	const char *forget, *export, *tenant;
	struct reaper_paths files, states;
	enum output_format format; /* OUTPUT_AUTO: print only on a terminal */
	bool force, dry_run;
	struct db *db; /* set by reaper_with_db() */
};

/* An option that several modes share. */
#define REAPER_DRY_RUN                                                         \
	OPTION_FLAG("dry-run", struct reaper, dry_run,                         \
	    "show what would be deleted; delete nothing")

/* Checks whether the option's value may be the name of a tenant: returns -1, or
 * the exit code after a message. The database would take "acme " for "acme". */
int reaper_check_tenant(const char *option, const char *name)
    __attribute__((warn_unused_result));

/* Opens the configured database, calls work() unless only the configuration is
 * checked, and closes it. */
enum exit_code reaper_with_db(
    struct reaper *r, enum exit_code (*work)(const struct reaper *r));

/* Logs why not all rows were read or deleted; `o` is not DONE. Returns the exit
 * code, 75 if a signal stopped the run. */
enum exit_code reaper_log_failure(const struct db *db, enum outcome o);

/* Opens the configured archive, to which deleted rows are written first, as row
 * records. It has no path if there is none, and in a dry run. Errors are
 * logged.
 *
 * Rows are synced to disk before the transaction that deletes them commits.
 * After a crash, a row may therefore be in the file and in the table, or twice
 * in the file, but never in neither. */
enum exit_code reaper_open_archive(const struct reaper *r,
    struct append_file *a) __attribute__((warn_unused_result));

/* Writes text to stdout and empties it. PROG_OK, or PROG_IO (logged). */
enum exit_code reaper_print(struct buf *text)
    __attribute__((warn_unused_result));

/* A mode's results: for each table, file or tenant, a line with its name and
 * some numbers. Lines that are not printed are logged, unless all numbers are
 * 0. */
struct counts {
	const char *type;   /* in each NDJSON record */
	const char *tenant; /* in each NDJSON record; NULL: none */
	const struct output_column *columns; /* the name, then the numbers */
	size_t columns_n;

	bool prints; /* as requested, in a dry run, and on a terminal */

	/* private */
	enum output_format format;
	struct buf records;
};

void counts_init(struct counts *c, const struct reaper *r, const char *type,
    const char *tenant, const struct output_column *columns, size_t n);
void counts_add(struct counts *c, const char *name, const uint64_t *numbers);

/* Prints the lines, unless they were logged. */
enum exit_code counts_print(struct counts *c)
    __attribute__((warn_unused_result));
void counts_release(struct counts *c);

/* reap.c: reads chat records, deletes closed chats, then deletes what is too
 * old to be kept, and shows a summary. */
extern const struct option_mode reaper_mode_reap;

/* chats_to_ask.c: --list, the chats about which the CRM must be asked: those
 * that have left the snapshot, and all chats of a tenant whose newest snapshot
 * is older than [reaper] stale, because it is then unknown which ones have
 * left. poller --status asks (poller/modes/status.c). */
extern const struct option_mode reaper_mode_list;

/* purge.c: --purge deletes all data of a tenant that has left the service: it
 * marks the tenant as removed, so that sinks refuse rows that still arrive,
 * deletes its rows in small transactions, and shows how many it deleted from
 * each table. If it is killed, run it again. A dry run only counts. */
extern const struct option_mode reaper_mode_purge;

/* age.c: --retention deletes history by age. */
extern const struct option_mode reaper_mode_retention;

/* Deletes tombstones older than [reaper] tombstones, and history older than
 * [reaper] retention, if that is set. Errors are logged; returns the exit
 * code. */
enum exit_code age_expire(const struct reaper *r)
    __attribute__((warn_unused_result));

#endif
