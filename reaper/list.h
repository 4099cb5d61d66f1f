/*
 * list: which chats the CRM has to be asked about: those that left the
 * ongoing ones, and all chats of a tenant whose newest snapshot is older than
 * [reaper] stale, for then nobody knows who left.
 */
#ifndef REAPER_LIST_H
#define REAPER_LIST_H

#include "reaper/reap.h"

/* Writes them as chat records to the endpoint `to`; NULL: to stdout, in
 * r->format. Errors are logged; the exit code is returned. */
enum exit_code list_run(const struct reap *r, const char *to)
    __attribute__((warn_unused_result));

#endif
