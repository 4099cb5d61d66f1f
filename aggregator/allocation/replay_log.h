/*
 * replay_log: records of chats, operators and limits, kept so that they can be
 * applied to an allocation later: those of a snapshot once it is whole, and in
 * a one-shot run those of a whole day in the order of their times. Some 130
 * bytes each; equal texts are stored once.
 */
#ifndef AGGREGATOR_ALLOCATION_REPLAY_LOG_H
#define AGGREGATOR_ALLOCATION_REPLAY_LOG_H

#include "common/containers/strmap.h"
#include "common/records/record.h"

enum replay_kind {
	REPLAY_RECORD,
	REPLAY_SNAPSHOT_BEGIN, /* what is not named from here */
	REPLAY_SNAPSHOT_END,   /* to there is removed */
};

struct replay_entry {
	int64_t
	    when; /* when it is applied; of a snapshot's record: its begin */
	int64_t at, opened_at, available_at, max_chats;
	size_t order; /* private: of entries of one time */
	const char *chat, *operator_id, *customer, *channel, *tags, *kind,
	    *assignment, *name, *id;
	uint8_t what; /* enum replay_kind */
	uint8_t type, status, from;
	bool available, has_available, quiet; /* private, automated */
	bool stale;
};

/* A zeroed one is empty. */
struct replay_log {
	struct replay_entry *v;
	size_t n, cap;
};

void replay_log_release(struct replay_log *n);

/* Appends a record; one that is of no interest to an allocation is ignored.
 * snapshot_at: the begin of the snapshot it belongs to, or CLOCK_NONE. texts is
 * the caller's map of strings, which must outlive the log. */
void replay_log_add(struct replay_log *n, struct strmap *texts,
    const struct record *r, int64_t snapshot_at);

/* Moves the records of a whole snapshot to the end of the log. */
void replay_log_add_snapshot(
    struct replay_log *to, struct replay_log *snapshot, int64_t at);

/* Sorts by time; entries of the same time keep their order. */
void replay_log_sort(struct replay_log *n);

/* Makes *r from an entry, and borrows from it. */
void replay_entry_record(const struct replay_entry *e, struct record *r);

#endif
