/*
 * eventcounter_files: writes the counts as files, DIR/created.json and so on,
 * one for each type that occurred: {"USER": COUNT, ...}, indented by two
 * blanks, users in the order of their bytes, no newline at the end. A file is
 * replaced as a whole, so a reader sees the old one or the new one.
 */
#ifndef AGGREGATOR_EVENTCOUNTER_EVENTCOUNTER_FILES_H
#define AGGREGATOR_EVENTCOUNTER_EVENTCOUNTER_FILES_H

#include "common/base/buf.h"

#include "aggregator/model/model.h"

/* Creates the folder if it is missing, and checks that it is writable. 0, or -1
 * with errno and *why. */
int files_check(const char *dir, struct buf *why)
    __attribute__((warn_unused_result));

/* 0, or -1 with errno and *why. */
int files_write(const char *dir, const struct model *m, struct buf *why)
    __attribute__((warn_unused_result));

/* Removes what runs that were killed had begun to write there. */
void files_clear(const char *dir);

#endif
