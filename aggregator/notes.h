/*
 * notes: what records tell of chats, operators and limits, kept so that it can
 * be told again, to an allocation: of a snapshot when it is whole, and by hand
 * of a whole day in the order of its time. Some 120 bytes each; the texts are
 * kept once.
 */
#ifndef AGGREGATOR_NOTES_H
#define AGGREGATOR_NOTES_H

#include "common/record.h"
#include "common/strmap.h"

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
struct notes {
	struct note *v;
	size_t n, cap;
};

void notes_release(struct notes *n);

/* What is no record of interest is passed over. snapshot_at: of the snapshot
 * it belongs to, or CLOCK_NONE. texts is a map of the caller's, which outlives
 * the notes. */
void notes_add(struct notes *n, struct strmap *texts, const struct record *r,
    int64_t snapshot_at);

/* The whole of a snapshot, moved behind the others. */
void notes_add_snapshot(struct notes *to, struct notes *snapshot, int64_t at);

/* By time; what is of the same time as it came. */
void notes_sort(struct notes *n);

/* As a record, which borrows from the note. */
void note_record(const struct note *note, struct record *r);

#endif
