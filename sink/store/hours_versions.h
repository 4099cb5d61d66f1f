/*
 * hours_versions: the table of hours and targets that were in use, and files of
 * holidays that have disappeared since.
 */
#ifndef SINK_STORE_HOURS_VERSIONS_H
#define SINK_STORE_HOURS_VERSIONS_H

#include "common/conf/conf.h"
#include "common/db/db.h"
#include "common/hours/terms.h"

/* A hours_read_file: reads the file, or, if it cannot be read, the text of it
 * that was stored last, after a warning. ctx is a struct db. */
int hours_versions_read_file(
    void *db, const char *path, struct buf *text, struct buf *why);

/* Adds the terms of each configured tenant that are not in the table. */
enum outcome hours_versions_store(struct db *db, const struct conf *c,
    const struct terms_book *terms) __attribute__((warn_unused_result));

#endif
