/*
 * unsent: the keys of the rows that a tick wrote, as bytes that are committed
 * with what the rows tell. After a crash they are read back and the rows are
 * made anew: full values, so that once more does no harm.
 */
#ifndef AGGREGATOR_UNSENT_H
#define AGGREGATOR_UNSENT_H

#include "aggregator/drive.h"

/* True when there are rows to write. */
bool unsent_any(const struct drive *d);

/* Adds the keys of what changed. */
void unsent_pack(const struct drive *d, uint32_t tenant, struct buf *to);

/* Takes one tenant's keys from *p, which is moved behind them: its number, and
 * then, with its drive, what they are. -1: these are no such bytes. */
int unsent_tenant(const char **p, const char *end, uint32_t *tenant)
    __attribute__((warn_unused_result));
int unsent_mark(struct drive *d, const char **p, const char *end)
    __attribute__((warn_unused_result));

#endif
