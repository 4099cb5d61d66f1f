/*
 * holidays: see holidays.h. Only dates are used, so no time zone of the file
 * matters, and its VTIMEZONE components are not read.
 */
#include "common/hours/holidays.h"

#include <libical/ical.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/parse.h"
#include "common/base/xalloc.h"

#define NAME_MAX_BYTES 80

/* Longer events are ignored: they describe a school year, for example. */
#define EVENT_MAX_DAYS 366

/* A repetition from long ago takes so many steps at most. */
#define STEPS_MAX 200000

/* A file that is being read. */
struct holiday_source {
	struct holidays *to;
	int64_t first, last;
	bool full; /* there are more than HOLIDAYS_MAX_DAYS */
};

static int64_t
day_of(struct icaltimetype t)
{
	return clock_civil(t.year, t.month, t.day, 0, 0, 0) / (DAY_MS / 1000);
}

/* Returns the event's name in one line, owned. */
static char *
event_name(icalcomponent *event)
{
	const char *s = icalcomponent_get_summary(event);
	size_t len = s != NULL ? strlen(s) : 0, i;
	char *name;

	if (len > NAME_MAX_BYTES) {
		len = NAME_MAX_BYTES;
		while (len > 0 && ((unsigned char)s[len] & 0xC0) == 0x80)
			len--;
	}
	if (len == 0 || !parse_is_utf8(s, len))
		return xstrdup("");
	name = xstrndup(s, len);
	for (i = 0; i < len; i++) {
		if ((unsigned char)name[i] < ' ' || name[i] == 0x7f)
			name[i] = ' ';
	}
	return name;
}

static void
ignore(struct holiday_source *src, icalcomponent *event, const char *what)
{
	struct icaltimetype start = icalcomponent_get_dtstart(event);
	char *name = event_name(event);

	buf_addf(&src->to->ignored, "'%s' of %04d-%02d-%02d: %s\n", name,
	    start.year, start.month, start.day, what);
	free(name);
}

/* Adds the days of one occurrence. */
static void
add_days(
    struct holiday_source *src, int64_t day, int64_t days, const char *name)
{
	struct holidays *h = src->to;
	int64_t end = day + days;

	for (day = day < src->first ? src->first : day;
	     day < end && day <= src->last; day++) {
		if (h->n == HOLIDAYS_MAX_DAYS) {
			src->full = true;
			return;
		}
		XGROW(h->list, h->n, h->cap);
		h->list[h->n++] = (struct holiday){ day, xstrdup(name) };
	}
}

static bool
is_excluded(icalcomponent *event, int64_t day)
{
	icalproperty *p;

	for (p = icalcomponent_get_first_property(event, ICAL_EXDATE_PROPERTY);
	     p != NULL;
	     p = icalcomponent_get_next_property(event, ICAL_EXDATE_PROPERTY)) {
		if (day_of(icalproperty_get_exdate(p)) == day)
			return true;
	}
	return false;
}

static void
add_repetition(struct holiday_source *src, icalcomponent *event,
    struct icalrecurrencetype rule, struct icaltimetype start, int64_t days,
    const char *name)
{
	icalrecur_iterator *i;
	struct icaltimetype t;
	int steps;

	if (rule.freq < ICAL_DAILY_RECURRENCE ||
	    (i = icalrecur_iterator_new(rule, start)) == NULL) {
		ignore(src, event, "its repetition cannot be evaluated");
		return;
	}
	for (steps = 0; steps < STEPS_MAX && !src->full; steps++) {
		t = icalrecur_iterator_next(i);
		if (icaltime_is_null_time(t) || day_of(t) > src->last)
			break;
		if (!is_excluded(event, day_of(t)))
			add_days(src, day_of(t), days, name);
	}
	icalrecur_iterator_free(i);
}

static void
add_occurrences(struct holiday_source *src, icalcomponent *event,
    struct icaltimetype start, int64_t days, const char *name)
{
	struct icaldatetimeperiodtype extra;
	icalproperty *p;

	if (!is_excluded(event, day_of(start)))
		add_days(src, day_of(start), days, name);
	for (p = icalcomponent_get_first_property(event, ICAL_RRULE_PROPERTY);
	     p != NULL;
	     p = icalcomponent_get_next_property(event, ICAL_RRULE_PROPERTY))
		add_repetition(
		    src, event, icalproperty_get_rrule(p), start, days, name);
	for (p = icalcomponent_get_first_property(event, ICAL_RDATE_PROPERTY);
	     p != NULL;
	     p = icalcomponent_get_next_property(event, ICAL_RDATE_PROPERTY)) {
		extra = icalproperty_get_rdate(p);
		if (icaltime_is_null_time(extra.time))
			extra.time = extra.period.start;
		if (!is_excluded(event, day_of(extra.time)))
			add_days(src, day_of(extra.time), days, name);
	}
}

