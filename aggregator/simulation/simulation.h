/*
 * simulation: a day once more, with other limits: who would have got which
 * chat, and how long would they have waited? For the records that were, with
 * the reservations that are.
 *
 * What is taken as it was: who worked when, when chats came and were closed. A
 * chat that came without an operator is given by us, at once and for good,
 * whatever the CRM did then. One that had an operator when it was first seen
 * keeps theirs, and counts: those are what others did.
 */
#ifndef AGGREGATOR_SIMULATION_SIMULATION_H
#define AGGREGATOR_SIMULATION_SIMULATION_H

#include "aggregator/allocation/allocation.h"
#include "aggregator/allocation/replay_log.h"
#include "aggregator/rows/rowset.h"

struct simulation;

/* Sorts the log, which it borrows until it is freed. limit: everybody's,
 * whatever the records say, or RECORD_NO_NUMBER. Never NULL. */
struct simulation *simulation_run(const char *tenant, struct replay_log *replay,
    const struct allocation_settings *set, int64_t limit);
/* NULL is fine. */
void simulation_free(struct simulation *w);

/* Rows of the metrics, by operator; and in all. */
void simulation_operators(const struct simulation *w, struct rowset *to);
void simulation_totals(const struct simulation *w, struct rowset *to);

/* The reservations, a record each. 0 or -1, as line says. */
int simulation_assignments(const struct simulation *w,
    int (*line)(void *ctx, const char *line, size_t len), void *ctx);

const char *simulation_tenant(const struct simulation *w);
int64_t simulation_limit(const struct simulation *w);

/* For people. simulation_table.c */
void simulation_table(const struct simulation *w, struct buf *to);

#endif
