/*
 * zone: see zone.h. A file has its data twice: first in 32 bits, which is
 * skipped, then in 64 bits; its last line has the rule for later years.
 */
#include "sink/calendar/zone.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/os/file.h"

/* A rule makes at most two changes a year. */
#define ZONE_RULE_CHANGES (2 * (ZONE_LAST_YEAR - 1970 + 1))

struct zone_change {
	int64_t at, after; /* in seconds; `after` is the offset from then on */
};

struct zone {
	struct zone_change *changes; /* in order; each changes the offset */
	size_t n, room;
	int64_t first; /* the offset before the first change */
};

/* Appends a change; ignores one that changes nothing. Returns false if it is
 * not after the others, or if there is no space. */
static inline bool
zone_add(struct zone *z, int64_t at, int64_t offset)
{
	int64_t before = z->first;

	if (z->n > 0) {
		before = z->changes[z->n - 1].after;
		if (at <= z->changes[z->n - 1].at)
			return false;
	}
	if (offset == before)
		return true;
	if (z->n == z->room)
		return false;
	z->changes[z->n++] = (struct zone_change){ at, offset };
	return true;
}

/*
 * The rule for years after the last change in a tzdata file: the TZ of POSIX
 * with the hours of RFC 9636, such as
 *
 *   <+0530>-5:30    EST5EDT,M3.2.0,M11.1.0    IST-1GMT0,M10.5.0,M3.5.0/1
 *
 * Offsets are positive in the west. A day is M (month, week, day of the week;
 * week 5 means the last); tzdata does not use the other form of POSIX, days by
 * number.
 */
#define DAY_S 86400
#define HOURS_MAX 167

struct rule_day {
	int month, week, day;
	int64_t time; /* seconds after midnight */
};

struct zone_rule {
	int64_t standard, summer; /* offsets */
	bool changes;
	struct rule_day begin, end; /* of summer time */
};

/* A cursor over the text; p becomes NULL at the first error. */
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

