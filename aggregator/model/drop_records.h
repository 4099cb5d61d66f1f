/*
 * drop_records: drops descriptions (drop_descriptions.c), and messages of past
 * episodes (drop_episodes.c), that no figure needs any more.
 */
#ifndef AGGREGATOR_MODEL_DROP_RECORDS_H
#define AGGREGATOR_MODEL_DROP_RECORDS_H

#include "aggregator/model/derive.h"
#include "aggregator/model/model_data.h"

/* Descriptions that repeat the previous one are dropped, if no further record
 * can come between the two. The first and last of equal consecutive
 * descriptions are kept. */

/* Call after a description was added to an incremental model. */
void descriptions_prune(struct model *m, struct chat *c);

/* Messages of past episodes are dropped when they are older than the window.
 * What is known of them passes through three structs:
 *
 *   collector        During a walk: the state after the last message so far
 *                    (derive.c).
 *   droppable        The collector's state at the end of the newest episode
 *                    that may be dropped (derive.h), without messages if
 *                    nothing may be dropped.
 *   dropped_history  What the chat keeps (chat.h). The next derivation starts
 *                    from it.
 *
 * Intervals are reported, and saved in the chat, before any of their messages
 * are dropped. */

/* Drops what derive_figures() has found. */
void episodes_drop(
    struct model *m, struct chat *c, const struct droppable *old);

/* True if episodes must be dropped before the description or (NULL) the records
 * of a snapshot are added, which may refer to a time before the window: the
 * result must not depend on whether a row was written meanwhile. */
bool episodes_must_be_dropped(
    const struct model *m, const struct chat *c, const struct description *d);

#endif
