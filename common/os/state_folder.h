/*
 * state_folder: where a program keeps its state when neither the command line
 * nor the configuration names a folder.
 */
#ifndef COMMON_OS_STATE_FOLDER_H
#define COMMON_OS_STATE_FOLDER_H

#include "common/base/buf.h"

/* Returns the folder of `program`, and makes it and its parents (mode 0700) if
 * they are missing. It is messaging-analytics/PROGRAM in $XDG_STATE_HOME; if
 * that is not set, /var/lib/messaging-analytics/PROGRAM when
 * /var/lib/messaging-analytics belongs to this user, else
 * ~/.local/state/messaging-analytics/PROGRAM.
 *
 * Owned. NULL and the reason in *why if nothing can be kept there. */
char *state_folder(const char *program, struct buf *why)
    __attribute__((warn_unused_result));

#endif
