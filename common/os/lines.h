/*
 * lines: reads lines from a descriptor through one buffer, bounded, without a
 * copy of each line, one by one or in blocks. Knows the difference between a
 * clean end and an input that was cut in the middle of a line, which matters
 * here: a poller that was killed leaves half a record behind. A byte order mark
 * before the first line is passed over.
 */
#ifndef COMMON_OS_LINES_H
#define COMMON_OS_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINES_BEFORE 64
#define LINES_BEHIND 128

enum line_status {
	LINE_OK,      /* *line and *len are set, without the newline */
	LINE_END,     /* the input ended after a whole line */
	LINE_CUT,     /* the input ended inside a line; *line holds the rest */
	LINE_TOOLONG, /* a line above the limit was skipped, and counted */
	LINE_WAIT,    /* nothing for now (the time-out passed, or stop) */
	LINE_ERROR,   /* errno says why */
};

struct lines {
	int fd;
	size_t max_line;
	char *data;
	size_t cap, start, end, scanned;
	bool begun, skipping, eof;
	uint64_t number; /* of the last line returned or skipped, from 1 */
};

/* Does not own fd. max_line in bytes, without the newline. */
void lines_init(struct lines *l, int fd, size_t max_line);
void lines_release(struct lines *l);

/* The next line; waits at most timeout_ms (-1: as long as it takes, or until
 * asked to stop). *line is borrowed until the next call, may be written to,
 * and is followed by at least 64 readable bytes. */
enum line_status lines_next(
    struct lines *l, char **line, size_t *len, int timeout_ms);

/* All whole lines that are there, each with its newline, as one block: LINE_OK
 * means a block of one line at least, LINE_CUT gives no text, all else is as
 * above. Borrowed until the next call; LINES_BEFORE bytes before it and
 * LINES_BEHIND behind are readable. Not to be mixed with lines_next(). */
enum line_status lines_block(
    struct lines *l, char **block, size_t *len, int timeout_ms);

/* How much of the text, which ends with a newline, are lines of at most
 * max_line bytes: up to the first longer one. */
size_t lines_within(const char *p, size_t len, size_t max_line);

/* How much of it are whole lines of at most so many bytes together, or the
 * first, if that is longer. */
size_t lines_of(const char *p, size_t len, size_t most);

/* How many newlines there are. */
uint64_t lines_count(const char *p, size_t len);

#endif
