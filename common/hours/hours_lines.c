/*
 * hours_lines: see hours_lines.h.
 */
#include "common/hours/hours_lines.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/syserr.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/hours/date.h"
#include "common/os/file.h"

#define DAY_MINUTES (24 * 60)
#define WEEK_MINUTES (7 * DAY_MINUTES)

/* Shifts of one day, and exceptions of a version: enough for any team. */
#define SHIFTS_MAX 48
#define EXCEPTIONS_MAX 2000

static const char *const day_keys[7] = { "mon", "tue", "wed", "thu", "fri",
	"sat", "sun" };

/* The lines that are being read. */
struct hours_reader {
	struct hours_versions *to;
	hours_read_file *read_file;
	void *ctx;
	struct buf *why;
};

static struct hours_version *
last_version(struct hours_reader *r)
{
	return &r->to->list[r->to->n - 1];
}

/* ---- values ---- */

/* Reads "9:05"; returns the minutes, or -1. *s: what follows. */
static int
read_time(const char **s)
{
	const char *p = *s;
	int hour = 0, minute;
	int digits = 0;

	for (; text_is_digit(*p) && digits < 2; p++, digits++)
		hour = 10 * hour + (*p - '0');
	if (digits == 0 || p[0] != ':' || !text_is_digit(p[1]) ||
	    !text_is_digit(p[2]) || text_is_digit(p[3]))
		return -1;
	minute = 10 * (p[1] - '0') + (p[2] - '0');
	*s = p + 3;
	if (minute > 59 || hour > 24 || (hour == 24 && minute > 0))
		return -1;
	return 60 * hour + minute;
}

/* Reads "9:00-13:00". An end that is not after its beginning is on the next
 * day. */
static bool
read_shift(const char *s, struct shift *to)
{
	to->begin = read_time(&s);
	if (to->begin < 0 || to->begin == DAY_MINUTES || *s++ != '-')
		return false;
	to->end = read_time(&s);
	if (to->end < 0 || *s != '\0')
		return false;
	if (to->end <= to->begin)
		to->end += DAY_MINUTES;
	return true;
}

/* Calls each() for each word of the text. */
static int
each_word(struct hours_reader *r, const char *text, void *to,
    int (*each)(struct hours_reader *r, const char *word, void *to))
{
	static const char blanks[] = ", \t";
	char *word;
	size_t len;
	int rc = 0;

	for (;;) {
		text += strspn(text, blanks);
		len = strcspn(text, blanks);
		if (len == 0 || rc != 0)
			return rc;
		word = xstrndup(text, len);
		rc = each(r, word, to);
		free(word);
		text += len;
	}
}

static void
add_shift(struct shifts *to, struct shift s)
{
	size_t i;

	XGROW(to->list, to->n, to->cap);
	for (i = to->n++; i > 0 && to->list[i - 1].begin > s.begin; i--)
		to->list[i] = to->list[i - 1];
	to->list[i] = s;
}

static int
add_week_word(struct hours_reader *r, const char *word, void *to)
{
	struct shifts *day = to;
	struct shift s;

	if (!read_shift(word, &s)) {
		buf_setf(r->why,
		    "'%s' is not an interval such as 9:00-13:00, or 22:00-6:00 "
		    "for one that ends on the next day",
		    word);
		return -1;
	}
	if (day->n == SHIFTS_MAX) {
		buf_setf(r->why, "a day has at most %d intervals", SHIFTS_MAX);
		return -1;
	}
	add_shift(day, s);
	return 0;
}

static int
read_week_day(
    struct hours_reader *r, struct shifts *day, const char *text, unsigned line)
{
	day->n = 0;
	day->line = line;
	if (strcmp(text, "closed") == 0)
		return 0;
	return each_word(r, text, day, add_week_word);
}

static void
add_exception(struct exceptions *to, struct exception e)
{
	size_t i;

	XGROW(to->list, to->n, to->cap);
	for (i = to->n++; i > 0; i--) {
		if (to->list[i - 1].day < e.day ||
		    (to->list[i - 1].day == e.day &&
			to->list[i - 1].shift.begin <= e.shift.begin))
			break;
		to->list[i] = to->list[i - 1];
	}
	to->list[i] = e;
}

