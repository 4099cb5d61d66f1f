/*
 * counts_file: a file of the event counter, {"USER": COUNT, ...}, a line each
 * (aggregator/eventcounter/eventcounter_files.h). What is rewritten takes
 * the name of the old one when it is synced: killed at any time, there is the
 * old file or the new one.
 */
#ifndef REAPER_FILES_COUNTS_FILE_H
#define REAPER_FILES_COUNTS_FILE_H

#include "common/base/buf.h"
#include "common/base/prog.h"

#include <stdbool.h>

/* Whether it begins as such a file does, and none of records. */
bool counts_file_is(const char *path);

/* Whether it has the user. PROG_OK, or the code and *why: PROG_DATA, when it is
 * none in spite of its beginning. */
enum exit_code counts_file_look(const char *path, const char *user, bool *has,
    struct buf *why) __attribute__((warn_unused_result));

/* The same; puts the alias in the place of the user, where the users' order has
 * it, and adds up the counts where it is there already. PROG_TEMPFAIL: the
 * counter has written the file meanwhile. */
enum exit_code counts_file_rename(const char *path, const char *user,
    const char *alias, bool *has, struct buf *why)
    __attribute__((warn_unused_result));

#endif
