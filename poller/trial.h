/*
 * trial: what poller --assign --dry-run shows: a line a promise.
 */
#ifndef POLLER_TRIAL_H
#define POLLER_TRIAL_H

#include "common/out.h"
#include "common/prog.h"
#include "poller/promise.h"

struct trial {
	enum out_format format;
	struct out_table table;
	struct buf lines;
};

void trial_init(struct trial *t, enum out_format format);

/* A promise that has ended. */
void trial_add(struct trial *t, const struct promise *p);

/* On stdout. PROG_OK, or the code of what was logged. */
enum exit_code trial_show(struct trial *t);
void trial_release(struct trial *t);

#endif
