/*
 * lmdb_guard: LMDB trusts the file that it maps. A page that is damaged, or cut
 * off by somebody, can crash the process inside LMDB. While a guard is set,
 * such a crash ends the program with one line, which names the file and the way
 * out, instead of a core dump. Each thread has a guard of its own.
 */
#ifndef COMMON_OS_LMDB_GUARD_H
#define COMMON_OS_LMDB_GUARD_H

#include "common/base/prog.h"

#include <lmdb.h>

/* From now on a crash in this thread prints "PROGRAM: TEXT" and exits with the
 * code. The text is borrowed until lmdb_guard_end(). */
void lmdb_guard_begin(const char *text, enum exit_code code);
void lmdb_guard_end(void);

/* Lets failed assertions of LMDB end in the same way. */
void lmdb_guard_env(MDB_env *env);

#endif
