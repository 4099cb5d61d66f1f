/*
 * model: what the metrics know about one tenant, from a stream of records and
 * from snapshots that correct it: its operators, chats and messages, and the
 * identities of events. Each message and event counts once. Records are added
 * in any order; model_recompute() then derives everything that the metrics
 * read, and the result does not depend on that order, except that of two events
 * with one id, the first counts, that of versions without updated_at and of
 * chat records of one time, the last one counts, and that a snapshot corrects
 * only what came before. Lines that are delivered again change nothing. Metrics
 * read a recomputed model and cannot distinguish a stream from a snapshot.
 *
 * An incremental model (a daemon's) is recomputed repeatedly: only changed
 * chats are derived, the differences are listed until model_clear_changed(),
 * and messages of past episodes that are older than the window are dropped. Any
 * other model is recomputed once.
 *
 * A model has these times, in ms. The state keeps those marked +.
 *
 *   as_of +        The newest time of a record outside snapshots, or of a
 *                  snapshot itself. CLOCK_NONE: no record had a time.
 *                  model_add() and model_end_snapshot() advance it.
 *   since +        The first as_of, limited like `now`: nothing is known about
 *                  what came before. It does not change.
 *   ahead +        By how much the newest snapshot was ahead of the system
 *                  clock at its end; usually 0. model_end_snapshot() sets it.
 *   now            as_of when the metrics were last recomputed, but with
 *                  by_clock at most the system clock + ahead, and at least
 *                  since. It is the as_of of rows. model_recompute() sets it.
 *   present        The end of unfinished waits: now, or with by_clock the
 *                  system clock + ahead. model_recompute() sets it.
 *   snapshot_at    The time of the snapshot whose records are being added, from
 *                  model_begin_snapshot() to model_end_snapshot(); otherwise
 *                  CLOCK_NONE.
 *   newest_snapshot_at +
 *                  The time of the newest complete snapshot; CLOCK_NONE: none.
 *                  model_end_snapshot() sets it.
 *   known_at       The time of the last record that was added; for a message,
 *                  of its first version, with which the record must be stored,
 *                  or CLOCK_NONE if a newer version arrived earlier.
 *                  model_add() sets it, and known_revision: if that is not 0,
 *                  the record lacks updated_at, and must be stored as this
 *                  version.
 *
 * The files of this room, in the order in which to read them. Each includes
 * only headers of files above it; the headers say what each file owns.
 *
 *   what a chat is
 *     chat.h               data and invariants
 *     derive.c             how it is derived: pure, timeline in, figures out
 *   what a model is
 *     coverage.c           from when to when everything was read
 *     model_data.h         data, and what metrics call to read it
 *     model_private.c      the rest of its data, for this room alone: times,
 *                          what was delivered before, what has changed
 *   how records are kept
 *     chat_table.c         chats by id, their messages, versions and texts
 *     chat_descriptions.c  what chat records say, newest first
 *     operator_change.c    an operator, and how records change it
 *   how a chat changes
 *     chat_credits.c       the figures of operators and of the tenant
 *     drop_descriptions.c  descriptions that repeat others are dropped
 *     drop_episodes.c      messages of past episodes are dropped
 *     chat_change.c        the entry: a record of a chat, or a snapshot; one
 *                          chat, derived, credited, dropped from
 *     drop_chats.c         closed chats are dropped
 *   how it is stored
 *     model_pack.c         tables of fields: tenant, operators, chats; segments
 *                          of messages, runs of events; a customer is erased
 *   the whole model
 *     model.c              takes records in any order, derives and lists what
 *                          has changed
 *     model_standing.c     the state of a chat for an allocation
 */
#ifndef AGGREGATOR_MODEL_MODEL_H
#define AGGREGATOR_MODEL_MODEL_H

#include "aggregator/model/model_data.h"

void model_init(struct model *m, struct text tenant);
void model_release(struct model *m);

/* Returns the time to which a record outside snapshots refers: a chat without a
 * time counts from its closing if it is closed, otherwise from its opening; a
 * statement of coverage, as of its end. */
static inline int64_t
model_record_time(const struct record *r)
{
	if (r->type == RECORD_COVERAGE)
		return r->end_at;
	if (r->type != RECORD_CHAT || r->at != CLOCK_NONE)
		return r->at;
	return r->status == CHAT_CLOSED ? r->closed_at : r->opened_at;
}

/* Takes one record of the tenant. Borrowed texts are copied. */
enum model_result model_add(struct model *m, const struct record *r);

/* Correct the model with a complete snapshot of its tenant: between these
 * calls, add the snapshot's records; to an incremental model its operators and
 * chats, then its messages, but no events. A chat record decides which messages
 * belong to a past episode, whose intervals must not count a second time.
 * At the end, operators who are not in the snapshot are removed from the
 * directory. A chat that is not in the snapshot, and has no record newer than
 * it, becomes CHAT_GONE. */
void model_begin_snapshot(struct model *m, int64_t at);
void model_end_snapshot(struct model *m);

/* Derives everything that has changed. */
void model_recompute(struct model *m);

/* Empties m->changes, which the caller must have written and packed. Frees
 * chats that are gone. */
void model_clear_changed(struct model *m);

/* Lists everything as changed; call before recomputing. */
void model_list_all(struct model *m);

/* Lists the tenant and all operators with a waiting chat, because their longest
 * wait grows with time. */
void model_mark_waits(struct model *m);

/* The state of a chat from the point of view of allocation. The status differs
 * from the status in the figures: a pending chat belongs to a bot until the bot
 * hands it over, even while the customer writes, and in a chat in which only an
 * operator or a bot has written, no customer is waiting. */
struct chat_standing {
	enum chat_status status; /* CHAT_NONE: unknown */
	/* The time at which the current or last episode was opened: its
	 * reported opening, otherwise the first record that shows it open.
	 * CLOCK_NONE: unknown. */
	int64_t arrival;
	int64_t answered_at; /* when an operator wrote to the customer, or
			      * CLOCK_NONE */
	struct text channel; /* valid like a name; p NULL: unknown */
};

/* The chat must be recomputed; its messages are fetched, unless it is
 * closed. */
struct chat_standing model_standing(struct model *m, struct chat *c);

#endif
