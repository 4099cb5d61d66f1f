/*
 * records_file: whether a file is one of records, and not what somebody named
 * by mistake: a compressed archive, a sheet, a program.
 */
#ifndef REAPER_FILES_RECORDS_FILE_H
#define REAPER_FILES_RECORDS_FILE_H

#include "common/base/buf.h"
#include "common/base/prog.h"

/* PROG_OK where a line is JSON, and where there is no line or no file.
 * PROG_DATA and *why where none is, where a line has a NUL byte, and of a
 * compressed file; another code and *why when it cannot be read. */
enum exit_code records_file_check(const char *path, struct buf *why)
    __attribute__((warn_unused_result));

#endif
