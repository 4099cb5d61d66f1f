/*
 * whatif: a day once more, with other limits: who would have got which chat,
 * and how long would they have waited? For the records that were, with the
 * promises that are.
 *
 * What is taken as it was: who worked when, when chats came and were closed. A
 * chat that came without an operator is given by us, at once and for good,
 * whatever the CRM did then. One that had an operator when it was first seen
 * keeps theirs, and counts: those are what others did.
 */
#ifndef AGGREGATOR_WHATIF_H
#define AGGREGATOR_WHATIF_H

#include "aggregator/allocation.h"
#include "aggregator/notes.h"
#include "aggregator/rowset.h"

struct whatif;

/* Sorts the notes, which it borrows until it is freed. limit: everybody's,
 * whatever the records say, or RECORD_NO_NUMBER. Never NULL. */
struct whatif *whatif_run(const char *tenant, struct notes *notes,
    const struct allocation_settings *set, int64_t limit);
/* NULL is fine. */
void whatif_free(struct whatif *w);

/* Rows of the figures, by operator; and in all. */
void whatif_operators(const struct whatif *w, struct rowset *to);
void whatif_totals(const struct whatif *w, struct rowset *to);

/* The promises, a record each. 0 or -1, as line says. */
int whatif_assignments(const struct whatif *w,
    int (*line)(void *ctx, const char *line, size_t len), void *ctx);

const char *whatif_tenant(const struct whatif *w);

/* For people. whatif_table.c */
void whatif_table(const struct whatif *w, struct buf *to);

#endif