static int
add_exception_word(struct hours_reader *r, const char *word, void *list)
{
	struct exceptions *to = list;
	bool opens = to == &last_version(r)->open;
	struct exception e = { 0 };
	const char *s = word;

	if (!date_read(&s, &e.day) ||
	    (*s == '/' ? !read_shift(s + 1, &e.shift) : *s != '\0' || opens)) {
		if (opens)
			buf_setf(r->why,
			    "'%s' is not a date with its hours such as "
			    "2026-12-19/10:00-14:00",
			    word);
		else
			buf_setf(r->why,
			    "'%s' is not a date such as 2026-12-25, or part of "
			    "one such as 2026-12-24/14:00-24:00",
			    word);
		return -1;
	}
	e.whole = *s == '\0';
	if (to->n == EXCEPTIONS_MAX) {
		buf_setf(r->why,
		    "there are more than %d dates; use a file of holidays",
		    EXCEPTIONS_MAX);
		return -1;
	}
	add_exception(to, e);
	return 0;
}

static int
read_exceptions(struct hours_reader *r, struct exceptions *to, const char *text)
{
	to->n = 0;
	return each_word(r, text, to, add_exception_word);
}

static int
read_from_disk(struct hours_reader *r, const char *path, struct buf *text)
{
	int rc;

	if (r->read_file != NULL)
		return r->read_file(r->ctx, path, text, r->why);
	rc = file_read_path(path, text);
	if (rc != 0)
		(void)syserr_explain(
		    r->why, PROG_CONFIG, "cannot read '%s'", path);
	return rc;
}

static int
parse_holidays(struct hours_reader *r, struct hours_version *v)
{
	struct buf reason = BUF_INIT;
	int rc;

	holidays_release(&v->holidays);
	rc = holidays_add(&v->holidays, buf_str(&v->holidays_text), DATE_FIRST,
	    DATE_LAST, &reason);
	if (rc != 0)
		buf_setf(r->why, "cannot use '%s': %s", v->holidays_path,
		    buf_str(&reason));
	buf_release(&reason);
	return rc;
}

/* Instead of a file that cannot be read. */
#define EMPTY_CALENDAR "BEGIN:VCALENDAR\nEND:VCALENDAR\n"

static int
read_holidays(struct hours_reader *r, struct hours_version *v, const char *path)
{
	int rc;

	free(v->holidays_path);
	v->holidays_path = xstrdup(path);
	buf_release(&v->holidays_text);
	v->holidays_text.max = HOLIDAYS_MAX_BYTES;
	rc = read_from_disk(r, path, &v->holidays_text);
	if (rc < 0)
		return -1;
	if (rc > 0)
		buf_setf(&v->holidays_text, "%s", EMPTY_CALENDAR);
	if (parse_holidays(r, v) != 0)
		return -1;
	if (rc > 0)
		buf_addf(&v->holidays.ignored, "%s\n", buf_str(r->why));
	buf_clear(r->why);
	return 0;
}

static int
read_zone(struct hours_reader *r, struct hours_version *v, const char *name)
{
	struct buf reason = BUF_INIT;
	struct zone *z = zone_open(name, &reason);

	if (z == NULL) {
		buf_setf(r->why, "zone = %s: %s", name, buf_str(&reason));
		buf_release(&reason);
		return -1;
	}
	buf_release(&reason);
	zone_close(v->zone);
	free(v->zone_name);
	v->zone = z;
	v->zone_name = xstrdup(name);
	return 0;
}

/* ---- versions ---- */

static void
release_version(struct hours_version *v)
{
	size_t i;

	free(v->zone_name);
	zone_close(v->zone);
	for (i = 0; i < ARRAY_LEN(v->week); i++)
		free(v->week[i].list);
	free(v->closed.list);
	free(v->open.list);
	free(v->holidays_path);
	buf_release(&v->holidays_text);
	holidays_release(&v->holidays);
}

