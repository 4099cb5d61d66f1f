/*
 * delayed_lines: lines that are written later than they are created: late
 * messages, duplicates, receipts. A line is due after a number of written
 * messages; of lines due at the same time the older one comes first.
 */
#ifndef TESTS_LOADGEN_DELAYED_LINES_H
#define TESTS_LOADGEN_DELAYED_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct delayed_line {
	uint64_t due, seq;
	char *text; /* no newline */
	size_t len;
	bool is_message;
};

/* A zeroed struct is valid and empty. */
struct delayed_lines {
	struct delayed_line *heap;
	size_t n, cap;
	size_t messages; /* how many of them are messages */
	uint64_t seq;
};

/* Copies the line. */
void delayed_lines_add(struct delayed_lines *b, uint64_t due, const char *line,
    size_t len, bool is_message);

/* Returns the next line, borrowed until the next call; NULL when none is
 * due. */
const struct delayed_line *delayed_lines_due(
    struct delayed_lines *b, uint64_t now);

/* Removes what delayed_lines_due() gave. */
void delayed_lines_drop(struct delayed_lines *b);

void delayed_lines_release(struct delayed_lines *b);

#endif
