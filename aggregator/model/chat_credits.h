/*
 * chat_credits: the intervals of a chat, and what the figures of operators and
 * of the tenant contain of it.
 *
 * A chat keeps the intervals that it had when it was last derived. Usually few
 * of the new ones differ: the follower learns of added and removed intervals,
 * and credited responses are added to or removed from operators and totals. The
 * names in intervals are held.
 */
#ifndef AGGREGATOR_MODEL_CHAT_CREDITS_H
#define AGGREGATOR_MODEL_CHAT_CREDITS_H

#include "aggregator/model/model_data.h"

/* Replaces the chat's intervals; reports and credits the differences. */
void credits_update(
    struct model *m, struct chat *c, const struct interval *v, size_t n);

/* Updates whether the chat is credited as open, to whom, and since when its
 * customer waits. */
void credits_update_open(struct model *m, struct chat *c);

/* Credits what is known of a chat that was read from the state. */
void credits_restore(struct model *m, struct chat *c);

/* Takes back the credits of a chat that is gone. */
void credits_withdraw(struct model *m, struct chat *c);

/* Replaces the chat's intervals without a report. */
void intervals_save(
    struct model *m, struct chat *c, const struct interval *v, size_t n);

/* Drops the first n intervals without a report; none may be credited. */
void intervals_drop(struct model *m, struct chat *c, size_t n);

/* Returns the length of the longest of the waits with these start times;
 * TALLY_NONE: there are none. */
int64_t credits_longest_wait(const struct model *m, struct order_stats *waits);

#endif
