/*
 * simulation: a day once more, with other limits: who would have been assigned
 * which chat, and how long would each have waited? It applies the day's records
 * to a model, and allocation to that as it is now.
 *
 * What is taken from the records: who worked when, when chats came and were
 * closed. A chat that came without an operator is assigned by us, at once and
 * until it ends, whatever the CRM did then; what opens it again says who has it
 * next, else it is still with that operator. One that had an operator in its
 * first record keeps them, and counts in their load.
 */
#ifndef AGGREGATOR_SIMULATION_SIMULATION_H
#define AGGREGATOR_SIMULATION_SIMULATION_H

#include "aggregator/allocation/allocation.h"
#include "aggregator/allocation/replay_log.h"
#include "aggregator/rows/rowset.h"

struct simulation;

/* Sorts the log and borrows it until simulation_free(). limit: of everybody,
 * instead of the limits in the records, or RECORD_NO_NUMBER. Never NULL; not
 * all of the day once stop_asked(). */
struct simulation *simulation_run(const char *tenant, struct replay_log *replay,
    const struct definition *definition, const struct allocation_settings *set,
    int64_t limit);
/* NULL is fine. */
void simulation_free(struct simulation *w);

/* Adds the rows of allocation_operators; of allocation_totals. */
void simulation_operators(const struct simulation *w, struct rowset *to);
void simulation_totals(const struct simulation *w, struct rowset *to);

/* Writes each assignment as a record. 0, or -1 once line() returns it. */
int simulation_assignments(const struct simulation *w,
    int (*line)(void *ctx, const char *line, size_t len), void *ctx);

const char *simulation_tenant(const struct simulation *w);
int64_t simulation_limit(const struct simulation *w);

/* Appends a table for people, of the rows of these two metrics:
 * allocation_operators and allocation_totals. */
void simulation_table(const struct simulation *w,
    const struct metric *by_operator, const struct metric *in_all,
    struct buf *to);

#endif
