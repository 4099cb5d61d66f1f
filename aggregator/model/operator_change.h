/*
 * operator_change: an operator, and how records change it. Operators are found
 * by their interned ids. The directory's name has priority over a name from a
 * message or from a record about the past.
 *
 * Of two records about an operator, the one with the later `at` counts; a
 * record without `at` counts as the latest. For availability, available_at
 * counts instead, if given: a list may be minutes older than a webhook's
 * report. The records of a snapshot count as of its time.
 */
#ifndef AGGREGATOR_MODEL_OPERATOR_CHANGE_H
#define AGGREGATOR_MODEL_OPERATOR_CHANGE_H

#include "aggregator/model/model_data.h"

/* Returns the operator whose id is that name, created if new. */
struct operator_info *operators_get(struct model *m, uint32_t id);

/* Takes a record of an operator. */
enum model_result operator_change(struct model *m, const struct record *r);

/* Removes the operators who are not in the snapshot from the directory. */
void operators_end_snapshot(struct model *m);

void operators_release(struct model *m);

#endif