/* Reads [+-]h[:mm[:ss]] and returns seconds. */
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
		d->month = take_rule_number(t, 12);
		if (!skip_char(t, '.'))
			t->p = NULL;
		d->week = take_rule_number(t, 5);
		if (!skip_char(t, '.'))
			t->p = NULL;
		d->day = take_rule_number(t, 6);
		if (d->month == 0 || d->week == 0)
			t->p = NULL;
	} else {
		t->p = NULL;
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

/* Returns local seconds since 1970. */
static int64_t
rule_time(const struct rule_day *d, int year)
{
	int64_t first = civil_day(year, d->month, 1), day;

	/* 1970-01-01, day 0, was a Thursday, 4. */
	day = first + (d->day - (first + 4) % 7 + 7) % 7 +
	      7 * (int64_t)(d->week - 1);
	if (day >= (d->month < 12 ? civil_day(year, d->month + 1, 1)
				  : civil_day(year + 1, 1, 1)))
		day -= 7;
	return day * DAY_S + d->time;
}

/* Changes up to the last one of the file exist already. */
static bool
add_later(struct zone *z, int64_t at, int64_t offset)
{
	return (z->n > 0 && at <= z->changes[z->n - 1].at) ||
	       zone_add(z, at, offset);
}

/* Adds the changes after the last one by the rule that ends a file, such as
 * WET0WEST,M3.5.0/1,M10.5.0 (POSIX TZ). Returns false if it is not a rule. */
static bool
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

#define FOLDER "/usr/share/zoneinfo/"
#define FILE_MAX ((size_t)64 * 1024)

#define HEADER_LEN 44
#define TYPE_LEN 6
#define RULE_MAX 128

/* The counts in a header, in order. */
struct tz_counts {
	uint32_t isut, isstd, leap, time, type, chars;
};

static uint32_t
read_be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static int64_t
read_be64(const unsigned char *p)
{
	return (int64_t)((uint64_t)read_be32(p) << 32 | read_be32(p + 4));
}

/* Returns the length of the data after a header; 0 if it is not a header. */
static size_t
read_counts(
    const unsigned char *p, size_t len, size_t time_len, struct tz_counts *c)
{
	size_t n;

	if (len < HEADER_LEN || memcmp(p, "TZif", 4) != 0 || p[4] < '2')
		return 0;
	c->isut = read_be32(p + 20);
	c->isstd = read_be32(p + 24);
	c->leap = read_be32(p + 28);
	c->time = read_be32(p + 32);
	c->type = read_be32(p + 36);
	c->chars = read_be32(p + 40);
	if (c->isut > FILE_MAX || c->isstd > FILE_MAX || c->leap > FILE_MAX ||
	    c->time > FILE_MAX || c->type > FILE_MAX || c->chars > FILE_MAX ||
	    c->type == 0)
		return 0;
	n = c->time * (time_len + 1) + c->type * (size_t)TYPE_LEN + c->chars +
	    c->leap * (time_len + 4) + c->isstd + c->isut;
	return n <= len - HEADER_LEN ? n : 0;
}

static int32_t
offset_of_type(const unsigned char *types, size_t type)
{
	return (int32_t)read_be32(types + type * TYPE_LEN);
}

static bool
add_changes(struct zone *z, const unsigned char *p, const struct tz_counts *c)
{
	const unsigned char *which = p + (size_t)c->time * 8;
	const unsigned char *types = which + c->time;
	size_t i;

	z->room = c->time + (size_t)ZONE_RULE_CHANGES;
	z->changes = xcalloc(z->room, sizeof *z->changes);
	z->first = offset_of_type(types, 0);
	for (i = 0; i < c->time; i++) {
		if (which[i] >= c->type || !zone_add(z, read_be64(p + 8 * i),
					       offset_of_type(types, which[i])))
			return false;
	}
	return true;
}

/* Reads the line after the data: a newline, the rule, a newline. */
static bool
add_last_line(struct zone *z, const unsigned char *p, size_t len)
{
	char rule[RULE_MAX];
	const unsigned char *end;

	if (len < 2 || len > sizeof rule || p[0] != '\n')
		return false;
	end = memchr(p + 1, '\n', len - 1);
	if (end == NULL)
		return false;
	memcpy(rule, p + 1, (size_t)(end - p - 1));
	rule[end - p - 1] = '\0';
	return rule[0] == '\0' || zone_add_rule(z, rule);
}

struct zone *
zone_read(const void *data, size_t len)
{
	const unsigned char *p = data;
	struct zone *z = xcalloc(1, sizeof *z);
	struct tz_counts c;
	size_t n = read_counts(p, len, 4, &c);

	if (n > 0) {
		p += HEADER_LEN + n;
		len -= HEADER_LEN + n;
		n = read_counts(p, len, 8, &c);
	}
	/* Clocks that count leap seconds differ from those of the tables. */
	if (n == 0 || c.leap > 0 || !add_changes(z, p + HEADER_LEN, &c) ||
	    !add_last_line(z, p + HEADER_LEN + n, len - HEADER_LEN - n)) {
		zone_close(z);
		return NULL;
	}
	return z;
}

static bool
is_zone_name(const char *name)
{
	static const char others[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789_+-/";
	size_t len = strlen(name);

	/* Names that begin with a small letter belong to the host: localtime,
	 * posix/; and Factory means that the zone was never set. */
	return len > 0 && len <= ZONE_NAME_MAX && strspn(name, others) == len &&
	       name[0] >= 'A' && name[0] <= 'Z' && name[len - 1] != '/' &&
	       strstr(name, "//") == NULL && strcmp(name, "Factory") != 0;
}

static bool
read_zone_file(const char *name, struct buf *data)
{
	char path[sizeof FOLDER + ZONE_NAME_MAX] = FOLDER;

	memcpy(path + strlen(FOLDER), name, strlen(name) + 1);
	return file_read_path(path, 0, data) == 0;
}

struct zone *
zone_open(const char *name, struct buf *why)
{
	struct buf data = { .max = FILE_MAX };
	struct zone *z = NULL;

	if (strcmp(name, "UTC") == 0)
		return xcalloc(1, sizeof *z);
	if (is_zone_name(name) && read_zone_file(name, &data))
		z = zone_read(data.data, data.len);
	if (z == NULL)
		buf_setf(why, "unknown time zone; use an IANA name such as "
			      "Europe/Lisbon");
	buf_release(&data);
	return z;
}

void
zone_close(struct zone *z)
{
	if (z == NULL)
		return;
	free(z->changes);
	free(z);
}

struct zone_span
zone_find(const struct zone *z, int64_t ms)
{
	struct zone_span s = { INT64_MIN, INT64_MAX, z->first * 1000 };
	size_t low = 0, high = z->n, middle;

	while (low < high) { /* find the first change after ms */
		middle = low + (high - low) / 2;
		if (z->changes[middle].at * 1000 <= ms)
			low = middle + 1;
		else
			high = middle;
	}
	if (low > 0) {
		s.since = z->changes[low - 1].at * 1000;
		s.offset = z->changes[low - 1].after * 1000;
	}
	if (low < z->n)
		s.until = z->changes[low].at * 1000;
	return s;
}
