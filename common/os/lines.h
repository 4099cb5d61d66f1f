/*
 * lines: reads lines from a descriptor, one by one or in blocks, through one
 * bounded buffer and without copying each line. It reports whether the input
 * ended after a line or inside one, because a killed poller leaves half a
 * record.
 */
#ifndef COMMON_OS_LINES_H
#define COMMON_OS_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Readable bytes after a block of lines, for readers that compare more bytes
 * than a text has. */
#define LINES_BEHIND 64

enum line_status {
	LINE_OK,      /* *line and *len are set, without the newline */
	LINE_END,     /* the input ended after a complete line */
	LINE_CUT,     /* the input ended inside a line; *line has the rest */
	LINE_TOOLONG, /* a line above the limit was skipped; it has a number,
		       * too */
	LINE_WAIT,    /* nothing yet (time-out or stop) */
	LINE_ERROR,   /* errno has the reason */
};

struct lines {
	int fd;
	size_t max_line;
	char *data;
	size_t cap, start, end, scanned;
	bool skipping, eof;
	bool headless;   /* after LINE_CUT: the line is above the limit */
	bool uncounted;  /* set by callers that need no line numbers for
			  * blocks */
	uint64_t number; /* number of the last line returned or skipped, from
			  * 1 */
};

/* Does not own fd. max_line is in bytes, without the newline. */
void lines_init(struct lines *l, int fd, size_t max_line);
void lines_release(struct lines *l);

/* Returns the next line; waits at most timeout_ms (-1: without limit, until
 * asked to stop). *line is borrowed until the next call, may be written to, and
 * is followed by at least 64 readable bytes. */
enum line_status lines_next(
    struct lines *l, char **line, size_t *len, int timeout_ms);

/* Returns all complete lines available, each with its newline, as one block.
 * LINE_OK means at least one line, LINE_CUT gives no text; otherwise as above.
 * Borrowed until the next call; LINES_BEHIND bytes after it are readable. Must
 * not be mixed with lines_next(). */
enum line_status lines_block(
    struct lines *l, char **block, size_t *len, int timeout_ms);

/* Returns how many bytes precede the first line longer than max_line. The text
 * must end with a newline. */
size_t lines_within(const char *p, size_t len, size_t max_line);

/* Returns the number of newlines. */
uint64_t lines_count(const char *p, size_t len);

#endif
