/*
 * forgetting: changes a table as personal_tables.h says, day by day.
 */
#ifndef REAPER_RIGHTS_FORGETTING_H
#define REAPER_RIGHTS_FORGETTING_H

#include "reaper/rights/personal_tables.h"

#include <stdint.h>

/* Changes the rows of p's table that are about the customer; dry_run: only
 * counts them. *rows: how many. */
enum outcome forgetting_run(struct subject *s, const struct personal_table *p,
    bool dry_run, uint64_t *rows) __attribute__((warn_unused_result));

#endif
