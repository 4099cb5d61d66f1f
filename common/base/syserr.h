/*
 * syserr: what an error number of the system stands for: the exit code, and
 * the way out. One table for files, folders, maps, locks, threads and sockets
 * of all programs, so that the same fault ends each of them alike: what a disk
 * or a machine lacks is 74 or 75, and a unit starts the program again; only
 * what a name or a right is to blame for gets the code of who gave the name.
 *
 * Where open, write, fsync, rename, mkdir, mmap ... failed, errno untouched:
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

/* The exit code err stands for: named when whoever gave the name has to mend
 * it (PROG_NOINPUT of what is read, PROG_CANTCREATE of what is made,
 * PROG_CONFIG of what the configuration names), or when err is 0: no error of
 * the system's. */
enum exit_code syserr_code(int err, enum exit_code named);

/* What a person can do about it; never NULL. */
const char *syserr_way_out(int err);

/* Puts "WHAT: REASON; WAY OUT" of the present errno into why and returns
 * syserr_code() of it. errno is kept. */
enum exit_code syserr_explain(struct buf *why, enum exit_code named,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* LMDB answers EIO to a write that came out short, which mostly is a full
 * disk: the errno that is meant, of a file at path or of its folder. */
int syserr_written(int err, const char *path);

#endif
