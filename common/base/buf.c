/*
 * buf: the growable byte buffer; see buf.h for its rules.
 */
#include "common/base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/decimal.h"
#include "common/base/prog.h"
#include "common/base/xalloc.h"

void
buf_release(struct buf *b)
{
	free(b->data);
	b->data = NULL;
	b->len = 0;
	b->cap = 0;
	b->over = false;
}

void
buf_clear(struct buf *b)
{
	b->len = 0;
	b->over = false;
	if (b->data != NULL)
		b->data[0] = '\0';
}

void
buf_cut(struct buf *b, size_t len)
{
	b->len = len;
	if (b->data != NULL)
		b->data[len] = '\0';
}

const char *
buf_str(const struct buf *b)
{
	return b->data != NULL ? b->data : "";
}

char *
buf_take(struct buf *b)
{
	char *p = b->data != NULL ? b->data : xstrdup("");

	b->data = NULL;
	b->len = 0;
	b->cap = 0;
	b->over = false;
	return p;
}

char *
buf_room(struct buf *b, size_t n)
{
	size_t need, cap;

	if (__builtin_add_overflow(b->len, n, &need) || need == SIZE_MAX)
		prog_die(
		    PROG_SOFTWARE, "bug: a buffer exceeds the address space");
	if (b->over || (b->max != 0 && need > b->max)) {
		b->over = true;
		return NULL;
	}
	if (need + 1 > b->cap) {
		cap = b->cap < 64 ? 64 : b->cap;
		while (cap < need + 1)
			cap += cap / 2;
		b->data = xrealloc(b->data, cap, 1);
		b->cap = cap;
		b->data[b->len] = '\0'; /* in case nothing is appended */
	}
	return b->data + b->len;
}

void
buf_grown(struct buf *b, size_t n)
{
	b->len += n;
	b->data[b->len] = '\0';
}

void
buf_add(struct buf *b, const void *data, size_t len)
{
	char *to = buf_room(b, len);

	if (to == NULL)
		return;
	if (len > 0)
		memcpy(to, data, len);
	buf_grown(b, len);
}

void
buf_addc(struct buf *b, char c)
{
	if (b->max == 0 && b->len + 1 < b->cap) {
		b->data[b->len++] = c;
		b->data[b->len] = '\0';
		return;
	}
	buf_add(b, &c, 1);
}

void
buf_adds(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_addv(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	char *to;
	int len;

	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, ap);
	if (len > 0 && (to = buf_room(b, (size_t)len)) != NULL) {
		vsnprintf(to, (size_t)len + 1, fmt, again);
		buf_grown(b, (size_t)len);
	}
	va_end(again);
}

void
buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_addv(b, fmt, ap);
	va_end(ap);
}

void
buf_addi(struct buf *b, int64_t n)
{
	char digits[DECIMAL_ROOM];

	buf_add(b, digits, (size_t)(decimal_write(digits, n) - digits));
}

void
buf_setf(struct buf *b, const char *fmt, ...)
{
	struct buf text = BUF_INIT;
	va_list ap;

	if (b == NULL)
		return;
	/* Arguments may point into b itself, so format first, then replace. */
	va_start(ap, fmt);
	buf_addv(&text, fmt, ap);
	va_end(ap);
	buf_clear(b);
	buf_add(b, buf_str(&text), text.len);
	buf_release(&text);
}

int
buf_each_line(const struct buf *lines,
    int (*each)(void *ctx, const char *line, size_t len), void *ctx)
{
	const char *p = buf_str(lines), *end = p + lines->len, *nl;
	int rc = 0;

	for (; rc == 0 && p < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		rc = each(ctx, p, (size_t)(nl - p));
	}
	return rc;
}
