/*
 * lmdb_guard: LMDB trusts the file that it maps, so a damaged or truncated page
 * can crash the process inside LMDB. While a guard is set, such a crash ends
 * the program with one line that names the file and the remedy, instead of a
 * core dump. Each thread has its own guard.
 */
#ifndef COMMON_OS_LMDB_GUARD_H
#define COMMON_OS_LMDB_GUARD_H

#include "common/base/prog.h"

#include <lmdb.h>

/* From now on a crash in this thread prints "PROGRAM: TEXT" and exits with the
 * code. The text is borrowed until lmdb_guard_end(). */
void lmdb_guard_begin(const char *text, enum exit_code code);
void lmdb_guard_end(void);

/* Failed assertions of LMDB end in the same way. */
void lmdb_guard_env(MDB_env *env);

#endif
