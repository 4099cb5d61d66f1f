/*
 * question_parameters: what a request asks for: the ids in its path, and the
 * parameters of its query, as times, zones, numbers and flags; see question.h.
 */
#include "sink/api/question.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/parse.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/calendar/calendar.h"
#include "common/digest/encoding.h"
#include "common/http/path_pattern.h"

/* False: not percent-encoded right, or too long, or no text. */
static bool
decode_part(const char *p, size_t len, char *to, size_t room)
{
	char *text = percent_decode(p, len);
	size_t n = text != NULL ? strlen(text) : 0;
	bool good = n > 0 && n < room && parse_is_utf8(text, n);

	if (good)
		memcpy(to, text, n + 1);
	free(text);
	return good;
}

static bool
take_id(struct question *q, const char *part, size_t len,
    char id[RECORD_MAX_ID + 1])
{
	if (!decode_part(part, len, id, RECORD_MAX_ID + 1))
		return question_problem(q, 400,
		    "a part of the path is not an id of 1 to 191 bytes");
	/* For the database it would be another id, the one without. */
	return !text_ends_with_blank(id, strlen(id)) ||
	       question_problem(
		   q, 400, "a part of the path ends with a blank, as no id");
}

bool
question_part(struct question *q, size_t n, char id[RECORD_MAX_ID + 1])
{
	size_t len;
	const char *part = path_pattern_part(q->path, n, &len);

	return take_id(q, part, len, id);
}

bool
question_rest(struct question *q, size_t n, char id[RECORD_MAX_ID + 1])
{
	size_t len;
	const char *part = path_pattern_part(q->request->path, n, &len);

	return take_id(q, part, strlen(part), id);
}

const char *
question_parameter(const struct question *q, const char *name)
{
	const char *v = q->request->query(q->request, name);

	return v != NULL && *v != '\0' ? v : NULL;
}

/* Where the + of an offset was not encoded, a blank stands for it. */
static bool
parse_instant(const char *v, int64_t *ms)
{
	static const char offset[] = " 03:00";
	size_t len = strlen(v), at;
	char *text = xstrndup(v, len);
	bool good;

	at = len - (len < strlen(offset) ? len : strlen(offset));
	if (text[at] == ' ')
		text[at] = '+';
	good = clock_parse(text, len, ms) == 0;
	free(text);
	return good;
}

/* "24h". A number alone is refused: who writes one means a year, a day without
 * dashes or seconds since 1970, not seconds ago; so is what was before the year
 * 1, which no link to a next page can say. */
static bool
parse_ago(const char *v, int64_t now_ms, int64_t *ms)
{
	const int64_t first = clock_civil(1, 1, 1, 0, 0, 0) * 1000;
	int64_t back;

	if (v[strspn(v, "0123456789")] == '\0' ||
	    parse_duration(v, &back) != 0 || back > now_ms - first)
		return false;
	*ms = now_ms - back;
	return true;
}

static bool
read_time(struct question *q, const char *name, int64_t *ms)
{
	const char *v = question_parameter(q, name);
	char date[32];

	if (v == NULL || parse_instant(v, ms) ||
	    parse_ago(v, q->request->now_ms, ms))
		return true;
	if (strlen(v) == strlen("2026-11-20")) {
		memcpy(date, v, 10);
		memcpy(date + 10, "T00:00:00Z", 11);
		if (clock_parse(date, 20, ms) == 0)
			return true;
	}
	return question_problem(q, 400,
	    "%s is not a time; give 2026-11-20T10:00:00Z, 2026-11-20, or how "
	    "long ago: 24h, 7d",
	    name);
}

bool
question_zoned_time(
    struct question *q, const struct zone *zone, const char *name, int64_t *ms)
{
	const char *v = question_parameter(q, name);

	if (!read_time(q, name, ms))
		return false;
	if (v != NULL && strlen(v) == strlen("2026-11-20") && v[4] == '-' &&
	    v[7] == '-')
		*ms = calendar_day_begin(zone, *ms / DAY_MS);
	return true;
}

struct zone *
question_zone(struct question *q)
{
	const char *name = question_parameter(q, "zone");
	struct buf why = BUF_INIT;
	struct zone *zone = zone_open(name != NULL ? name : "UTC", &why);

	if (zone == NULL)
		(void)question_problem(q, 400, "zone: %s", buf_str(&why));
	buf_release(&why);
	return zone;
}

bool
question_int(
    struct question *q, const char *name, int64_t min, int64_t max, int64_t *n)
{
	const char *v = question_parameter(q, name);

	if (v == NULL || parse_int(v, min, max, n) == 0)
		return true;
	return question_problem(q, 400,
	    "%s is not a whole number from %" PRId64 " to %" PRId64, name, min,
	    max);
}

bool
question_flag(struct question *q, const char *name, bool *is)
{
	const char *v = question_parameter(q, name);

	*is = v != NULL;
	return v == NULL || strcmp(v, "1") == 0 ||
	       question_problem(q, 400, "%s is nothing but 1", name);
}

bool
question_seconds(
    struct question *q, const char *name, int64_t max_s, int64_t *ms)
{
	const char *v = question_parameter(q, name), *p;
	char whole[16], thousandths[4] = "000";
	int64_t s, rest;
	size_t len, decimals = 0;

	if (v == NULL)
		return true;
	p = strchr(v, '.');
	len = p != NULL ? (size_t)(p - v) : strlen(v);
	if (p != NULL)
		decimals = strlen(p + 1);
	/* "-0" is a whole number, and its sign would be that of no decimals. */
	if (*v != '-' && len < sizeof whole && decimals <= 3 &&
	    (p == NULL || decimals > 0)) {
		memcpy(whole, v, len);
		whole[len] = '\0';
		if (p != NULL)
			memcpy(thousandths, p + 1, decimals);
		if (parse_int(whole, 0, max_s, &s) == 0 &&
		    parse_int(thousandths, 0, 999, &rest) == 0 &&
		    (s < max_s || rest == 0)) {
			*ms = 1000 * s + rest;
			return true;
		}
	}
	return question_problem(q, 400,
	    "%s is not a number of seconds up to %" PRId64
	    " with at most three decimals",
	    name, max_s);
}
