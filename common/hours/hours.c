/*
 * hours: see hours.h. Open intervals are sorted, and do not touch each other.
 * For each day in UTC there is the open time before it and the first interval
 * that may matter for it, so a question costs a few steps, wherever it is.
 */
#include "common/hours/hours.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/digest/hash.h"
#include "common/hours/date.h"
#include "common/hours/hours_lines.h"
#include "common/os/file.h"

#define DAYS ((size_t)(DATE_LAST - DATE_FIRST + 1))
#define RANGE_BEGIN (DATE_FIRST * DAY_MS)
#define RANGE_END ((DATE_LAST + 1) * DAY_MS)

struct open_interval {
	int64_t begin, end;
};

struct utc_day {
	int64_t work;   /* the open time before the day */
	uint64_t print; /* the sum of the fingerprints of the days before it */
	size_t first;   /* the first interval that ends after its beginning */
};

struct hours {
	char *name;
	struct hours_versions versions;
	int64_t begin; /* of the first version */
	struct open_interval *open;
	size_t n, cap;
	struct utc_day days[DAYS + 1]; /* the last one is the end */
};

/* ---- from lines to instants ---- */

static void
add_interval(struct hours *h, int64_t begin, int64_t end)
{
	if (begin < RANGE_BEGIN)
		begin = RANGE_BEGIN;
	if (end > RANGE_END)
		end = RANGE_END;
	if (begin >= end)
		return;
	XGROW(h->open, h->n, h->cap);
	h->open[h->n++] = (struct open_interval){ begin, end };
}

/* Returns the time as the clock shows it. */
static int64_t
local_time(int64_t day, int minutes)
{
	return day * DAY_MS + minutes * MINUTE_MS;
}

static int
by_begin(const void *a, const void *b)
{
	const struct open_interval *x = a, *y = b;

	return x->begin < y->begin ? -1 : x->begin > y->begin;
}

/* Sorts the intervals, and joins those that touch or overlap: when a clock is
 * set back, a shift may begin before the one before it ends. */
static void
join_intervals(struct hours *h)
{
	struct open_interval *list = h->open;
	size_t i, n = 0;

	sort_array(list, h->n, sizeof *list, by_begin);
	for (i = 0; i < h->n; i++) {
		if (list[i].begin == list[i].end)
			continue;
		if (n > 0 && list[i].begin <= list[n - 1].end) {
			if (list[i].end > list[n - 1].end)
				list[n - 1].end = list[i].end;
		} else {
			list[n++] = list[i];
		}
	}
	h->n = n;
}

/* Adds the shifts that begin on the days from first to last. */
static void
add_shifts(
    struct hours *h, const struct hours_version *v, int64_t first, int64_t last)
{
	struct shifts day = { 0 };
	const struct shift *s;
	const char *holiday;
	int64_t d;

	for (d = first; d <= last; d++) {
		hours_lines_day(v, d, &day, &holiday);
		for (s = day.list; s < day.list + day.n; s++)
			add_interval(h,
			    zone_first(v->zone, local_time(d, s->begin)),
			    zone_last(v->zone, local_time(d, s->end)));
	}
	free(day.list);
}

static void
remove_time(struct hours *h, int64_t begin, int64_t end)
{
	struct open_interval o;
	size_t i, n = h->n;

	for (i = 0; i < n; i++) {
		o = h->open[i];
		if (o.end <= begin || o.begin >= end)
			continue;
		h->open[i].end = o.begin < begin ? begin : o.begin;
		add_interval(h, end, o.end);
	}
}

/* Removes the parts of the days from first to last that are closed. Such a part
 * begins like a closing and ends like an opening. */
static void
remove_parts(
    struct hours *h, const struct hours_version *v, int64_t first, int64_t last)
{
	const struct exceptions *c = &v->closed;
	const struct exception *e;
	size_t i = hours_lines_find(c, first);

	for (; i < c->n && c->list[i].day <= last; i++) {
		e = &c->list[i];
		if (!e->whole)
			remove_time(h,
			    zone_last(
				v->zone, local_time(e->day, e->shift.begin)),
			    zone_first(
				v->zone, local_time(e->day, e->shift.end)));
	}
}

/* Calls each() for each version with its days. A shift that begins shortly
 * before the range may end in it. */
static void
each_version(struct hours *h,
    void (*each)(struct hours *h, const struct hours_version *v, int64_t first,
	int64_t last))
{
	const struct hours_version *v = h->versions.list;
	size_t i, n = h->versions.n;

	for (i = 0; i < n; i++)
		each(h, &v[i],
		    v[i].since > DATE_FIRST ? v[i].since : DATE_FIRST - 2,
		    i + 1 < n ? v[i + 1].since - 1 : DATE_LAST + 1);
}

