/*
 * line_file: reads a file of lines, and removes or replaces some of its lines:
 * a new file beside it is synced and then takes the name of the old one. Killed
 * at any time, there is the old file or the new one.
 *
 * The file is locked meanwhile (flock), as by those that append to it;
 * archive.c notices that it was exchanged while it waited for the lock.
 */
#ifndef REAPER_FILES_LINE_FILE_H
#define REAPER_FILES_LINE_FILE_H

#include "common/base/buf.h"
#include "common/base/prog.h"
#include "common/os/lines.h"

#include <stdbool.h>
#include <stddef.h>

/* Gets a line without its newline, with 64 readable bytes behind it. The last
 * one may be cut. */
typedef bool line_file_fn(void *ctx, const char *line, size_t len);

/* Calls see() for each line, whatever it returns. A file that is not
 * there has none. PROG_OK, or the code and *why. */
enum exit_code line_file_read(const char *path, line_file_fn *see, void *ctx,
    struct buf *why) __attribute__((warn_unused_result));

/* The same; true: the line goes, and the lines that are appended to *instead,
 * which is empty, take its place. */
typedef bool line_file_change_fn(
    void *ctx, const char *line, size_t len, struct buf *instead);

/* Changes the lines for which change(), which is asked once for each, is true.
 * Where there is none the file is left alone. PROG_TEMPFAIL and *why, and the
 * file stays, when others hold its lock, or write to it without that meanwhile.
 */
enum exit_code line_file_change(const char *path, line_file_change_fn *change,
    void *ctx, struct buf *why) __attribute__((warn_unused_result));

/* The lines of a regular file, one by one. The last one may have no newline:
 * whether it is a whole one, its reader must say. */
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
