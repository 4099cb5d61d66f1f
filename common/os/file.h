/*
 * file: files and folders. It handles what read(2), write(2) and fsync(2) leave
 * to callers (short counts, interruptions, syncing the folder of a new name),
 * files that are replaced as a whole, locks between processes, and the place of
 * a program's state. Unless they say otherwise, functions return 0, or -1 with
 * errno.
 */
#ifndef COMMON_OS_FILE_H
#define COMMON_OS_FILE_H

#include "common/base/buf.h"
#include "common/base/prog.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Opens a regular file like open(2). Any other file type with that name is
 * refused without waiting (ESPIPE: a pipe, EISDIR: a folder, ENXIO: a socket
 * or, for writing, a pipe without reader, ENODEV: a device). mode is for a new
 * file. Returns the descriptor, or -1. */
int file_open(const char *path, int flags, mode_t mode)
    __attribute__((warn_unused_result));

/* Appends everything up to the end of fd; EFBIG if this would exceed the
 * buffer's cap. */
int file_read_all(int fd, struct buf *b) __attribute__((warn_unused_result));

/* The same for the regular file at path. */
int file_read_path(const char *path, struct buf *b)
    __attribute__((warn_unused_result));

/* Returns 0 if path still names the open file; ENOENT if it names another one.
 * A symbolic link is followed, or counts as another file. */
int file_is_at(int fd, const char *path, bool follow)
    __attribute__((warn_unused_result));

/* Opens a regular file and locks it (flock) against other processes that do the
 * same. Waits for the lock at most wait_ms, or until asked to stop; then
 * EWOULDBLOCK. If the file is renamed or replaced meanwhile, the file that path
 * names now is opened. A new file has mode 0600. Returns the descriptor, or
 * -1. */
int file_open_locked(const char *path, int flags, int64_t wait_ms)
    __attribute__((warn_unused_result));

/* The same with a lock that several processes can hold, but none that uses
 * file_open_locked(). */
int file_open_lock_shared(const char *path, int flags, int64_t wait_ms)
    __attribute__((warn_unused_result));

/* True if both names lead to the same existing file or folder. Devices such as
 * /dev/null may be read and written at the same time, so they do not count. */
bool file_is_same(const char *a, const char *b);

int file_write_all(int fd, const void *data, size_t len)
    __attribute__((warn_unused_result));

/* Writes the content of a new file, syncs it and always closes fd. */
int file_write_and_close(int fd, const void *data, size_t len)
    __attribute__((warn_unused_result));

/* Syncs the folder of path, so that a new or renamed file survives a power
 * failure. */
int file_sync_folder_of(const char *path) __attribute__((warn_unused_result));

/* Renames a file or folder, whose content must be synced, and syncs the folder
 * of its new name. The rename is the commit point: from then on readers see the
 * new content, even if the sync failed. */
int file_rename(const char *from, const char *to)
    __attribute__((warn_unused_result));

/* Opens the regular file for reading and closes it, to get the errno that a
 * library does not report. */
int file_readable(const char *path);

/* Appends ": REASON; WHAT TO DO" for a file that could not be opened for
 * reading, with that errno. If another user may read it, that is to run the
 * command as this user. */
void file_add_cause(struct buf *to, int err, const char *path);

/* Replaces a file as a whole: writes the content to PATH.new, syncs it, renames
 * it and syncs the folder, so that readers see the old content or the new,
 * never half of one. A PATH.new that a killed process left behind is removed
 * first. Only one process may write the file at a time. mode is for a new file,
 * as in open(2); an existing one keeps its group, if the user may set it, and
 * its permissions, as far as mode includes them. If the result is not PROG_OK,
 * *why names the file that cannot be written, errno is set, and no part of it
 * remains. */
#define FILE_NEW ".new"
enum exit_code file_replace(const char *path, mode_t mode, const void *data,
    size_t len, struct buf *why) __attribute__((warn_unused_result));

/* Takes a lock between processes: an empty file. The kernel releases it at the
 * end of the process, even if it is killed. Returns the descriptor (>= 0),
 * which must stay open while the lock is needed; -1 with *why, and errno
 * EWOULDBLOCK if another process holds it. */
int lock_take(const char *path, struct buf *why)
    __attribute__((warn_unused_result));
void lock_release(int fd);

/* Returns the folder of a program's state if neither the command line nor the
 * configuration names one: messaging-analytics/PROGRAM in $XDG_STATE_HOME; if
 * that is not set, /var/lib/messaging-analytics/PROGRAM if
 * /var/lib/messaging-analytics belongs to this user, otherwise
 * ~/.local/state/messaging-analytics/PROGRAM. Makes missing folders with mode
 * 0700. Owned. Returns NULL and the reason in *why if nothing can be stored
 * there. */
char *state_folder(const char *program, struct buf *why)
    __attribute__((warn_unused_result));

/* A private file (mode 0600) to which whole lines are appended, by one process
 * at a time: it is locked by file_open_locked(). If the file was renamed or
 * removed (logrotate, reaper --forget), the next write begins a new one. An
 * incomplete line that a killed process left behind is removed when the file is
 * opened. A file that is not regular, such as a pipe, is only opened. */
struct append_file {
	const char *path;     /* borrowed */
	int flags;            /* further flags of open(2); O_NONBLOCK: a pipe
			       * without a reader is refused (ENXIO) */
	int64_t lock_wait_ms; /* how long to wait for another process */
	int fd;               /* private; -1: closed */
};

/* Returns 0, or -1 with errno: EWOULDBLOCK if another process has the lock. */
int append_file_open(struct append_file *f) __attribute__((warn_unused_result));

/* Appends complete lines; sync: they are on the disk afterwards. Returns -1
 * with errno; then the file has none of them. */
int append_file_write(struct append_file *f, const struct buf *lines, bool sync)
    __attribute__((warn_unused_result));

void append_file_close(struct append_file *f);

#endif
