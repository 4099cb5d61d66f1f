/*
 * syserr: the exit code and the advice for a system error. One table for files,
 * folders, maps, locks, threads and sockets, so that the same error ends all
 * programs in the same way. A lack of disk or memory gives 74 or 75, after
 * which a systemd unit restarts the program; only a wrong name or missing
 * permission gets the code for the place where the name was given.
 *
 * After open, write, fsync, rename, mkdir, mmap ... failed, with errno intact:
 *
 *	*code = syserr_explain(why, PROG_CANTCREATE, "cannot write '%s'", path);
 *
 * leaves "cannot write 'x': No space left on device; free disk space" in
 * why. If a function returns its error (pthread_create, posix_fallocate), or a
 * library does (LMDB: codes above 0), set errno = rc first; pass LMDB's codes
 * through syserr_written() before.
 */
#ifndef COMMON_BASE_SYSERR_H
#define COMMON_BASE_SYSERR_H

#include "common/base/buf.h"
#include "common/base/prog.h"

/* Returns the exit code of err. It is `named` if the name must be corrected
 * (PROG_NOINPUT: a file to read, PROG_CANTCREATE: a file to make, PROG_CONFIG:
 * a file that the configuration names), or if err is 0. */
enum exit_code syserr_code(int err, enum exit_code named);

/* Returns what a person can do about it, in a few words; never NULL. */
const char *syserr_way_out(int err);

/* Puts "WHAT: REASON; WAY OUT" for the current errno into why and returns its
 * syserr_code(). errno is kept. */
enum exit_code syserr_explain(struct buf *why, enum exit_code named,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The same, logged as an error. */
enum exit_code syserr_log(enum exit_code named, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* LMDB reports EIO for a short write, whose cause is usually a full disk.
 * Returns the real errno, judged by the file system of path. */
int syserr_written(int err, const char *path);

#endif