static void
compute_intervals(struct hours *h)
{
	const struct hours_version *v = h->versions.list;

	each_version(h, add_shifts);
	join_intervals(h);
	each_version(h, remove_parts);
	join_intervals(h);
	h->begin = v->since > DATE_FIRST
		       ? zone_first(v->zone, v->since * DAY_MS)
		       : RANGE_BEGIN;
}

/* Fills in the days, whose fingerprints are made of the intervals in them. */
static void
index_days(struct hours *h)
{
	struct open_interval part[2];
	struct utc_day *day;
	size_t d, i, first = 0;
	int64_t begin, end, from, to;
	uint64_t print;

	for (d = 0; d < DAYS; d++) {
		day = &h->days[d];
		begin = RANGE_BEGIN + (int64_t)d * DAY_MS;
		end = begin + DAY_MS;
		day->first = first;
		day[1] = *day;
		print = checksum(0, &begin, sizeof begin);
		for (i = first; i < h->n && h->open[i].begin < end; i++) {
			from =
			    h->open[i].begin > begin ? h->open[i].begin : begin;
			to = h->open[i].end < end ? h->open[i].end : end;
			part[0] = (struct open_interval){ from, to };
			print = checksum(print, part, sizeof part[0]);
			day[1].work += to - from;
			if (h->open[i].end <= end)
				first = i + 1;
		}
		day[1].print += print;
		day[1].first = first;
	}
}

int
hours_read_if_possible(
    void *ctx, const char *path, struct buf *text, struct buf *why)
{
	(void)ctx;
	if (file_read_path(path, text) == 0)
		return 0;
	(void)syserr_explain(why, PROG_CONFIG, "cannot read '%s'", path);
	buf_clear(text);
	log_warn("%s; its holidays are not used", buf_str(why));
	return 1;
}

struct hours *
hours_read(const char *name, const struct conf_entry *lines, size_t n,
    hours_read_file *read_file, void *ctx, struct buf *why, unsigned *line)
{
	struct hours *h = xcalloc(1, sizeof *h);

	h->name = xstrdup(name);
	if (hours_lines_read(
		&h->versions, lines, n, read_file, ctx, why, line) != 0) {
		hours_free(h);
		return NULL;
	}
	compute_intervals(h);
	index_days(h);
	return h;
}

void
hours_free(struct hours *h)
{
	if (h == NULL)
		return;
	hours_lines_release(&h->versions);
	free(h->open);
	free(h->name);
	free(h);
}

/* ---- questions ---- */

const char *
hours_name(const struct hours *h)
{
	return h->name;
}

static size_t
day_index(int64_t t)
{
	return (size_t)((t - RANGE_BEGIN) / DAY_MS);
}

static int64_t
within_range(int64_t t)
{
	if (t < RANGE_BEGIN)
		return RANGE_BEGIN;
	return t < RANGE_END ? t : RANGE_END;
}

bool
hours_known(const struct hours *h, int64_t begin, int64_t end)
{
	return begin >= h->begin && begin <= end && end < RANGE_END;
}

/* Returns W(t). */
static int64_t
work_before(const struct hours *h, int64_t t)
{
	const struct open_interval *o, *end = h->open + h->n;
	const struct utc_day *day;
	int64_t begin, work;

	t = within_range(t);
	day = &h->days[day_index(t)];
	begin = t - (t - RANGE_BEGIN) % DAY_MS;
	work = day->work;
	for (o = h->open + day->first; o < end && o->begin < t; o++)
		work += (o->end < t ? o->end : t) -
			(o->begin > begin ? o->begin : begin);
	return work;
}

int64_t
hours_work(const struct hours *h, int64_t begin, int64_t end)
{
	return end > begin ? work_before(h, end) - work_before(h, begin) : 0;
}

/* Returns the last day before which less than that time is open. */
static size_t
day_of_work(const struct hours *h, int64_t work)
{
	size_t low = 0, high = DAYS, middle;

	while (low + 1 < high) {
		middle = low + (high - low) / 2;
		if (h->days[middle].work < work)
			low = middle;
		else
			high = middle;
	}
	return low;
}

int64_t
hours_deadline(const struct hours *h, int64_t t, int64_t work)
{
	const struct open_interval *o;
	const struct utc_day *day;
	int64_t begin, from, goal;

	if (work <= 0)
		return t;
	goal = work_before(h, t) + work;
	if (goal > h->days[DAYS].work)
		return HOURS_NEVER;
	day = &h->days[day_of_work(h, goal)];
	begin = RANGE_BEGIN + (day - h->days) * DAY_MS;
	goal -= day->work;
	for (o = h->open + day->first;; o++) {
		from = o->begin > begin ? o->begin : begin;
		if (goal <= o->end - from)
			return from + goal;
		goal -= o->end - from;
	}
}

