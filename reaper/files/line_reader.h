/*
 * line_reader: reads a regular file line by line. The last line may have no
 * newline: whether it is a whole one, its reader must say.
 */
#ifndef REAPER_FILES_LINE_READER_H
#define REAPER_FILES_LINE_READER_H

#include "common/base/buf.h"
#include "common/base/prog.h"
#include "common/os/lines.h"

#include <stdbool.h>
#include <stddef.h>

struct line_reader {
	/* Of the current line, without its newline; 64 bytes behind it are
	 * readable. */
	char *line;
	size_t len;
	bool unended; /* the file ends in it, without a newline */

	enum exit_code code; /* after the last line: PROG_OK, or an error's */

	/* private */
	const char *path;
	struct lines lines;
};

/* Opens a regular file; a symbolic link is refused. -1 with errno, EINVAL: it
 * is something else. */
int line_reader_open(const char *path) __attribute__((warn_unused_result));

/* Why it could not be opened, by errno. */
enum exit_code line_reader_explain_open(const char *path, struct buf *why);

/* Borrows path; reads from where fd is, and does not close it. */
void line_reader_init(struct line_reader *r, int fd, const char *path);
void line_reader_release(struct line_reader *r);

/* The next line; false at the end, and after an error with *why. */
bool line_reader_next(struct line_reader *r, struct buf *why)
    __attribute__((warn_unused_result));

#endif
