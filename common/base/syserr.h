/*
 * syserr: the exit code and the advice for a system error. One table for files,
 * folders, maps, locks, threads and sockets, so that all programs end with the
 * same code after the same error. A lack of disk space or memory gives 74 or
 * 75, after which a systemd unit restarts the program; only a wrong name or a
 * missing permission gets the code `named`.
 *
 * After open, write, fsync, rename, mkdir, mmap ... failed, with errno intact:
 *
 *     *code = syserr_explain(why, PROG_CANTCREATE, "cannot write '%s'", path);
 *
 * puts "cannot write 'x': No space left on device; free disk space" into why.
 * If a function returns its error (pthread_create, posix_fallocate), set
 * errno = rc first.
 */
#ifndef COMMON_BASE_SYSERR_H
#define COMMON_BASE_SYSERR_H

#include "common/base/buf.h"
#include "common/base/prog.h"

/* Returns the exit code of err. It is `named` if the name must be corrected
 * (PROG_NOINPUT: a file to read, PROG_CANTCREATE: a file to create,
 * PROG_CONFIG: a file in the configuration), or if err is 0. */
enum exit_code syserr_code(int err, enum exit_code named);

/* Returns advice for a person, in a few words; never NULL. */
const char *syserr_way_out(int err);

/* Puts "WHAT: REASON; REMEDY" for the current errno into why and returns its
 * syserr_code(). errno is kept. */
enum exit_code syserr_explain(struct buf *why, enum exit_code named,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The same, logged as an error. */
enum exit_code syserr_log(enum exit_code named, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
