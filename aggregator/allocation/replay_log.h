/*
 * replay_log: what records tell of chats, operators and limits, kept so that it
 * can be told again, to an allocation: of a snapshot when it is whole, and by
 * hand of a whole day in the order of its time. Some 120 bytes each; the texts
 * are kept once.
 */
#ifndef AGGREGATOR_ALLOCATION_REPLAY_LOG_H
#define AGGREGATOR_ALLOCATION_REPLAY_LOG_H

#include "common/containers/strmap.h"
#include "common/records/record.h"

enum note_kind {
	NOTE_RECORD,
	NOTE_BEGIN, /* of a snapshot: what is not named until */
	NOTE_END,   /* the end is gone */
};

struct note {
	int64_t when; /* it is told; within a snapshot that of its begin */
	int64_t at, opened_at, max_chats;
	const char *chat, *operator_id, *customer, *channel, *tags, *kind,
	    *assignment, *name;
	uint8_t what; /* enum note_kind */
	uint8_t type, status, from;
	bool available, has_available, quiet; /* private, automated */
};

/* A zeroed one is empty. */
struct replay_log {
	struct note *v;
	size_t n, cap;
};

void replay_log_release(struct replay_log *n);

/* What is no record of interest is passed over. snapshot_at: of the snapshot
 * it belongs to, or CLOCK_NONE. texts is a map of the caller's, which outlives
 * the notes. */
void replay_log_add(struct replay_log *n, struct strmap *texts,
    const struct record *r, int64_t snapshot_at);

/* The whole of a snapshot, moved behind the others. */
void replay_log_add_snapshot(
    struct replay_log *to, struct replay_log *snapshot, int64_t at);

/* By time; what is of the same time as it came. */
void replay_log_sort(struct replay_log *n);

/* As a record, which borrows from the note. */
void note_record(const struct note *note, struct record *r);

#endif
