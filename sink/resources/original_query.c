/*
 * original_query: see original_query.h.
 */
#include "sink/resources/original_query.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"

/* Beyond it a number is milliseconds; and the longest text of a time. */
#define SECONDS_UP_TO 20000000000.0
#define TIME_TEXT_MAX 40

static const struct validate_place in_parameters = { NULL, "query", 0 };

static const char *
original_parameter(const struct original_query *o, const char *name)
{
	return web_last_parameter(o->q->request, name, "");
}

static void
add_missing(struct original_query *o, const char *name)
{
	struct validate_place at = { &in_parameters, name, 0 };

	validate_error(&o->errors, &at, "is missing");
}

void
original_query_begin(struct original_query *o, struct question *q)
{
	*o = (struct original_query){ .q = q };
	if (original_parameter(o, "tenant_id") == NULL)
		add_missing(o, "tenant_id");
}

/* Seconds, or milliseconds where they are too many, in the years 1 to 9999: a
 * sign and a fraction may be there. */
static bool
parse_seconds(const char *text, int64_t *ms)
{
	static const char digits[] = "0123456789";
	const double first = (double)clock_civil(1, 1, 1, 0, 0, 0) * 1000,
		     behind = (double)clock_civil(10000, 1, 1, 0, 0, 0) * 1000;
	const char *number = text + (*text == '+' || *text == '-');
	size_t len = strspn(number, digits);
	double n;

	if (len > 0 && number[len] == '.')
		len += 1 + strspn(number + len + 1, digits);
	if (len == 0 || number[len] != '\0')
		return false;
	n = strtod(text, NULL);
	n = round(fabs(n) <= SECONDS_UP_TO ? n * 1000 : n);
	if (n < first || n >= behind)
		return false;
	*ms = (int64_t)n;
	return true;
}

/* A date, or a time whose seconds, offset, or colon of the offset may be
 * missing. */
static bool
parse_loose(const char *text, int64_t *ms)
{
	static const char date[] = "2026-11-20", minutes[] = "2026-11-20T10:00";
	size_t len = strlen(text), begin = strlen(date), at;
	const char *zone, *colon = "", *missing = "";
	char whole[TIME_TEXT_MAX + 16];
	int n;

	if (len < begin || len > TIME_TEXT_MAX)
		return false;
	at = begin + strcspn(text + begin, "Zz+-");
	zone = at < len ? text + at : "Z";
	if (strlen(zone) == strlen("+0100"))
		colon = ":";
	if (len == begin)
		missing = "T00:00:00";
	else if (at == strlen(minutes))
		missing = ":00";
	n = snprintf(whole, sizeof whole, "%.*s%s%.3s%s%s", (int)at, text,
	    missing, zone, colon, strlen(zone) > 3 ? zone + 3 : "");
	if (whole[begin] == '_')
		whole[begin] = 'T';
	return clock_parse(whole, (size_t)n, ms) == 0;
}

static bool
parse_original_time(const char *text, int64_t *ms)
{
	return parse_loose(text, ms) || parse_seconds(text, ms);
}

void
original_query_time(
    struct original_query *o, const char *name, bool needed, int64_t *ms)
{
	struct validate_place at = { &in_parameters, name, 0 };
	const char *text = original_parameter(o, name);

	if (text == NULL && needed)
		add_missing(o, name);
	if (text != NULL && !parse_original_time(text, ms))
		validate_error(&o->errors, &at, "must be a time (RFC 3339)");
}

size_t
original_query_word(struct original_query *o, const char *name,
    const char *const *words, size_t otherwise)
{
	struct validate_place at = { &in_parameters, name, 0 };
	const char *text = original_parameter(o, name);
	struct buf known = BUF_INIT;
	size_t i;

	if (text == NULL)
		return otherwise;
	for (i = 0; words[i] != NULL; i++) {
		if (strcmp(words[i], text) == 0)
			break;
		buf_addf(&known, "%s%s", i > 0 ? ", " : "", words[i]);
	}
	if (words[i] == NULL) {
		validate_error(
		    &o->errors, &at, "must be one of %s", buf_str(&known));
		i = otherwise;
	}
	buf_release(&known);
	return i;
}

bool
original_query_end(struct original_query *o)
{
	const char *tenant = original_parameter(o, "tenant_id");
	bool good = o->errors.n == 0;

	if (!good)
		validate_answer(&o->errors, o->q->answer);
	else if (strcmp(tenant, o->q->viewer.tenant) != 0)
		good = question_problem(
		    o->q, 403, "tenant_id is not the tenant of the token");
	validate_release(&o->errors);
	return good;
}
