/*
 * syserr: the exit code and the advice for an error number of the system. One
 * table for files, folders, maps, locks, threads and sockets of all programs,
 * so that the same error ends each of them in the same way. A lack of disk or
 * memory is 74 or 75, and a systemd unit starts the program again; only an
 * error of a name or a right gets the code for where the name was given.
 *
 * After open, write, fsync, rename, mkdir, mmap ... failed, with errno intact:
 *
 *	*code = syserr_explain(why, PROG_CANTCREATE, "cannot write '%s'", path);
 *
 * leaves "cannot write 'x': No space left on device; make room" in why. Where
 * a function returns its error (pthread_create, posix_fallocate), or a library
 * does (LMDB: those above 0), errno = rc comes first; but what LMDB says goes
 * through syserr_written() before.
 */
#ifndef COMMON_BASE_SYSERR_H
#define COMMON_BASE_SYSERR_H

#include "common/base/buf.h"
#include "common/base/prog.h"

/* The exit code of err. `named` is returned when the name must be corrected
 * (PROG_NOINPUT: a file to read, PROG_CANTCREATE: a file to make, PROG_CONFIG:
 * a file that the configuration names), or when err is 0. */
enum exit_code syserr_code(int err, enum exit_code named);

/* What a person can do about it, in a few words; never NULL. */
const char *syserr_way_out(int err);

/* Puts "WHAT: REASON; WAY OUT" of the present errno into why and returns
 * syserr_code() of it. errno is kept. */
enum exit_code syserr_explain(struct buf *why, enum exit_code named,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The same, logged as an error. */
enum exit_code syserr_log(enum exit_code named, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* LMDB reports EIO for a short write, whose cause mostly is a full disk.
 * Returns the errno that is meant, for the file system of path. */
int syserr_written(int err, const char *path);

#endif
