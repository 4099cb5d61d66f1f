/*
 * spool_line: see spool_line.h.
 */
#include "poller/outbox/spool_line.h"

#include <inttypes.h>
#include <string.h>

#include "common/base/text.h"
#include "common/digest/checksum.h"
#include "common/digest/hex.h"

static const char FRONT[] = "{\"n\":";
static const char MIDDLE[] = ",\"sum\":\"";
static const char BEHIND[] = "\",\"record\":";

#define SUM_LEN ((size_t)16)
#define NUMBER_LEN 18 /* digits at most */

static uint64_t
sum_of(const char *digits, size_t n, const char *record, size_t len)
{
	return checksum(checksum(0, digits, n), record, len);
}

void
spool_line_put(struct buf *b, uint64_t number, const char *record, size_t len)
{
	size_t at = b->len + sizeof FRONT - 1, digits;

	buf_addf(b, "%s%" PRIu64, FRONT, number);
	digits = b->len - at;
	buf_addf(b, "%s%016" PRIx64 "%s", MIDDLE,
	    sum_of(b->data + at, digits, record, len), BEHIND);
	buf_add(b, record, len);
	buf_adds(b, "}\n");
}

/* Moves *p behind the text, if it stands there. */
static bool
skip_text(const char **p, const char *end, const char *text)
{
	size_t len = strlen(text);

	if ((size_t)(end - *p) < len || memcmp(*p, text, len) != 0)
		return false;
	*p += len;
	return true;
}

static bool
take_sum(const char **p, const char *end, uint64_t *sum)
{
	size_t i;

	*sum = 0;
	for (i = 0; i < SUM_LEN; i++, ++*p) {
		if (*p == end || hex_small_digit(**p) < 0)
			return false;
		*sum = *sum << 4 | (uint64_t)hex_small_digit(**p);
	}
	return true;
}

bool
spool_line_take(const char *line, size_t len, uint64_t *number,
    const char **record, size_t *record_len)
{
	const char *p = line, *end = line + len, *digits;
	uint64_t sum;
	size_t n;

	if (!skip_text(&p, end, FRONT))
		return false;
	*number = 0;
	for (digits = p; p < end && text_is_digit(*p); p++)
		*number = *number * 10 + (uint64_t)(*p - '0');
	n = (size_t)(p - digits);
	if (n == 0 || n > NUMBER_LEN || !skip_text(&p, end, MIDDLE) ||
	    !take_sum(&p, end, &sum) || !skip_text(&p, end, BEHIND) ||
	    p == end || end[-1] != '}')
		return false;
	*record = p;
	*record_len = (size_t)(end - p) - 1;
	return sum == sum_of(digits, n, p, *record_len);
}
