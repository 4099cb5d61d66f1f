/*
 * check: the self-check of the database, `sink --check`: is the server set up
 * so that what was acknowledged stays, are the tables as they should be, are
 * our rights neither too few nor too many.
 */
#ifndef SINK_CHECK_CHECK_H
#define SINK_CHECK_CHECK_H

#include "common/conf/conf.h"
#include "common/db/db.h"
#include "common/text/out.h"

/* Prints one line an item on stdout, in a table for people what is fine as one
 * unless they want each; the schema should be that of the migrations in folder
 * dir, the thresholds of the database those of conf. PROG_OK, PROG_CONFIG when
 * something must be changed (advice alone does not count), else what the
 * database says. */
enum exit_code check_run(struct db *db, const struct conf *conf,
    const char *dir, enum out_format format, bool each);

/* What every start looks at, within a transaction: the schema's number, and
 * that commits are durable unless losses were accepted. NEVER with *why. */
enum outcome check_start(struct db *db, bool accept_loss, struct buf *why)
    __attribute__((warn_unused_result));

#endif
