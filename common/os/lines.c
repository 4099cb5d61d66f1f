/*
 * lines: see lines.h.
 *
 * Invariant: data[start..end) has been read and not returned yet, and
 * data[start..scanned) has no newline. LINES_BEHIND bytes after
 * `end` are always allocated, so that readers of a line may look beyond it.
 */
#define _GNU_SOURCE /* memrchr */

#include "common/os/lines.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/os/stop.h"

#define CHUNK ((size_t)256 * 1024)
/* A buffer that grows gets this much more than it needs. The incomplete line
 * after a block is usually shorter, so the buffer seldom grows again. */
#define REST ((size_t)16 * 1024)

/* How often an unlimited wait checks whether the program should stop. */
#define SLICE_MS 500

void
lines_init(struct lines *l, int fd, size_t max_line)
{
	memset(l, 0, sizeof *l);
	l->fd = fd;
	l->max_line = max_line;
}

void
lines_release(struct lines *l)
{
	free(l->data);
	l->data = NULL;
	l->cap = 0;
	l->start = 0;
	l->end = 0;
	l->scanned = 0;
}

/* Makes space for a read: moves the rest to the front, and grows up to a line
 * of maximum length plus a chunk. */
static void
make_read_room(struct lines *l)
{
	size_t want;

	if (l->start > 0) {
		memmove(l->data, l->data + l->start, l->end - l->start);
		l->end -= l->start;
		l->scanned -= l->start;
		l->start = 0;
	}
	want = l->end + CHUNK + LINES_BEHIND;
	if (want > l->cap) {
		want += REST;
		l->data = xrealloc(l->data, want, 1);
		memset(l->data + l->cap, 0, want - l->cap);
		l->cap = want;
	}
}

/* Returns 1 if there is input, 0 on time-out or stop, -1 with errno. */
static int
wait_input(struct lines *l, int timeout_ms)
{
	int64_t end = timeout_ms < 0 ? -1 : clock_mono_ms() + timeout_ms;
	struct pollfd p = { .fd = l->fd, .events = POLLIN };
	int64_t left;
	int n;

	while (!stop_asked()) {
		left = end < 0 ? SLICE_MS : end - clock_mono_ms();
		if (left < 0)
			left = 0;
		n = poll(&p, 1, (int)(left > SLICE_MS ? SLICE_MS : left));
		if (n > 0)
			return 1;
		if (n < 0 && errno != EINTR)
			return -1;
		if (end >= 0 && clock_mono_ms() >= end)
			return 0;
	}
	return 0;
}

static enum line_status
fill_buffer(struct lines *l, int timeout_ms)
{
	ssize_t n;

	switch (wait_input(l, timeout_ms)) {
	case 0:
		return LINE_WAIT;
	case -1:
		return LINE_ERROR;
	default:
		break;
	}
	make_read_room(l);
	n = read(l->fd, l->data + l->end, l->cap - LINES_BEHIND - l->end);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? LINE_WAIT
							 : LINE_ERROR;
	if (n == 0)
		l->eof = true;
	l->end += (size_t)n;
	return LINE_OK;
}

/* Removes the line that ends at nl from the buffer. */
static enum line_status
take_one_line(struct lines *l, char *nl, char **line, size_t *len)
{
	char *from = l->data + l->start;

	l->start = (size_t)(nl - l->data) + 1;
	l->scanned = l->start;
	l->number++;
	if (l->skipping || (size_t)(nl - from) > l->max_line) {
		l->skipping = false;
		return LINE_TOOLONG;
	}
	*nl = '\0';
	*line = from;
	*len = (size_t)(nl - from);
	return LINE_OK;
}

/* Removes the complete lines that end before `to` from the buffer; if the first
 * one is too long, only that one. */
static enum line_status
take_block(struct lines *l, const char *to, char **block, size_t *len)
{
	char *from = l->data + l->start;
	size_t n = (size_t)(to - from);

	if (!l->skipping)
		n = lines_within(from, n, l->max_line);
	if (l->skipping || n == 0)
		return take_one_line(
		    l, memchr(from, '\n', l->end - l->start), block, len);
	l->start += n;
	l->scanned = l->start;
	if (!l->uncounted)
		l->number += lines_count(from, n);
	*block = from;
	*len = n;
	return LINE_OK;
}

/* Returns LINE_END, or LINE_CUT with an incomplete last line. */
static enum line_status
at_end(struct lines *l, char **line, size_t *len)
{
	if (l->start == l->end && !l->skipping)
		return LINE_END;
	l->number++;
	*line = l->data + l->start;
	*len = l->end - l->start;
	l->start = l->end;
	l->scanned = l->end;
	l->headless = l->skipping;
	l->skipping = false;
	return LINE_CUT;
}

/* Drops the line at the start of the buffer if it is already too long, so that
 * memory stays bounded. */
static void
skip_long(struct lines *l)
{
	l->scanned = l->end;
	if (l->end - l->start > l->max_line) {
		l->skipping = true;
		l->start = l->end;
	}
}

static enum line_status
next_lines(
    struct lines *l, bool block, char **text, size_t *len, int timeout_ms)
{
	enum line_status status;
	size_t n;
	char *nl;

	for (;;) {
		n = l->end - l->scanned;
		nl = NULL;
		if (n > 0)
			nl = block ? memrchr(l->data + l->scanned, '\n', n)
				   : memchr(l->data + l->scanned, '\n', n);
		if (nl != NULL && block)
			return take_block(l, nl + 1, text, len);
		if (nl != NULL)
			return take_one_line(l, nl, text, len);
		skip_long(l);
		if (l->eof)
			return at_end(l, text, len);
		status = fill_buffer(l, timeout_ms);
		if (status != LINE_OK)
			return status;
	}
}

enum line_status
lines_next(struct lines *l, char **line, size_t *len, int timeout_ms)
{
	return next_lines(l, false, line, len, timeout_ms);
}

enum line_status
lines_block(struct lines *l, char **block, size_t *len, int timeout_ms)
{
	return next_lines(l, true, block, len, timeout_ms);
}

size_t
lines_within(const char *p, size_t len, size_t max_line)
{
	const char *line = p, *end = p + len, *nl;

	if (len <= max_line + 1)
		return len;
	for (; line < end; line = nl + 1) {
		nl = memchr(line, '\n', (size_t)(end - line));
		if (nl == NULL || (size_t)(nl - line) > max_line)
			break;
	}
	return (size_t)(line - p);
}

uint64_t
lines_count(const char *p, size_t len)
{
	const char *end = p + len;
	uint64_t n = 0;

	while ((p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		n++;
		p++;
	}
	return n;
}