void
hours_lines_release(struct hours_versions *v)
{
	size_t i;

	for (i = 0; i < v->n; i++)
		release_version(&v->list[i]);
	free(v->list);
	memset(v, 0, sizeof *v);
}

static void
copy_exceptions(struct exceptions *to, const struct exceptions *from)
{
	size_t i;

	for (i = 0; i < from->n; i++)
		add_exception(to, from->list[i]);
}

/* Adds a version with the lines of the one before. */
static int
copy_version(struct hours_reader *r, struct hours_version *to,
    const struct hours_version *from)
{
	size_t i, j;

	if (from->zone_name != NULL && read_zone(r, to, from->zone_name) != 0)
		return -1;
	for (i = 0; i < ARRAY_LEN(to->week); i++) {
		to->week[i].line = from->week[i].line;
		for (j = 0; j < from->week[i].n; j++)
			add_shift(&to->week[i], from->week[i].list[j]);
	}
	copy_exceptions(&to->closed, &from->closed);
	copy_exceptions(&to->open, &from->open);
	if (from->holidays_path == NULL)
		return 0;
	to->holidays_path = xstrdup(from->holidays_path);
	buf_add(&to->holidays_text, from->holidays_text.data,
	    from->holidays_text.len);
	return parse_holidays(r, to);
}

static int
begin_version(struct hours_reader *r, int64_t since)
{
	struct hours_versions *v = r->to;

	XGROW(v->list, v->n, v->cap);
	memset(&v->list[v->n], 0, sizeof v->list[v->n]);
	v->list[v->n].since = since;
	v->n++;
	return v->n > 1
		   ? copy_version(r, &v->list[v->n - 1], &v->list[v->n - 2])
		   : 0;
}

/* A shift of a week, in minutes since the Monday of the week. */
struct week_shift {
	int day, begin, end;
	unsigned line;
};

static size_t
list_week(const struct hours_version *v, struct week_shift *to)
{
	const struct shifts *day;
	size_t i, n = 0;
	int d;

	for (d = 0; d < 7; d++) {
		day = &v->week[d];
		for (i = 0; i < day->n; i++)
			to[n++] = (struct week_shift){ d,
				d * DAY_MINUTES + day->list[i].begin,
				d * DAY_MINUTES + day->list[i].end, day->line };
	}
	return n;
}

/* The shifts are in order, so only neighbours can be the first that overlap;
 * the last one's neighbour is the first of the next week. */
static int
check_week(const struct hours_version *v, struct buf *why, unsigned *line)
{
	struct week_shift list[7 * SHIFTS_MAX], *a, *b;
	size_t n = list_week(v, list), i;

	if (n == 0) {
		buf_setf(why, "the calendar is never open; add a day such as "
			      "mon = 9:00-18:00");
		return -1;
	}
	for (i = 0; i < n; i++) {
		a = &list[i];
		b = &list[(i + 1) % n];
		if (a->end <= b->begin + (i + 1 == n ? WEEK_MINUTES : 0))
			continue;
		*line = a->line > b->line ? a->line : b->line;
		buf_setf(why,
		    "an interval of '%s' is not over when one of '%s' begins; "
		    "write intervals that do not overlap, such as 9:00-13:00 "
		    "14:00-18:00",
		    day_keys[a->day], day_keys[b->day]);
		return -1;
	}
	return 0;
}

/* No date is closed and open, and no open intervals of a date overlap. */
static int
check_exceptions(const struct hours_version *v, struct buf *why, unsigned *line)
{
	const struct exceptions *o = &v->open, *c = &v->closed;
	int64_t day;
	size_t i, j;

	*line = v->open_line > 0 ? v->open_line : *line;
	for (i = 0; i < o->n; i++) {
		day = o->list[i].day;
		for (j = hours_lines_find(c, day);
		     j < c->n && c->list[j].day == day; j++) {
			if (!c->list[j].whole)
				continue;
			buf_clear(why);
			date_add(day, why);
			buf_adds(why, " is both closed and open");
			return -1;
		}
		if (i + 1 < o->n && o->list[i + 1].day == day &&
		    o->list[i + 1].shift.begin < o->list[i].shift.end) {
			buf_setf(why, "two intervals overlap on ");
			date_add(day, why);
			return -1;
		}
	}
	return 0;
}

