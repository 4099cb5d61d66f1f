/*
 * random: unpredictable numbers from the kernel (getrandom(2)) for seeds of
 * hash tables, ids and keys. If the system provides none, the process ends with
 * 75 and one line: with predictable numbers, others could make keys collide or
 * guess an id.
 */
#ifndef COMMON_DIGEST_RANDOM_H
#define COMMON_DIGEST_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void random_fill(void *to, size_t len);
uint32_t random_32(void);
uint64_t random_64(void);

#endif
