/*
 * jsonw: the JSON writer; see jsonw.h.
 */
#include "common/text/jsonw.h"

#include "common/base/clock.h"
#include "common/base/hex.h"

#include <stdbool.h>
#include <string.h>

void
jsonw_open(struct buf *b)
{
	buf_addc(b, '{');
}

void
jsonw_close(struct buf *b)
{
	buf_addc(b, '}');
}

void
jsonw_line(struct buf *b)
{
	buf_add(b, "}\n", 2);
}

/* A comma unless this is the first member, then the key. Keys are ours and
 * need no escape. */
static void
member(struct buf *b, const char *key)
{
	if (b->len > 0 && b->data[b->len - 1] != '{')
		buf_addc(b, ',');
	buf_addc(b, '"');
	buf_adds(b, key);
	buf_add(b, "\":", 2);
}

static void
escape(struct buf *b, unsigned char c)
{
	char u[6] = { '\\', 'u', '0', '0', 0, 0 };

	switch (c) {
	case '"':
		buf_add(b, "\\\"", 2);
		break;
	case '\\':
		buf_add(b, "\\\\", 2);
		break;
	case '\n':
		buf_add(b, "\\n", 2);
		break;
	case '\r':
		buf_add(b, "\\r", 2);
		break;
	case '\t':
		buf_add(b, "\\t", 2);
		break;
	default:
		(void)hex_write(u + 4, &c, 1);
		buf_add(b, u, 6);
	}
}

void
jsonw_quote(struct buf *b, const char *s, size_t len)
{
	size_t i, from = 0;

	buf_addc(b, '"');
	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		buf_add(b, s + from, i - from);
		escape(b, c);
		from = i + 1;
	}
	buf_add(b, s + from, len - from);
	buf_addc(b, '"');
}

void
jsonw_strn(struct buf *b, const char *key, const char *s, size_t len)
{
	member(b, key);
	jsonw_quote(b, s, len);
}

void
jsonw_str(struct buf *b, const char *key, const char *s)
{
	jsonw_strn(b, key, s, strlen(s));
}

void
jsonw_text(struct buf *b, const char *key, struct text t)
{
	if (t.p == NULL)
		jsonw_null(b, key);
	else
		jsonw_strn(b, key, t.p, t.len);
}

void
jsonw_int(struct buf *b, const char *key, int64_t n)
{
	member(b, key);
	buf_addi(b, n);
}

void
jsonw_bool(struct buf *b, const char *key, bool v)
{
	member(b, key);
	buf_adds(b, v ? "true" : "false");
}

void
jsonw_null(struct buf *b, const char *key)
{
	member(b, key);
	buf_add(b, "null", 4);
}

void
jsonw_time(struct buf *b, const char *key, int64_t ms)
{
	char text[CLOCK_TEXT];
	size_t len;

	if (ms == CLOCK_NONE) {
		jsonw_null(b, key);
		return;
	}
	len = clock_format(ms, text);
	jsonw_strn(b, key, text, len);
}

void
jsonw_seconds(struct buf *b, const char *key, int64_t ms)
{
	uint64_t u = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;
	char frac[4] = { '.', (char)('0' + u % 1000 / 100),
		(char)('0' + u % 100 / 10), (char)('0' + u % 10) };

	member(b, key);
	if (ms < 0)
		buf_addc(b, '-');
	buf_addi(b, (int64_t)(u / 1000));
	buf_add(b, frac, sizeof frac);
}

void
jsonw_raw(struct buf *b, const char *key, const char *json, size_t len)
{
	member(b, key);
	buf_add(b, json, len);
}
