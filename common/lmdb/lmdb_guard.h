/*
 * lmdb_guard: LMDB trusts the file that it maps, so a damaged or truncated file
 * can crash it. While the guard of a thread is on, a crash (SIGSEGV, SIGBUS)
 * or a failed assertion inside LMDB ends the program with one line instead of a
 * core dump.
 *
 * The two signals have one handler in a process, which the first guard
 * installs. Outside a guard the handler restores the default action and raises
 * the signal again, so other crashes are as without it. No other file may
 * handle these signals.
 */
#ifndef COMMON_LMDB_LMDB_GUARD_H
#define COMMON_LMDB_LMDB_GUARD_H

#include "common/base/prog.h"

/* Turns the guard of this thread on. text: the line, borrowed until
 * lmdb_guard_end(). code: the exit code. */
void lmdb_guard_begin(const char *text, enum exit_code code);
void lmdb_guard_end(void);

/* Ends the program: with the line of the guard, or with that of the assertion
 * if no guard is on. */
_Noreturn void lmdb_guard_assertion(const char *assertion);

#endif
