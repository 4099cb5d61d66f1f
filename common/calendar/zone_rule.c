/*
 * zone_rule: the rule for the years after the last change in a file of tzdata:
 * the TZ of POSIX with the hours of RFC 9636, such as
 *
 *   <+0530>-5:30    EST5EDT,M3.2.0,M11.1.0    IST-1GMT0,M10.5.0,M3.5.0/1
 *
 * Offsets are positive in the west. A day is M (month, week, day of the week;
 * week 5: the last), J (day of the year without 29 February) or a number (with
 * it).
 */
#include "common/calendar/zone_impl.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/text.h"

#define DAY_S 86400
#define HOURS_MAX 167

struct rule_day {
	char kind; /* M, J, or 0 */
	int month, week, day;
	int64_t time; /* seconds behind midnight */
};

struct zone_rule {
	int64_t standard, summer; /* offsets */
	bool changes;
	struct rule_day begin, end; /* of summer time */
};

/* A cursor over the text; p becomes NULL at the first mistake. */
struct rule_text {
	const char *p;
};

static bool
skip_char(struct rule_text *t, char c)
{
	if (t->p == NULL || *t->p != c)
		return false;
	t->p++;
	return true;
}

static int
take_rule_number(struct rule_text *t, int max)
{
	int n = 0, digits = 0;

	while (t->p != NULL && text_is_digit(*t->p) && digits++ < 4)
		n = 10 * n + (*t->p++ - '0');
	if (digits == 0 || n > max)
		t->p = NULL;
	return n;
}

static void
skip_name(struct rule_text *t)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz";
	size_t n;

	if (skip_char(t, '<')) {
		t->p = strchr(t->p, '>');
		if (t->p != NULL)
			t->p++;
	} else if (t->p != NULL) {
		n = strspn(t->p, letters);
		t->p = n > 0 ? t->p + n : NULL;
	}
}

/* [+-]h[:mm[:ss]] in seconds. */
static int64_t
take_time(struct rule_text *t)
{
	bool negative = skip_char(t, '-');
	int64_t s;

	if (!negative)
		(void)skip_char(t, '+');
	s = take_rule_number(t, HOURS_MAX) * (int64_t)3600;
	if (skip_char(t, ':'))
		s += take_rule_number(t, 59) * (int64_t)60;
	if (skip_char(t, ':'))
		s += take_rule_number(t, 59);
	return negative ? -s : s;
}

static void
take_day(struct rule_text *t, struct rule_day *d)
{
	*d = (struct rule_day){ .time = 2 * 3600 };
	if (!skip_char(t, ',')) {
		t->p = NULL;
	} else if (skip_char(t, 'M')) {
		d->kind = 'M';
		d->month = take_rule_number(t, 12);
		if (!skip_char(t, '.'))
			t->p = NULL;
		d->week = take_rule_number(t, 5);
		if (!skip_char(t, '.'))
			t->p = NULL;
		d->day = take_rule_number(t, 6);
		if (d->month == 0 || d->week == 0)
			t->p = NULL;
	} else if (skip_char(t, 'J')) {
		d->kind = 'J';
		d->day = take_rule_number(t, 365);
	} else {
		d->day = take_rule_number(t, 365);
	}
	if (skip_char(t, '/'))
		d->time = take_time(t);
}

static bool
read_rule(const char *text, struct zone_rule *r)
{
	struct rule_text t = { text };

	*r = (struct zone_rule){ .changes = false };
	skip_name(&t);
	r->standard = -take_time(&t);
	if (t.p == NULL || *t.p == '\0')
		return t.p != NULL;
	skip_name(&t);
	r->changes = true;
	r->summer = r->standard + 3600;
	if (t.p != NULL && *t.p != ',')
		r->summer = -take_time(&t);
	take_day(&t, &r->begin);
	take_day(&t, &r->end);
	return t.p != NULL && *t.p == '\0';
}

static int64_t
civil_day(int year, int month, int day)
{
	return clock_civil(year, month, day, 0, 0, 0) / DAY_S;
}

/* Seconds since 1970 by the clock on the wall. */
static int64_t
rule_time(const struct rule_day *d, int year)
{
	int64_t first = civil_day(year, 1, 1), day;

	if (d->kind == 'M') {
		first = civil_day(year, d->month, 1);
		/* 1970-01-01, day 0, was a Thursday, 4. */
		day = first + (d->day - (first + 4) % 7 + 7) % 7 +
		      7 * (int64_t)(d->week - 1);
		if (day >= (d->month < 12 ? civil_day(year, d->month + 1, 1)
					  : civil_day(year + 1, 1, 1)))
			day -= 7;
	} else if (d->kind == 'J') {
		day = first + d->day - 1;
		if (d->day >= 60 &&
		    civil_day(year, 3, 1) - civil_day(year, 2, 1) == 29)
			day++;
	} else {
		day = first + d->day;
	}
	return day * DAY_S + d->time;
}

/* Changes up to the last one of the file are there already. */
static bool
add_later(struct zone *z, int64_t at, int64_t offset)
{
	return (z->n > 0 && at <= z->changes[z->n - 1].at) ||
	       zone_add(z, at, offset);
}

bool
zone_add_rule(struct zone *z, const char *text)
{
	struct zone_rule r;
	int64_t begin, end;
	int year = 1970;
	bool good;

	if (!read_rule(text, &r))
		return false;
	if (!r.changes)
		return true;
	while (z->n > 0 && year < ZONE_LAST_YEAR &&
	       civil_day(year + 1, 1, 1) * DAY_S < z->changes[z->n - 1].at)
		year++;
	for (good = true; good && year <= ZONE_LAST_YEAR; year++) {
		begin = rule_time(&r.begin, year) - r.standard;
		end = rule_time(&r.end, year) - r.summer;
		if (begin < end)
			good = add_later(z, begin, r.summer) &&
			       add_later(z, end, r.standard);
		else
			good = add_later(z, end, r.standard) &&
			       add_later(z, begin, r.summer);
	}
	return good;
}
