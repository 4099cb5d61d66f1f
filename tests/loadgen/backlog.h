/*
 * backlog: lines that are written later than they were made: latecomers,
 * duplicates, receipts. Each is due when so many messages have been written;
 * of those that are due at the same time the older goes first.
 */
#ifndef TESTS_LOADGEN_BACKLOG_H
#define TESTS_LOADGEN_BACKLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct backlog_line {
	uint64_t due, seq;
	char *text; /* no newline */
	size_t len;
	bool is_message;
};

/* A zeroed struct is valid and empty. */
struct backlog {
	struct backlog_line *heap;
	size_t n, cap;
	size_t messages; /* how many of them are messages */
	uint64_t seq;
};

/* Copies the line. */
void backlog_add(struct backlog *b, uint64_t due, const char *line, size_t len,
    bool is_message);

/* The next one, or NULL when none is due; borrowed until the next call. */
const struct backlog_line *backlog_due(struct backlog *b, uint64_t now);

/* Removes what backlog_due() gave. */
void backlog_drop(struct backlog *b);

void backlog_release(struct backlog *b);

#endif
