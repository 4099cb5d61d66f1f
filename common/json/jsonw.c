/*
 * jsonw: the JSON writer; see jsonw.h.
 */
#include "common/json/jsonw.h"

#include "common/base/clock.h"
#include "common/base/decimal.h"
#include "common/digest/encoding.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
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

void
jsonw_open_in(struct buf *b, const char *key)
{
	jsonw_key(b, key);
	buf_addc(b, '{');
}

void
jsonw_list(struct buf *b)
{
	buf_addc(b, '[');
}

void
jsonw_list_end(struct buf *b)
{
	buf_addc(b, ']');
}

void
jsonw_next(struct buf *b)
{
	size_t n = b->len;

	if (n > 0 && b->data[n - 1] != '{' && b->data[n - 1] != '[')
		buf_addc(b, ',');
}

void
jsonw_key(struct buf *b, const char *key)
{
	jsonw_next(b);
	buf_addc(b, '"');
	buf_adds(b, key);
	buf_add(b, "\":", 2);
}

void
jsonw_name(struct buf *b, const char *key, size_t len)
{
	jsonw_next(b);
	jsonw_quote(b, key, len);
	buf_addc(b, ':');
}

static void
add_escape(struct buf *b, unsigned char c)
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

/* Returns how many bytes at s need no escape. */
static size_t
plain_length(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && (unsigned char)s[n] >= 0x20 && s[n] != '"' &&
	       s[n] != '\\')
		n++;
	return n;
}

void
jsonw_quote(struct buf *b, const char *s, size_t len)
{
	size_t n;

	buf_addc(b, '"');
	while ((n = plain_length(s, len)) < len) {
		buf_add(b, s, n);
		add_escape(b, (unsigned char)s[n]);
		s += n + 1;
		len -= n + 1;
	}
	buf_add(b, s, len);
	buf_addc(b, '"');
}

void
jsonw_real(struct buf *b, double d)
{
	char text[40];
	int precision = 15;

	do
		(void)snprintf(text, sizeof text, "%.*g", precision, d);
	while (strtod(text, NULL) != d && ++precision <= 17);
	buf_adds(b, text);
	if (strpbrk(text, ".e") == NULL)
		buf_adds(b, ".0");
}

char *
jsonw_write_time(char *to, int64_t ms)
{
	*to++ = '"';
	to += clock_format(ms, to);
	*to++ = '"';
	return to;
}

void
jsonw_strn(struct buf *b, const char *key, const char *s, size_t len)
{
	jsonw_key(b, key);
	jsonw_quote(b, s, len);
}

void
jsonw_str(struct buf *b, const char *key, const char *s)
{
	jsonw_strn(b, key, s, strlen(s));
}

void
jsonw_object_of(struct buf *b, const char *key, const char *s)
{
	jsonw_open(b);
	jsonw_str(b, key, s);
	jsonw_close(b);
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
	jsonw_key(b, key);
	buf_addi(b, n);
}

void
jsonw_bool(struct buf *b, const char *key, bool v)
{
	jsonw_key(b, key);
	buf_adds(b, v ? "true" : "false");
}

void
jsonw_null(struct buf *b, const char *key)
{
	jsonw_key(b, key);
	buf_add(b, "null", 4);
}

void
jsonw_time(struct buf *b, const char *key, int64_t ms)
{
	char text[JSONW_TIME_ROOM];

	if (ms == CLOCK_NONE) {
		jsonw_null(b, key);
		return;
	}
	jsonw_raw(b, key, text, (size_t)(jsonw_write_time(text, ms) - text));
}

void
jsonw_seconds(struct buf *b, const char *key, int64_t ms)
{
	char text[DECIMAL_ROOM];

	jsonw_raw(
	    b, key, text, (size_t)(decimal_write_thousandths(text, ms) - text));
}

void
jsonw_raw(struct buf *b, const char *key, const char *json, size_t len)
{
	jsonw_key(b, key);
	buf_add(b, json, len);
}

void
jsonw_members(struct buf *b, const char *json, size_t len)
{
	jsonw_next(b);
	buf_add(b, json, len);
}

void
jsonw_open_record(struct buf *b, const char *type, const char *tenant)
{
	jsonw_open(b);
	jsonw_str(b, "type", type);
	jsonw_str(b, "tenant", tenant);
}