struct hours_state
hours_at(const struct hours *h, int64_t t)
{
	const struct open_interval *o, *end = h->open + h->n;

	if (t < RANGE_BEGIN || t >= RANGE_END)
		return (struct hours_state){ false, HOURS_NEVER };
	o = h->open + h->days[day_index(t)].first;
	while (o < end && o->end <= t)
		o++;
	if (o == end)
		return (struct hours_state){ false, HOURS_NEVER };
	if (o->begin > t)
		return (struct hours_state){ false, o->begin };
	return (struct hours_state){ true,
		o->end < RANGE_END ? o->end : HOURS_NEVER };
}

uint64_t
hours_print(const struct hours *h, int64_t begin, int64_t end)
{
	size_t first = day_index(within_range(begin));
	size_t last = day_index(within_range(end));

	return h->days[last < DAYS ? last + 1 : DAYS].print -
	       h->days[first].print;
}

/* Returns the version in force on a local day. */
static const struct hours_version *
version_of_day(const struct hours *h, int64_t day)
{
	const struct hours_versions *v = &h->versions;
	size_t i = v->n - 1;

	while (i > 0 && v->list[i].since > day)
		i--;
	return &v->list[i];
}

/* Returns the version in force at an instant. */
static const struct hours_version *
version_at(const struct hours *h, int64_t t)
{
	const struct hours_versions *v = &h->versions;
	size_t i = v->n - 1;

	while (
	    i > 0 && zone_first(v->list[i].zone, v->list[i].since * DAY_MS) > t)
		i--;
	return &v->list[i];
}

uint64_t
hours_version(const struct hours *h)
{
	uint64_t sum = checksum(0, &h->days[DAYS].print, sizeof(uint64_t));
	const struct hours_versions *v = &h->versions;
	size_t i;

	for (i = 0; i < v->n; i++) {
		sum = checksum(sum, &v->list[i].since, sizeof v->list[i].since);
		sum = checksum(
		    sum, v->list[i].zone_name, strlen(v->list[i].zone_name));
	}
	return sum;
}

const struct zone *
hours_zone(const struct hours *h, int64_t t)
{
	return version_at(h, t)->zone;
}

const char *
hours_zone_name(const struct hours *h, int64_t t)
{
	return version_at(h, t)->zone_name;
}

/* ---- in words ---- */

static void
add_time(struct buf *to, int minutes)
{
	if (minutes > 24 * 60)
		minutes -= 24 * 60;
	buf_addf(to, "%d:%02d", minutes / 60, minutes % 60);
}

static void
add_shift(struct buf *to, const struct shift *s)
{
	add_time(to, s->begin);
	buf_addc(to, '-');
	add_time(to, s->end);
}

void
hours_add_day(const struct hours *h, int64_t day, struct buf *to)
{
	const struct hours_version *v = version_of_day(h, day);
	const struct exceptions *c = &v->closed;
	struct shifts shifts = { 0 };
	const char *holiday;
	size_t i;

	hours_lines_day(v, day, &shifts, &holiday);
	if (shifts.n == 0)
		buf_adds(to, "closed");
	if (holiday != NULL)
		buf_addf(to, " (%s)", *holiday != '\0' ? holiday : "holiday");
	for (i = 0; i < shifts.n; i++) {
		buf_adds(to, i > 0 ? " " : "");
		add_shift(to, &shifts.list[i]);
	}
	free(shifts.list);
	for (i = hours_lines_find(c, day); i < c->n && c->list[i].day == day;
	     i++) {
		if (c->list[i].whole)
			continue;
		buf_adds(to, ", closed ");
		add_shift(to, &c->list[i].shift);
	}
}

/* True if the version has a file of holidays that the one before does not have:
 * a version repeats it otherwise. */
static bool
has_new_file(const struct hours_versions *v, size_t i)
{
	const char *path = v->list[i].holidays_path;
	const char *before = i > 0 ? v->list[i - 1].holidays_path : NULL;

	return path != NULL && (before == NULL || strcmp(path, before) != 0);
}

void
hours_add_files(const struct hours *h, struct buf *to)
{
	const struct hours_versions *v = &h->versions;
	size_t i;

	for (i = 0; i < v->n; i++) {
		if (!has_new_file(v, i))
			continue;
		buf_addf(to, HOURS_FILE_MARK "%s\n", v->list[i].holidays_path);
		buf_adds(to, buf_str(&v->list[i].holidays_text));
	}
}

void
hours_add_ignored(const struct hours *h, struct buf *to)
{
	const struct hours_versions *v = &h->versions;
	size_t i;

	for (i = 0; i < v->n; i++) {
		if (has_new_file(v, i))
			buf_adds(to, buf_str(&v->list[i].holidays.ignored));
	}
}
