/*
 * pack: see pack.h. A bad reader is moved to its end, so that it reads nothing
 * more.
 */
#include "common/containers/pack.h"

#include <string.h>

#include "common/base/xalloc.h"

#define NUMBER_MAX 10 /* in bytes */

void
pack_put_number(struct buf *b, uint64_t n)
{
	char *to;
	size_t len = 0;

	if (n < 128) {
		buf_addc(b, (char)n);
		return;
	}
	to = buf_room(b, NUMBER_MAX);
	if (to == NULL)
		return;
	for (; n > 127; n >>= 7)
		to[len++] = (char)(n | 128);
	to[len++] = (char)n;
	buf_grown(b, len);
}

void
pack_put_signed(struct buf *b, int64_t n)
{
	pack_put_number(b, ((uint64_t)n << 1 ^ (n < 0 ? UINT64_MAX : 0)) + 1);
}

void
pack_put_fixed(struct buf *b, uint64_t n)
{
	char text[8];
	size_t i;

	for (i = 0; i < 8; i++, n >>= 8)
		text[i] = (char)(n & 255);
	buf_add(b, text, 8);
}

void
pack_put_text(struct buf *b, struct text t)
{
	pack_put_number(b, t.p != NULL ? t.len + 1 : 0);
	if (t.len > 0)
		buf_add(b, t.p, t.len);
}

static void
set_bad(struct pack *r)
{
	r->bad = true;
	r->p = r->end;
}

uint64_t
pack_long_number(struct pack *r)
{
	uint64_t n = 0, bits;
	unsigned shift;

	for (shift = 0; r->p < r->end && shift < 64; shift += 7) {
		bits = *r->p & 127u;
		if (shift == 63 && bits > 1)
			break;
		n |= bits << shift;
		if (*r->p++ < 128)
			return n;
	}
	set_bad(r);
	return 0;
}

int64_t
pack_signed(struct pack *r)
{
	uint64_t n = pack_number(r) - 1;

	return r->bad ? 0 : (int64_t)(n >> 1 ^ (0 - (n & 1)));
}

uint64_t
pack_fixed(struct pack *r)
{
	uint64_t n = 0;
	size_t i;

	if (r->end - r->p < 8) {
		set_bad(r);
		return 0;
	}
	for (i = 8; i > 0; i--)
		n = n << 8 | r->p[i - 1];
	r->p += 8;
	return n;
}

struct text
pack_text(struct pack *r)
{
	uint64_t len = pack_number(r);
	struct text t = { NULL, 0 };

	if (len == 0)
		return t;
	len--;
	if (len > (uint64_t)(r->end - r->p)) {
		set_bad(r);
		return t;
	}
	t.p = (const char *)r->p;
	t.len = len;
	r->p += len;
	return t;
}

uint64_t
pack_count(struct pack *r, size_t least)
{
	uint64_t n = pack_number(r);

	if (n <= (uint64_t)(r->end - r->p) / least)
		return n;
	set_bad(r);
	return 0;
}

struct pack
pack_open(const void *p, size_t len, unsigned layout)
{
	struct pack r = pack_open_bare(p, len);

	if (pack_number(&r) != layout)
		set_bad(&r);
	return r;
}

int
pack_end(const struct pack *r)
{
	return r->bad || r->p != r->end ? -1 : 0;
}

void
code_number(struct pack *k, uint64_t *n)
{
	if (pack_reads(k))
		*n = pack_number(k);
	else
		pack_put_number(k->to, *n);
}

void
code_signed(struct pack *k, int64_t *n)
{
	if (pack_reads(k))
		*n = pack_signed(k);
	else
		pack_put_signed(k->to, *n);
}

void
code_limited(struct pack *k, uint32_t *n, uint32_t max)
{
	uint64_t number = pack_reads(k) ? 0 : *n;

	code_number(k, &number);
	if (number > max)
		set_bad(k);
	*n = k->bad ? 0 : (uint32_t)number;
}

void
code_flag(struct pack *k, bool *flag)
{
	uint32_t n = !pack_reads(k) && *flag;

	code_limited(k, &n, 1);
	*flag = n != 0;
}

void
code_text(struct pack *k, struct text *t)
{
	if (pack_reads(k))
		*t = pack_text(k);
	else
		pack_put_text(k->to, *t);
}

void
code_string(struct pack *k, char **s)
{
	struct text t = { *s, 0 };

	if (!pack_reads(k) && t.p != NULL)
		t.len = strlen(t.p);
	code_text(k, &t);
	if (pack_reads(k))
		*s = xstrndup(t.p != NULL ? t.p : "", t.len);
}
