/*
 * file: files and folders: read(2), write(2) and fsync(2) with what they leave
 * to their callers (short counts, interruptions, syncing the folder of a new
 * name), files that are replaced as a whole, locks between processes, and where
 * a program keeps its state. Functions return 0 unless they say otherwise, or
 * -1 with errno.
 */
#ifndef COMMON_OS_FILE_H
#define COMMON_OS_FILE_H

#include "common/base/buf.h"
#include "common/base/prog.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* open(2) of a regular file: what else has its name is not waited for, and
 * refused (ESPIPE: a pipe, EISDIR: a folder, ENXIO: a socket or, to be written,
 * a pipe that nobody reads, ENODEV: a device). mode: of a new file. Returns the
 * descriptor, or -1. */
int file_open(const char *path, int flags, mode_t mode)
    __attribute__((warn_unused_result));

/* Appends everything up to the end of fd; EFBIG when that is more than the
 * buffer's cap allows. */
int file_read_all(int fd, struct buf *b) __attribute__((warn_unused_result));

/* The same of the regular file at path; flags: further flags of open(2). */
int file_read_path(const char *path, int flags, struct buf *b)
    __attribute__((warn_unused_result));

/* 0 when path still names the open file; ENOENT when it names another one. A
 * symbolic link is followed, or is another file. */
int file_is_at(int fd, const char *path, bool follow)
    __attribute__((warn_unused_result));

/* Whether both names lead to one file or folder, which is there. A device, as
 * /dev/null, may be read and written at once. */
bool file_is_same(const char *a, const char *b);

int file_write_all(int fd, const void *data, size_t len)
    __attribute__((warn_unused_result));

/* Writes all that a new file shall have, syncs it and closes fd, in any case.
 */
int file_write_and_close(int fd, const void *data, size_t len)
    __attribute__((warn_unused_result));

/* Opens a file of lines for appending, and locks it; EWOULDBLOCK while another
 * process has it. A new file has mode 0600, and its name is synced. Removes the
 * rest of a line that a killed process left; *torn: its bytes. Only opens what
 * is not a regular file. flags: further flags of open(2). Returns the
 * descriptor, or -1. */
int file_open_lines(const char *path, int flags, size_t *torn)
    __attribute__((warn_unused_result));

/* Reads len bytes at that offset. -1 with errno; ENODATA when the
 * file to read ends before, which is not an error of the disk. */
int file_read_at(int fd, void *data, size_t len, size_t at)
    __attribute__((warn_unused_result));

/* Syncs the folder of path, so that a new or renamed file is still there after
 * a loss of power. */
int file_sync_folder_of(const char *path) __attribute__((warn_unused_result));

/* Renames a file or folder, whose content is synced, and syncs the folder of
 * its new name. Commit point: from the rename on readers see the new content;
 * when only the sync failed they do, too. */
int file_rename(const char *from, const char *to)
    __attribute__((warn_unused_result));

/* Opens the regular file for reading and closes it, to get the errno that a
 * library does not report. */
int file_readable(const char *path);

/* Replaces a file as a whole: it is written beside the old one, as PATH.new,
 * synced, renamed, and the folder synced, so that a reader sees the old content
 * or the new one, never half of one. What a killed process left under that name
 * is removed first, so that nothing piles up. One process writes it at a time.
 * mode: of a new file, as for open(2), from its first byte. Not PROG_OK: *why,
 * with the name of the file that cannot be written, and errno; no part is left.
 */
#define FILE_NEW ".new"
enum exit_code file_replace(const char *path, mode_t mode, const void *data,
    size_t len, struct buf *why) __attribute__((warn_unused_result));

/* The same for a small file of state, with a checksum in its first line, so
 * that damage is detected, and mode 0600. Writing: 0, or -1 with *why and
 * errno. Reading: 1 and the content, 0 when there is no such file, -1 with *why
 * when it is damaged or cannot be read. */
int statefile_write(const char *path, const void *data, size_t len,
    struct buf *why) __attribute__((warn_unused_result));
int statefile_read(const char *path, struct buf *content, struct buf *why)
    __attribute__((warn_unused_result));

/* A lock between processes, by flock(2) on a file; the kernel releases it when
 * the process ends, however it ends. The descriptor (>= 0) to keep open while
 * the lock is wanted; -1 with *why, and errno EWOULDBLOCK when another process
 * holds it. */
int lock_take(const char *path, struct buf *why)
    __attribute__((warn_unused_result));
void lock_release(int fd);

/* Where a program keeps its state when neither the command line nor the
 * configuration names a folder: messaging-analytics/PROGRAM in $XDG_STATE_HOME;
 * if that is not set, /var/lib/messaging-analytics/PROGRAM when
 * /var/lib/messaging-analytics belongs to this user, else
 * ~/.local/state/messaging-analytics/PROGRAM. Makes it and its parents (mode
 * 0700) if they are missing. Owned. NULL and the reason in *why if nothing can
 * be kept there. */
char *state_folder(const char *program, struct buf *why)
    __attribute__((warn_unused_result));

#endif
