/*
 * random: the one source of what nobody can guess: seeds of tables, ids, keys.
 * Where the system has none, the process ends with 75 after one line: a guess
 * in its place would let others make keys collide, or foresee an id.
 */
#ifndef COMMON_BASE_RANDOM_H
#define COMMON_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void random_fill(void *to, size_t len);
uint32_t random_32(void);
uint64_t random_64(void);

#endif
