/*
 * dry_run: what poller --assign --dry-run shows: a line a reservation.
 */
#ifndef POLLER_ASSIGN_DRY_RUN_H
#define POLLER_ASSIGN_DRY_RUN_H

#include "common/base/prog.h"
#include "common/text/out.h"
#include "poller/assign/reservation.h"

struct dry_run {
	enum out_format format;
	struct out_table table;
	struct buf lines;
};

void dry_run_init(struct dry_run *d, enum out_format format);

/* A reservation that has ended. */
void dry_run_add(struct dry_run *d, const struct reservation *r);

/* On stdout. PROG_OK, or the code of what was logged. */
enum exit_code dry_run_show(struct dry_run *d);
void dry_run_release(struct dry_run *d);

#endif