/* Called where a version ends: in that line. */
static int
check_version(struct hours_reader *r, unsigned *line)
{
	const struct hours_version *v = last_version(r);

	if (v->zone == NULL) {
		buf_setf(r->why, "the time zone is missing; add a line such "
				 "as zone = Europe/Lisbon");
		return -1;
	}
	if (check_week(v, r->why, line) != 0)
		return -1;
	return check_exceptions(v, r->why, line);
}

static int
read_since(struct hours_reader *r, const char *text, bool first, unsigned *line)
{
	int64_t day;

	if (!date_read_all(text, &day)) {
		buf_setf(r->why, "'%s' is not a date such as 2026-12-01", text);
		return -1;
	}
	if (first) {
		last_version(r)->since = day;
		return 0;
	}
	if (day <= last_version(r)->since) {
		buf_setf(r->why,
		    "versions are in order of their dates; %s is not after the "
		    "one before",
		    text);
		return -1;
	}
	return check_version(r, line) == 0 ? begin_version(r, day) : -1;
}

static int
read_line(struct hours_reader *r, const struct conf_entry *e)
{
	struct hours_version *v = last_version(r);
	size_t i;

	for (i = 0; i < ARRAY_LEN(day_keys); i++) {
		if (strcmp(e->key, day_keys[i]) == 0)
			return read_week_day(r, &v->week[i], e->text, e->line);
	}
	if (strcmp(e->key, "zone") == 0)
		return read_zone(r, v, e->text);
	if (strcmp(e->key, "holidays") == 0)
		return read_holidays(r, v, e->text);
	if (strcmp(e->key, "closed") == 0)
		return read_exceptions(r, &v->closed, e->text);
	v->open_line = e->line;
	return read_exceptions(r, &v->open, e->text);
}

int
hours_lines_read(struct hours_versions *v, const struct conf_entry *lines,
    size_t n, hours_read_file *read_file, void *ctx, struct buf *why,
    unsigned *line)
{
	struct hours_reader r = { v, read_file, ctx, why };
	const struct conf_entry *from = lines;
	size_t i;

	if (begin_version(&r, INT64_MIN) != 0)
		return -1;
	for (i = 0; i < n; i++) {
		*line = lines[i].line;
		if (strcmp(lines[i].key, "since") == 0) {
			if (read_since(&r, lines[i].text, i == 0, line) != 0)
				return -1;
			from = &lines[i + 1];
		} else if (conf_entry_once(from, &lines[i], why) != 0 ||
			   read_line(&r, &lines[i]) != 0) {
			return -1;
		}
	}
	return check_version(&r, line);
}

/* ---- days ---- */

size_t
hours_lines_find(const struct exceptions *list, int64_t day)
{
	size_t low = 0, high = list->n, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (list->list[middle].day < day)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* True if the list closes the whole day. */
static bool
is_closed(const struct exceptions *list, int64_t day)
{
	size_t i = hours_lines_find(list, day);

	for (; i < list->n && list->list[i].day == day; i++) {
		if (list->list[i].whole)
			return true;
	}
	return false;
}

void
hours_lines_day(const struct hours_version *v, int64_t day, struct shifts *to,
    const char **holiday)
{
	const struct shifts *week = &v->week[(day + 3) % 7];
	size_t i = hours_lines_find(&v->open, day);

	to->n = 0;
	*holiday = NULL;
	for (; i < v->open.n && v->open.list[i].day == day; i++)
		add_shift(to, v->open.list[i].shift);
	if (to->n > 0 || is_closed(&v->closed, day))
		return;
	*holiday = holidays_name(&v->holidays, day);
	for (i = 0; *holiday == NULL && i < week->n; i++)
		add_shift(to, week->list[i]);
}
