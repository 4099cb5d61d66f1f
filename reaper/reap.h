/*
 * reap: one run of the reaper over its input: stage, what was held back,
 * ageing, summary.
 */
#ifndef REAPER_REAP_H
#define REAPER_REAP_H

#include "common/conf.h"
#include "common/db.h"
#include "common/out.h"
#include "common/prog.h"
#include "reaper/archive.h"

#include <stdbool.h>

struct reap {
	const struct conf *conf;
	struct db *db;
	const char *from;
	enum out_format format; /* OUT_AUTO: nothing unless on a terminal */
	bool force, dry_run, until_empty;
};

/* Errors are logged; the exit code is returned. */
enum exit_code reap_run(const struct reap *r)
    __attribute__((warn_unused_result));

/* The archive that is wanted, if any: *a stays NULL without one, and in a dry
 * run. Errors are logged. */
enum exit_code reap_open_archive(const struct reap *r, struct archive **a)
    __attribute__((warn_unused_result));

/* Writes to stdout and empties. PROG_OK, or PROG_IO (logged). */
enum exit_code reap_print(struct buf *text) __attribute__((warn_unused_result));

#endif
