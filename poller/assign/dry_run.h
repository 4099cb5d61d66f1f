/*
 * dry_run: the output of poller --assign --dry-run, one line a reservation, as
 * a table or as NDJSON.
 */
#ifndef POLLER_ASSIGN_DRY_RUN_H
#define POLLER_ASSIGN_DRY_RUN_H

#include "common/base/prog.h"
#include "common/output/output_table.h"
#include "poller/assign/reservation.h"

struct dry_run {
	enum output_format format;
	struct output_table table;
	struct buf lines;
};

void dry_run_init(struct dry_run *d, enum output_format format);

/* Adds the line of a reservation that has ended. */
void dry_run_add(struct dry_run *d, const struct reservation *r);

/* Writes all lines to stdout. PROG_OK, or the exit code of the error that was
 * logged. */
enum exit_code dry_run_show(struct dry_run *d);
void dry_run_release(struct dry_run *d);

#endif
