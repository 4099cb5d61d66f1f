/*
 * covered: what the poller states about the coverage of a tenant, in the record
 * of type coverage in each snapshot (aggregator/model/coverage.h has the whole
 * picture). A snapshot covers the time since the last confirmed one: it has
 * what happened in every chat that is open or has left the list. Chats that
 * opened and closed between two polls are not seen, so a longer pause, of more
 * than three intervals, is a gap, except if the list has all chats that changed
 * since the last list.
 *
 * The state keeps the time of the last confirmed snapshot and the gap that is
 * not filled yet; backfill_fill_gap() fills it after later polls.
 */
#ifndef POLLER_CHATS_COVERED_H
#define POLLER_CHATS_COVERED_H

#include "poller/chats/emit.h"
#include "poller/crm/crm_session.h"

#include <stdbool.h>
#include <stdint.h>

/* Adds the statements to a snapshot as of that time. complete: the list has all
 * changes since the last one. Does nothing without a state, with which no poll
 * knows the one before. */
void covered_state(
    struct crm_session *crm, struct emit *e, int64_t as_of, bool complete);

/* Name of a number in the store: the time of the last confirmed snapshot. */
#define COVERED_UNTIL "covered"
/* Names of numbers: the gap between two snapshots that must be filled; both 0:
 * none. */
#define COVERED_GAP_BEGIN "gap_begin"
#define COVERED_GAP_END "gap_end"
/* Of the conversations to read for it, those whose last message is earlier have
 * been read, except for so many that could not be. */
#define COVERED_GAP_PLACE "gap_place"
#define COVERED_GAP_UNREAD "gap_unread"

/* Removes the note of the gap, with the next commit. */
void covered_end_gap(struct store *s);

/* Appends the members of a statement. */
void covered_members(struct buf *to, const char *kind, const char *source,
    int64_t begin, int64_t end);

#endif