/* Returns how many days the event lasts: without an end one, like an event
 * whose end is not after its start, which some programs write. */
static int64_t
event_days(icalcomponent *event, struct icaltimetype start)
{
	icalproperty *end =
	    icalcomponent_get_first_property(event, ICAL_DTEND_PROPERTY);
	icalproperty *length =
	    icalcomponent_get_first_property(event, ICAL_DURATION_PROPERTY);
	int64_t days = 1;

	if (end != NULL)
		days = day_of(icalproperty_get_dtend(end)) - day_of(start);
	else if (length != NULL)
		days =
		    icaldurationtype_as_int(icalproperty_get_duration(length)) /
		    (DAY_MS / 1000);
	return days > 0 ? days : 1;
}

static void
add_event(struct holiday_source *src, icalcomponent *event)
{
	struct icaltimetype start = icalcomponent_get_dtstart(event);
	int64_t days;
	char *name;

	if (icaltime_is_null_time(start)) {
		ignore(src, event, "it has no date");
		return;
	}
	if (!start.is_date) {
		ignore(src, event, "it is not an all-day event");
		return;
	}
	if (icalcomponent_get_status(event) == ICAL_STATUS_CANCELLED) {
		ignore(src, event, "it is cancelled");
		return;
	}
	if (icalcomponent_get_first_property(
		event, ICAL_RECURRENCEID_PROPERTY) != NULL) {
		ignore(src, event, "it changes one day of a repetition");
		return;
	}
	days = event_days(event, start);
	if (days > EVENT_MAX_DAYS) {
		ignore(src, event, "it is longer than a year");
		return;
	}
	name = event_name(event);
	add_occurrences(src, event, start, days, name);
	free(name);
}

/* Reads the events in the component, however deep. Returns false if there is no
 * calendar at all. */
static bool
add_events(struct holiday_source *src, icalcomponent *c)
{
	bool found = icalcomponent_isa(c) == ICAL_VCALENDAR_COMPONENT;
	icalcomponent *inner;

	if (icalcomponent_isa(c) == ICAL_VEVENT_COMPONENT) {
		add_event(src, c);
		return false;
	}
	for (inner = icalcomponent_get_first_component(c, ICAL_ANY_COMPONENT);
	     inner != NULL;
	     inner = icalcomponent_get_next_component(c, ICAL_ANY_COMPONENT))
		found |= add_events(src, inner);
	return found;
}

static int
by_day(const void *a, const void *b)
{
	const struct holiday *x = a, *y = b;

	if (x->day != y->day)
		return x->day < y->day ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* Sorts the days, and keeps one for each. */
static void
tidy(struct holidays *h)
{
	size_t i, n = 0;

	sort_array(h->list, h->n, sizeof *h->list, by_day);
	for (i = 0; i < h->n; i++) {
		if (n > 0 && h->list[n - 1].day == h->list[i].day)
			free(h->list[i].name);
		else
			h->list[n++] = h->list[i];
	}
	h->n = n;
}

int
holidays_add(struct holidays *h, const char *text, int64_t first, int64_t last,
    struct buf *why)
{
	struct holiday_source src = { h, first, last, false };
	icalcomponent *root = icalparser_parse_string(text);
	bool found = root != NULL && add_events(&src, root);

	if (root != NULL)
		icalcomponent_free(root);
	tidy(h);
	if (found && !src.full)
		return 0;
	if (src.full)
		buf_setf(why, "there are more than %d holidays in it",
		    HOLIDAYS_MAX_DAYS);
	else
		buf_setf(why, "it is not an iCalendar file, which begins with "
			      "BEGIN:VCALENDAR");
	return -1;
}

void
holidays_release(struct holidays *h)
{
	size_t i;

	for (i = 0; i < h->n; i++)
		free(h->list[i].name);
	free(h->list);
	buf_release(&h->ignored);
	memset(h, 0, sizeof *h);
}

const char *
holidays_name(const struct holidays *h, int64_t day)
{
	size_t low = 0, high = h->n, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (h->list[middle].day < day)
			low = middle + 1;
		else
			high = middle;
	}
	return low < h->n && h->list[low].day == day ? h->list[low].name : NULL;
}
