/*
 * cut_line: reads what is whole of a line that is cut, or broken in another
 * way: the members before that place.
 */
#ifndef REAPER_FILES_CUT_LINE_H
#define REAPER_FILES_CUT_LINE_H

#include "common/text/flat.h"

#include <stdbool.h>
#include <stddef.h>

/* As flat_parse(). Where that fails it reads the members that are whole, which
 * are copied to *members, and sets *broken. False: there are none. The 64 bytes
 * behind the line must be readable. */
bool cut_line_parse(struct flat *f, const char *line, size_t len,
    struct buf *members, bool *broken) __attribute__((warn_unused_result));

#endif
