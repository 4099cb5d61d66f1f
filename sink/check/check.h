/*
 * check: the self-check of the database, `sink --check`: does the server keep
 * what is acknowledged, are the tables as declared, does our
 * user have neither too few rights nor too many.
 */
#ifndef SINK_CHECK_CHECK_H
#define SINK_CHECK_CHECK_H

#include "common/conf/conf.h"
#include "common/db/db.h"
#include "common/output/output_table.h"

/* Prints one line for each item on stdout; a table for people has one line for
 * all good items unless `each`. dir has views.sql; compares the
 * thresholds with conf. PROG_OK, PROG_CONFIG when something
 * must be changed (advice alone does not count), else the code of the
 * database's error. */
enum exit_code check_run(struct db *db, const struct conf *conf,
    const char *dir, enum output_format format, bool each);

/* The check at every start of who stores, within a transaction: commits are
 * durable unless accept_loss. NEVER with *why. */
enum outcome check_start(struct db *db, bool accept_loss, struct buf *why)
    __attribute__((warn_unused_result));

#endif
