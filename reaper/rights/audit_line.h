/*
 * audit_line: lines of the audit of `sink --serve` (sink/access/audit.h) that
 * name a customer, by whose id a reader asked. Such a line stays, or to forget
 * a customer would erase who has read what: an alias takes the place of the id.
 */
#ifndef REAPER_RIGHTS_AUDIT_LINE_H
#define REAPER_RIGHTS_AUDIT_LINE_H

#include "common/text/flat.h"
#include "reaper/rights/subject.h"

#include <stdbool.h>

/* Whether a line that was read into f is one of the audit. */
bool audit_line_is(const struct flat *f);

/* Appends the line with the alias in the place of the customer's id. False: it
 * does not name them, and what was appended is as it was. f: has the line,
 * which is one; it is scratch afterwards. */
bool audit_line_change(struct flat *f, const struct subject *s,
    const char *line, size_t len, struct buf *to);

#endif
