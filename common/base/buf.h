/*
 * buf: a growable byte buffer. It ends with a NUL once something has been
 * added, and may itself contain NUL bytes. A zeroed struct (BUF_INIT) is valid
 * and empty; it owns no memory before its first use.
 *
 * A buffer may have a cap. An append that would exceed the cap adds nothing and
 * sets `over` until buf_clear(), so callers append without checks and check
 * `over` once. `data` and `len` are read-only outside buf.c.
 */
#ifndef COMMON_BASE_BUF_H
#define COMMON_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	char *data; /* NULL only until something is added */
	size_t len;
	size_t cap;
	size_t max; /* 0: no cap */
	bool over;
};

#define BUF_INIT                                                               \
	{                                                                      \
		NULL, 0, 0, 0, false                                           \
	}

/* Frees the memory and empties the buffer; the cap stays. */
void buf_release(struct buf *b);

/* Empties the buffer but keeps the memory. */
void buf_clear(struct buf *b);

/* Shortens the content to len bytes; it must have at least that many. */
void buf_cut(struct buf *b, size_t len);

/* Returns the text, "" when empty. Borrowed until the next change. */
const char *buf_str(const struct buf *b);

/* Passes ownership of the memory to the caller (with NUL, never NULL). */
char *buf_take(struct buf *b) __attribute__((warn_unused_result));

/* Reserves space for n more bytes and returns its address; pass the number of
 * bytes written to buf_grown(). Returns NULL if the cap would be exceeded. */
char *buf_room(struct buf *b, size_t n);
void buf_grown(struct buf *b, size_t n);

void buf_add(struct buf *b, const void *data, size_t len);
void buf_addc(struct buf *b, char c);
void buf_adds(struct buf *b, const char *s);
void buf_addf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void buf_addv(struct buf *b, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
void buf_addi(struct buf *b, int64_t n);

/* Calls each() for each line, without its newline, until each() returns other
 * than 0. The lines must be complete. Returns the result of the last call. */
int buf_each_line(const struct buf *lines,
    int (*each)(void *ctx, const char *line, size_t len), void *ctx)
    __attribute__((warn_unused_result));

/* Replaces the content with formatted text; functions return their reasons this
 * way. Does nothing if b is NULL. */
void buf_setf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
