/*
 * parse: strict text to value; see parse.h.
 */
#include "common/base/parse.h"

#include <inttypes.h>
#include <string.h>
#include <unistr.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"

/* Reads the leading digits of s into *out. Returns the text after them, or NULL
 * if there is no digit or the number is too large. */
static const char *
leading_number(const char *s, uint64_t *out)
{
	uint64_t v = 0;

	if (!text_is_digit(*s))
		return NULL;
	for (; text_is_digit(*s); s++)
		if (__builtin_mul_overflow(v, 10u, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
			return NULL;
	*out = v;
	return s;
}

int
parse_int(const char *s, int64_t min, int64_t max, int64_t *out)
{
	bool negative = *s == '-';
	uint64_t u;
	int64_t v;
	const char *rest = leading_number(s + negative, &u);

	if (rest == NULL || *rest != '\0' || u > (uint64_t)INT64_MAX)
		return -1;
	v = negative ? -(int64_t)u : (int64_t)u;
	if (v < min || v > max)
		return -1;
	*out = v;
	return 0;
}

/* A unit and its factor. The largest unit comes first; units after the one with
 * factor 1 are only read, never written. */
struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit sizes[] = {
	{ "G", UINT64_C(1) << 30 },
	{ "M", UINT64_C(1) << 20 },
	{ "k", 1024 },
	{ "", 1 },
	{ "K", 1024 },
};

static const struct unit times[] = {
	{ "d", DAY_MS },
	{ "h", HOUR_MS },
	{ "m", MINUTE_MS },
	{ "s", 1000 },
	{ "ms", 1 },
	{ "", 1000 },
};

static int
with_unit(const char *s, const struct unit *units, size_t n, uint64_t *out)
{
	uint64_t v;
	const char *rest = leading_number(s, &v);
	size_t i;

	for (i = 0; rest != NULL && i < n; i++)
		if (strcmp(rest, units[i].name) == 0) {
			if (__builtin_mul_overflow(v, units[i].factor, &v) ||
			    v > (uint64_t)INT64_MAX)
				return -1;
			*out = v;
			return 0;
		}
	return -1;
}

int
parse_size(const char *s, uint64_t *out)
{
	uint64_t v;

	if (with_unit(s, sizes, ARRAY_LEN(sizes), &v) == -1 || v == 0)
		return -1;
	*out = v;
	return 0;
}

int
parse_duration(const char *s, int64_t *ms)
{
	uint64_t v;

	if (with_unit(s, times, ARRAY_LEN(times), &v) == -1)
		return -1;
	*ms = (int64_t)v;
	return 0;
}

/* Appends the number with the largest unit that divides it. */
static void
add_with_unit(struct buf *to, uint64_t n, const struct unit *u)
{
	if (n == 0) {
		buf_addc(to, '0');
		return;
	}
	while (n % u->factor != 0)
		u++;
	buf_addf(to, "%" PRIu64 "%s", n / u->factor, u->name);
}

void
parse_add_size(struct buf *to, uint64_t n)
{
	add_with_unit(to, n, sizes);
}

void
parse_add_duration(struct buf *to, int64_t ms)
{
	add_with_unit(to, (uint64_t)ms, times);
}

int
parse_bool(const char *s, bool *out)
{
	static const char *const yes[] = { "yes", "true", "on", "1" };
	static const char *const no[] = { "no", "false", "off", "0" };
	size_t i;

	for (i = 0; i < ARRAY_LEN(yes); i++) {
		if (strcmp(s, yes[i]) == 0)
			*out = true;
		else if (strcmp(s, no[i]) == 0)
			*out = false;
		else
			continue;
		return 0;
	}
	return -1;
}

static bool
is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       text_is_digit(c) || c == '_' || c == '.' || c == '-';
}

bool
parse_is_name_n(const char *s, size_t len, size_t max)
{
	size_t i;

	if (len == 0 || len > max || s[0] == '.' || s[0] == '-')
		return false;
	for (i = 0; i < len; i++)
		if (!is_name_char(s[i]))
			return false;
	return true;
}

bool
parse_is_name(const char *s, size_t max)
{
	return parse_is_name_n(s, strlen(s), max);
}

/* Returns the first byte from s on that is not ASCII, or end. */
static const char *
skip_ascii(const char *s, const char *end)
{
	const uint64_t high = UINT64_C(0x8080808080808080);
	uint64_t eight[2];

	for (; end - s >= (ptrdiff_t)sizeof eight; s += sizeof eight) {
		memcpy(eight, s, sizeof eight);
		if (((eight[0] | eight[1]) & high) != 0)
			break;
	}
	while (s < end && (unsigned char)*s < 0x80)
		s++;
	return s;
}

bool
parse_is_utf8(const char *s, size_t len)
{
	const char *end = s + len;
	const unsigned char *p;
	int n;

	while ((s = skip_ascii(s, end)) < end) {
		/* Characters of two bytes, the most frequent ones, need no
		 * call. */
		for (p = (const unsigned char *)s;
		     end - s > 1 && p[0] >= 0xC2 && p[0] <= 0xDF &&
		     (p[1] & 0xC0) == 0x80;
		     p += 2)
			s += 2;
		if (s == end || (unsigned char)*s < 0x80)
			continue;
		n = u8_mblen((const uint8_t *)s, (size_t)(end - s));
		if (n <= 0)
			return false;
		s += n;
	}
	return true;
}

size_t
parse_utf8_mark(const char *s, size_t len)
{
	return len >= 3 && memcmp(s, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
}

bool
parse_is_utf16(const char *s, size_t len)
{
	return len >= 2 &&
	       (memcmp(s, "\xFF\xFE", 2) == 0 || memcmp(s, "\xFE\xFF", 2) == 0);
}
