/*
 * xalloc: allocates memory or ends the process. That is safe because input is
 * acknowledged last: after a restart the program gets the same input again.
 */
#ifndef COMMON_BASE_XALLOC_H
#define COMMON_BASE_XALLOC_H

#include <stddef.h>

/* All functions return owned memory, never NULL. A size that overflows also
 * ends the process. */
void *xmalloc(size_t size)
    __attribute__((malloc, returns_nonnull, warn_unused_result));
void *xcalloc(size_t n, size_t size)
    __attribute__((malloc, returns_nonnull, warn_unused_result));
void *xrealloc(void *p, size_t n, size_t size)
    __attribute__((returns_nonnull, warn_unused_result));
char *xstrdup(const char *s)
    __attribute__((malloc, returns_nonnull, warn_unused_result));
char *xstrndup(const char *s, size_t len)
    __attribute__((malloc, returns_nonnull, warn_unused_result));
char *xasprintf(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), returns_nonnull, warn_unused_result));

/* Like qsort(), which must not get the NULL of an empty array. */
void sort_array(void *array, size_t n, size_t size,
    int (*compare)(const void *, const void *));

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Makes space for at least one more element: p is the array, n its length, cap
 * its capacity (a size_t lvalue). */
#define XGROW(p, n, cap)                                                       \
	do {                                                                   \
		if ((n) >= (cap)) {                                            \
			(cap) = (cap) ? (cap)*2 : 16;                          \
			(p) = xrealloc((p), (cap), sizeof *(p));               \
		}                                                              \
	} while (0)

#endif
