/*
 * records_file: whether a file is one of records, and not what somebody named
 * by mistake: a compressed archive, a sheet, a program.
 */
#ifndef REAPER_FILES_RECORDS_FILE_H
#define REAPER_FILES_RECORDS_FILE_H

#include "common/base/buf.h"
#include "common/base/prog.h"

#include <stdbool.h>

/* PROG_OK where a line is JSON, and where there is no file or no line, or only
 * the beginning of one. PROG_DATA and *why where none is, where a line has a
 * NUL byte, and of a compressed file; another code and *why when it cannot be
 * read. ours: the archive that the reaper itself writes, in which a power cut
 * may leave lines with NUL bytes. */
enum exit_code records_file_check(const char *path, bool ours, struct buf *why)
    __attribute__((warn_unused_result));

#endif
