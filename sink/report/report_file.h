/*
 * report_file: puts a report where it is wanted: whole or not at all, and never
 * in the place of something else.
 */
#ifndef SINK_REPORT_REPORT_FILE_H
#define SINK_REPORT_REPORT_FILE_H

#include "sink/report/report.h"

/* By the suffix of the name: HTML, CSV, or REPORT_BY_NAME: by none. */
enum report_form report_form_of(const char *path);

/* PROG_OK when the path is free, or has a report of this form, which may be
 * replaced. Otherwise the code, after a message. */
enum exit_code report_file_check(const char *path, enum report_form form)
    __attribute__((warn_unused_result));

/* Writes the file beside the path, then renames it. "-": standard output. */
enum exit_code report_file_write(const char *path, const struct buf *text)
    __attribute__((warn_unused_result));

#endif
