/*
 * lines: reads lines from a descriptor, one by one or in blocks, through one
 * bounded buffer and without a copy of each line. It reports whether the input
 * ended after a line or inside one: a poller that was killed leaves half a
 * record behind. A byte order mark before the first line is skipped.
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
	LINE_TOOLONG, /* a line above the limit was skipped; it has a number */
	LINE_WAIT,    /* nothing yet (the time-out passed, or stop) */
	LINE_ERROR,   /* errno says why */
};

struct lines {
	int fd;
	size_t max_line;
	char *data;
	size_t cap, start, end, scanned;
	bool begun, skipping, eof;
	bool headless;   /* after LINE_CUT: of a line above the limit */
	bool uncounted;  /* may be set: the caller needs no numbers of blocks */
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
 * means a block of one line at least, LINE_CUT gives no text, the rest is as
 * above. Borrowed until the next call; LINES_BEFORE bytes before it and
 * LINES_BEHIND behind are readable. Not to be mixed with lines_next(). */
enum line_status lines_block(
    struct lines *l, char **block, size_t *len, int timeout_ms);

/* The bytes of the text, which ends with a newline, before the first line that
 * is longer than max_line. */
size_t lines_within(const char *p, size_t len, size_t max_line);

/* The bytes of the whole lines at its beginning that fit into `most` bytes; at
 * least the first line. */
size_t lines_of(const char *p, size_t len, size_t most);

/* The number of newlines. */
uint64_t lines_count(const char *p, size_t len);

#endif
