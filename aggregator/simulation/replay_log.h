/*
 * replay_log: the lines of chats, messages, operators and limits of a day, kept
 * so that a simulation can apply them in order of time.
 */
#ifndef AGGREGATOR_SIMULATION_REPLAY_LOG_H
#define AGGREGATOR_SIMULATION_REPLAY_LOG_H

#include "common/records/record.h"
#include "common/text/json_text.h"

enum replay_kind {
	REPLAY_RECORD,
	REPLAY_SNAPSHOT_BEGIN, /* the text from here ... */
	REPLAY_SNAPSHOT_END,   /* ... to there is removed */
};

struct replay_entry {
	int64_t when; /* when it is applied; for a record of a snapshot, its
		       * begin */
	int64_t at, available_at; /* times that the line may lack */
	size_t line, len;         /* its place in the log's lines */
	size_t order;             /* private: order of entries with the same
				   * time */
	enum replay_kind what;
};

/* A zeroed struct is empty. */
struct replay_log {
	struct replay_entry *v;
	size_t n, cap;
	struct buf lines;
	struct flat flat; /* fields of the last entry read */
};

void replay_log_release(struct replay_log *n);

/* Appends a record and its line, unless an allocation does not need it.
 * snapshot_at: the begin of its snapshot, or CLOCK_NONE. */
void replay_log_add(struct replay_log *n, const struct record *r,
    const char *line, size_t len, int64_t snapshot_at);

/* Appends the begin or the end of a complete snapshot. */
void replay_log_mark(struct replay_log *n, enum replay_kind what, int64_t at);

/* Call after the last record: sorts by time; entries with the same time keep
 * their order. */
void replay_log_sort(struct replay_log *n);

/* Reads the record of an entry into *r; borrowed until the next call. */
void replay_log_read(
    struct replay_log *n, const struct replay_entry *e, struct record *r);

#endif
