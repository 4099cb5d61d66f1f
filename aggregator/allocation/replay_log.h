/*
 * replay_log: the lines of chats, messages, operators and limits of a day, kept
 * so that a simulation can apply them in the order of their times.
 */
#ifndef AGGREGATOR_ALLOCATION_REPLAY_LOG_H
#define AGGREGATOR_ALLOCATION_REPLAY_LOG_H

#include "common/records/record.h"
#include "common/text/flat.h"

enum replay_kind {
	REPLAY_RECORD,
	REPLAY_SNAPSHOT_BEGIN, /* what is not named from here */
	REPLAY_SNAPSHOT_END,   /* to there is removed */
};

struct replay_entry {
	int64_t
	    when; /* when it is applied; of a snapshot's record: its begin */
	int64_t at, available_at; /* which the line may lack */
	size_t line, len;         /* where it is in the log's lines */
	size_t order;             /* private: of entries of one time */
	enum replay_kind what;
};

/* A zeroed one is empty. */
struct replay_log {
	struct replay_entry *v;
	size_t n, cap;
	struct buf lines;
	struct flat flat; /* of the entry that was read last */
};

void replay_log_release(struct replay_log *n);

/* Appends a record and its line; one that is of no interest to an allocation is
 * ignored. snapshot_at: the begin of the snapshot it belongs to, or CLOCK_NONE.
 */
void replay_log_add(struct replay_log *n, const struct record *r,
    const char *line, size_t len, int64_t snapshot_at);

/* Moves the records of a whole snapshot to the end of the log. */
void replay_log_add_snapshot(
    struct replay_log *to, struct replay_log *snapshot, int64_t at);

/* Once all are added: sorts by time; entries of the same time keep their order.
 */
void replay_log_sort(struct replay_log *n);

/* Makes *r from an entry of a record; borrowed until the next call. */
void replay_log_read(
    struct replay_log *n, const struct replay_entry *e, struct record *r);

#endif
