/*
 * file_replace: a file that is replaced as a whole. It is written beside the
 * old one, as PATH.PID.new, synced, renamed, and the folder synced: a reader
 * sees the old content or the new one, never half of one. What a killed process
 * left under that name is removed first: in a container each may have the same
 * id.
 *
 * For state, which must show damage: statefile.h.
 */
#ifndef COMMON_OS_FILE_REPLACE_H
#define COMMON_OS_FILE_REPLACE_H

#include <stddef.h>
#include <sys/types.h>

#include "common/base/buf.h"
#include "common/base/prog.h"

/* mode: of a new file, as for open(2), from its first byte. Not PROG_OK: *why,
 * with the name of the file that cannot be written, and no part is left. */
enum exit_code file_replace(const char *path, mode_t mode, const void *data,
    size_t len, struct buf *why) __attribute__((warn_unused_result));

#endif
