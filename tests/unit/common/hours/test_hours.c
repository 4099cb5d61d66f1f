/*
 * Tests of common/hours/hours.c and hours_lines.c: examples that anybody can
 * check with a calendar, and what is refused. tests/cases/hours.t compares
 * random calendars with another implementation.
 */
#include "tests/unit/dice.h"
#include "tests/unit/tmpdir.h"

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/hours/hours.h"

#define ENTRIES_MAX 40

/* Reads lines "key = value"; the first one is line 1. */
static struct hours *
read_lines(const char *text, struct buf *why, unsigned *line)
{
	struct conf_entry entries[ENTRIES_MAX];
	char *copy = xstrdup(text), *s = copy, *end, *value;
	struct hours *h;
	size_t n = 0;

	for (; *s != '\0'; s = end + 1) {
		end = strchr(s, '\n');
		*end = '\0';
		value = strchr(s, '=');
		value[-1] = '\0';
		entries[n].key = s;
		entries[n].text = value + (value[1] == ' ' ? 2 : 1);
		entries[n].line = (unsigned)n + 1;
		n++;
	}
	*line = 0;
	h = hours_read("support", entries, n, NULL, NULL, why, line);
	free(copy);
	return h;
}

static struct hours *
must_read(const char *text)
{
	struct buf why = BUF_INIT;
	unsigned line;
	struct hours *h = read_lines(text, &why, &line);

	if (h == NULL)
		fail_msg("line %u: %s", line, buf_str(&why));
	buf_release(&why);
	return h;
}

/* Returns an instant, from "2026-12-04T16:30:00+01:00". */
static int64_t
at(const char *text)
{
	int64_t ms;

	if (clock_parse(text, strlen(text), &ms) != 0)
		fail_msg("%s", text);
	return ms;
}

static void
check_deadline(
    const struct hours *h, const char *from, int64_t work, const char *until)
{
	char text[CLOCK_TEXT];
	int64_t is = hours_deadline(h, at(from), work);

	(void)clock_format(is, text);
	if (is != at(until))
		fail_msg("%s: %s is not %s", from, text, until);
	assert_int_equal(hours_work(h, at(from), is), work);
	if (work > 0)
		assert_true(hours_work(h, at(from), is - 1) < work);
}

#define OFFICE                                                                 \
	"zone = Europe/Berlin\n"                                               \
	"mon = 9:30-18:00\n"                                                   \
	"tue = 9:00-17:00\n"                                                   \
	"wed = 9:00-13:00 14:00-18:00\n"                                       \
	"thu = 9:00-17:00\n"                                                   \
	"fri = 9:00-16:30\n"

static void
work_continues_when_the_team_is_back(void **state)
{
	struct hours *h = must_read("zone = Europe/Berlin\n"
				    "mon = 8:30-17:00\n"
				    "fri = 8:30-16:30\n");

	(void)state;
	/* Friday 16:30 and an hour of work is Monday 9:30. */
	check_deadline(h, "2026-12-04T16:30:00+01:00", HOUR_MS,
	    "2026-12-07T09:30:00+01:00");
	check_deadline(
	    h, "2026-12-04T16:29:59.999+01:00", 1, "2026-12-04T16:30:00+01:00");
	check_deadline(
	    h, "2026-12-04T16:30:00+01:00", 0, "2026-12-04T16:30:00+01:00");
	hours_free(h);
	/* Each day has its own closing time. */
	h = must_read("zone = Europe/Berlin\n"
		      "mon = 9:00-12:00\n"
		      "tue = 9:00-17:00\n"
		      "wed = 9:00-17:00\n"
		      "thu = 9:00-17:00\n"
		      "fri = 9:00-17:00\n");
	check_deadline(h, "2026-12-04T18:00:00+01:00", 4 * HOUR_MS,
	    "2026-12-08T10:00:00+01:00");
	hours_free(h);
}

static void
a_break_is_closed(void **state)
{
	struct hours *h = must_read(OFFICE);
	struct hours_state s;

	(void)state;
	check_deadline(h, "2026-12-02T12:59:00+01:00", 2 * MINUTE_MS,
	    "2026-12-02T14:01:00+01:00");
	s = hours_at(h, at("2026-12-02T13:00:00+01:00"));
	assert_false(s.open);
	assert_int_equal(s.until, at("2026-12-02T14:00:00+01:00"));
	s = hours_at(h, at("2026-12-02T14:00:00+01:00"));
	assert_true(s.open);
	assert_int_equal(s.until, at("2026-12-02T18:00:00+01:00"));
	hours_free(h);
}

/* A closed day removes the shift that begins on it, not the end of last
 * night's. */
static void
a_night_belongs_to_the_day_on_which_it_begins(void **state)
{
	struct hours *h = must_read("zone = UTC\n"
				    "thu = 22:00-6:00\n"
				    "fri = 22:00-6:00\n"
				    "closed = 2026-12-25\n");

	(void)state;
	assert_int_equal(hours_work(h, at("2026-12-24T00:00:00Z"),
			     at("2026-12-27T00:00:00Z")),
	    8 * HOUR_MS);
	assert_true(hours_at(h, at("2026-12-25T05:59:59Z")).open);
	assert_false(hours_at(h, at("2026-12-25T06:00:00Z")).open);
	hours_free(h);
}

static void
exceptions_change_a_day(void **state)
{
	struct hours *h =
	    must_read("zone = UTC\n"
		      "thu = 9:00-18:00\n"
		      "closed = 2026-12-24/14:00-24:00, 2026-12-31\n"
		      "open = 2026-12-19/10:00-14:00 2026-12-17/8:00-9:00\n");

	(void)state;
	assert_int_equal(hours_work(h, at("2026-12-24T00:00:00Z"),
			     at("2026-12-25T00:00:00Z")),
	    5 * HOUR_MS);
	assert_int_equal(hours_work(h, at("2026-12-31T00:00:00Z"),
			     at("2027-01-01T00:00:00Z")),
	    0);
	assert_int_equal(hours_work(h, at("2026-12-19T00:00:00Z"),
			     at("2026-12-20T00:00:00Z")),
	    4 * HOUR_MS);
	assert_int_equal(hours_work(h, at("2026-12-17T00:00:00Z"),
			     at("2026-12-18T00:00:00Z")),
	    HOUR_MS);
	hours_free(h);
}

/* 2026-03-29 has 23 hours in Berlin, 2026-10-25 has 25. */
static void
days_of_23_and_25_hours(void **state)
{
	struct hours *h = must_read("zone = Europe/Berlin\n"
				    "sun = 0:00-24:00\n");

	(void)state;
	assert_int_equal(hours_work(h, at("2026-03-28T12:00:00Z"),
			     at("2026-03-30T12:00:00Z")),
	    23 * HOUR_MS);
	assert_int_equal(hours_work(h, at("2026-10-24T12:00:00Z"),
			     at("2026-10-26T12:00:00Z")),
	    25 * HOUR_MS);
	hours_free(h);
	/* From the first 2:30 to the second 2:45; to the end of the gap. */
	h = must_read("zone = Europe/Berlin\n"
		      "sun = 2:30-2:45\n");
	assert_int_equal(hours_work(h, at("2026-10-25T00:00:00Z"),
			     at("2026-10-25T12:00:00Z")),
	    75 * MINUTE_MS);
	assert_int_equal(hours_work(h, at("2026-03-29T00:00:00Z"),
			     at("2026-03-29T12:00:00Z")),
	    0);
	hours_free(h);
}

/* In each zone, also where midnight is skipped or comes twice. */
static void
always_open_is_calendar_time(void **state)
{
	static const char *const zones[] = { "UTC", "Europe/Berlin",
		"America/Sao_Paulo", "Africa/Cairo", "Asia/Kathmandu",
		"Pacific/Apia", "Australia/Lord_Howe", "America/Havana" };
	uint64_t dice = DICE_START;
	struct hours *h;
	int64_t begin, length;
	char *text;
	size_t i;
	int n;

	(void)state;
	for (i = 0; i < ARRAY_LEN(zones); i++) {
		text = xasprintf("zone = %s\n"
				 "mon = 0:00-24:00\ntue = 0:00-24:00\n"
				 "wed = 0:00-24:00\nthu = 0:00-24:00\n"
				 "fri = 0:00-24:00\nsat = 0:00-24:00\n"
				 "sun = 0:00-24:00\n",
		    zones[i]);
		h = must_read(text);
		for (n = 0; n < 2000; n++) {
			begin = at("2000-01-03T00:00:00Z") +
				(int64_t)dice_below(&dice, 37 * 365) * DAY_MS;
			length = (int64_t)dice_below(&dice, 100 * DAY_MS);
			assert_int_equal(
			    hours_work(h, begin, begin + length), length);
			assert_int_equal(
			    hours_deadline(h, begin, length), begin + length);
		}
		hours_free(h);
		free(text);
	}
}

static void
a_version_keeps_what_it_does_not_change(void **state)
{
	struct hours *h = must_read("zone = Europe/Berlin\n"
				    "mon = 9:00-17:00\n"
				    "tue = 9:00-17:00\n"
				    "since = 2026-12-08\n"
				    "mon = 8:00-12:00\n"
				    "since = 2027-01-01\n"
				    "tue = closed\n"
				    "zone = Europe/Lisbon\n");

	(void)state;
	assert_int_equal(hours_work(h, at("2026-12-07T00:00:00+01:00"),
			     at("2026-12-09T00:00:00+01:00")),
	    16 * HOUR_MS);
	assert_int_equal(hours_work(h, at("2026-12-14T00:00:00+01:00"),
			     at("2026-12-16T00:00:00+01:00")),
	    12 * HOUR_MS);
	assert_int_equal(hours_work(h, at("2027-01-04T08:00:00Z"),
			     at("2027-01-06T00:00:00Z")),
	    4 * HOUR_MS);
	assert_string_equal(
	    hours_zone_name(h, at("2026-12-31T23:30:00Z")), "Europe/Berlin");
	assert_string_equal(
	    hours_zone_name(h, at("2027-01-01T00:00:00Z")), "Europe/Lisbon");
	hours_free(h);
}

static void
before_the_first_version_nothing_is_known(void **state)
{
	struct hours *h = must_read("since = 2026-12-01\n"
				    "zone = Europe/Berlin\n"
				    "mon = 9:00-17:00\n");

	(void)state;
	assert_false(hours_known(
	    h, at("2026-11-30T22:59:59.999Z"), at("2026-12-02T00:00:00Z")));
	assert_true(hours_known(
	    h, at("2026-11-30T23:00:00Z"), at("2026-12-02T00:00:00Z")));
	assert_false(hours_known(
	    h, at("2027-11-30T23:00:00Z"), at("2038-01-01T00:00:00Z")));
	assert_int_equal(
	    hours_deadline(h, at("2037-12-30T00:00:00Z"), 30 * HOUR_MS),
	    HOURS_NEVER);
	hours_free(h);
}

/* A change of other days does not change the fingerprint of an interval. */
static void
a_fingerprint_is_of_the_days_of_an_interval(void **state)
{
	struct hours *a = must_read(OFFICE);
	struct hours *b = must_read(OFFICE "closed = 2026-12-25\n");
	struct hours *c =
	    must_read("mon = 9:30-18:00\ntue = 9:00-17:00\nthu = 9:00-17:00\n"
		      "fri = 9:00-16:30\nzone = Europe/Paris\n"
		      "wed = 14:00-18:00, 9:00-13:00\n");
	int64_t begin = at("2026-12-23T12:00:00Z");

	(void)state;
	assert_true(hours_print(a, begin, begin + DAY_MS) ==
		    hours_print(b, begin, begin + DAY_MS));
	assert_true(hours_print(a, begin, begin + DAY_MS) ==
		    hours_print(c, begin, begin + DAY_MS));
	assert_false(hours_print(a, begin, begin + 2 * DAY_MS) ==
		     hours_print(b, begin, begin + 2 * DAY_MS));
	assert_false(hours_version(a) == hours_version(b));
	assert_false(hours_version(a) == hours_version(c));
	hours_free(a);
	hours_free(b);
	hours_free(c);
}

static void
check_day(const struct hours *h, const char *date, const char *words)
{
	struct buf text = BUF_INIT;

	hours_add_day(h, at(date) / DAY_MS, &text);
	assert_string_equal(buf_str(&text), words);
	buf_release(&text);
}

#define EVENT(lines) "BEGIN:VEVENT\r\n" lines "END:VEVENT\r\n"

/* Calendars of holidays tell programs that nobody is busy: TRANSPARENT. */
static const char holidays[] =
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n" EVENT(
	"SUMMARY:Christmas\r\nDTSTART;VALUE=DATE:20201225\r\n"
	"DTEND;VALUE=DATE:20201227\r\nRRULE:FREQ=YEARLY\r\n"
	"TRANSP:TRANSPARENT\r\n")
	EVENT("SUMMARY:Stand-up\r\nDTSTART:20261201T090000Z\r\n")
	    EVENT("SUMMARY:Off\r\nDTSTART;VALUE=DATE:20261202\r\n"
		  "STATUS:CANCELLED\r\n") "END:VCALENDAR\r\n";

static void
days_are_told_in_words(void **state)
{
	struct buf ignored = BUF_INIT;
	struct hours *h;

	(void)state;
	tmpdir_file("days.ics", holidays, strlen(holidays), 0600);
	h = must_read(OFFICE "sat = 22:00-6:00\n"
			     "holidays = days.ics\n"
			     "closed = 2026-12-24/14:00-24:00 2026-12-31\n");
	check_day(h, "2026-12-02T00:00:00Z", "9:00-13:00 14:00-18:00");
	check_day(h, "2026-12-05T00:00:00Z", "22:00-6:00");
	check_day(h, "2026-12-06T00:00:00Z", "closed");
	check_day(h, "2026-12-24T00:00:00Z", "9:00-17:00, closed 14:00-24:00");
	check_day(h, "2026-12-25T00:00:00Z", "closed (Christmas)");
	check_day(h, "2026-12-26T00:00:00Z", "closed (Christmas)");
	check_day(h, "2026-12-31T00:00:00Z", "closed");
	hours_add_ignored(h, &ignored);
	assert_string_equal(buf_str(&ignored),
	    "'Stand-up' of 2026-12-01: it is not an all-day event\n"
	    "'Off' of 2026-12-02: it is cancelled\n");
	buf_release(&ignored);
	hours_free(h);
}

static void
what_is_wrong_is_refused_with_its_line(void **state)
{
	static const struct {
		const char *lines, *why;
		unsigned line;
	} cases[] = {
		{ "mon = 9:00-18:00\n",
		    "the time zone is missing; add a line such as zone = "
		    "Europe/Lisbon",
		    1 },
		{ "zone = Europe/Nowhere\n",
		    "zone = Europe/Nowhere: unknown time zone; use an IANA "
		    "name such as Europe/Lisbon",
		    1 },
		{ "zone = UTC\nmon = closed\n",
		    "the calendar is never open; add a day such as mon = "
		    "9:00-18:00",
		    2 },
		{ "zone = UTC\nmon = 9-18\n",
		    "'9-18' is not an interval such as 9:00-13:00, or "
		    "22:00-6:00 for one that ends on the next day",
		    2 },
		{ "zone = UTC\nmon = 9:00-24:30\n",
		    "'9:00-24:30' is not an interval such as 9:00-13:00, or "
		    "22:00-6:00 for one that ends on the next day",
		    2 },
		{ "zone = UTC\nmon = 9:00-13:00 12:00-18:00\n",
		    "an interval of 'mon' is not over when one of 'mon' "
		    "begins; write intervals that do not overlap, such as "
		    "9:00-13:00 14:00-18:00",
		    2 },
		{ "zone = UTC\nmon = 5:00-9:00\nsun = 22:00-6:00\n"
		  "tue = 9:00-18:00\n",
		    "an interval of 'sun' is not over when one of 'mon' "
		    "begins; write intervals that do not overlap, such as "
		    "9:00-13:00 14:00-18:00",
		    3 },
		{ "zone = UTC\nmon = 9:00-18:00\nmon = 9:00-12:00\n",
		    "'mon' is already set in line 2", 3 },
		{ "zone = UTC\nmon = 9:00-18:00\nclosed = 24.12.2026\n",
		    "'24.12.2026' is not a date such as 2026-12-25, or part of "
		    "one such as 2026-12-24/14:00-24:00",
		    3 },
		{ "zone = UTC\nmon = 9:00-18:00\nclosed = 2026-02-30\n",
		    "'2026-02-30' is not a date such as 2026-12-25, or part of "
		    "one such as 2026-12-24/14:00-24:00",
		    3 },
		{ "zone = UTC\nmon = 9:00-18:00\nopen = 2026-12-24\n",
		    "'2026-12-24' is not a date with its hours such as "
		    "2026-12-19/10:00-14:00",
		    3 },
		{ "zone = UTC\nclosed = 2026-12-24\n"
		  "open = 2026-12-24/9:00-10:00\nmon = 9:00-18:00\n",
		    "2026-12-24 is both closed and open", 3 },
		{ "zone = UTC\nmon = 9:00-18:00\n"
		  "open = 2026-12-24/9:00-11:00 2026-12-24/10:00-12:00\n",
		    "two intervals overlap on 2026-12-24", 3 },
		{ "zone = UTC\nmon = 9:00-18:00\nsince = soon\n",
		    "'soon' is not a date such as 2026-12-01", 3 },
		{ "zone = UTC\nmon = 9:00-18:00\nsince = 2026-12-02\n"
		  "since = 2026-12-01\n",
		    "versions are in order of their dates; 2026-12-01 is not "
		    "after the one before",
		    4 },
		{ "zone = UTC\nmon = 9:00-18:00\nholidays = none.ics\n",
		    "cannot read 'none.ics': No such file or directory; check "
		    "its name, and that its folder exists",
		    3 },
		{ "zone = UTC\nmon = 9:00-18:00\nholidays = no.ics\n",
		    "cannot use 'no.ics': it is not an iCalendar file, which "
		    "begins with BEGIN:VCALENDAR",
		    3 },
	};
	struct buf why = BUF_INIT;
	unsigned line;
	size_t i;

	(void)state;
	tmpdir_file("no.ics", "hello\n", 6, 0600);
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		buf_clear(&why);
		assert_null(read_lines(cases[i].lines, &why, &line));
		assert_string_equal(buf_str(&why), cases[i].why);
		assert_int_equal(line, cases[i].line);
	}
	buf_release(&why);
}

int
test_hours(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(work_continues_when_the_team_is_back),
		cmocka_unit_test(a_break_is_closed),
		cmocka_unit_test(a_night_belongs_to_the_day_on_which_it_begins),
		cmocka_unit_test(exceptions_change_a_day),
		cmocka_unit_test(days_of_23_and_25_hours),
		cmocka_unit_test(always_open_is_calendar_time),
		cmocka_unit_test(a_version_keeps_what_it_does_not_change),
		cmocka_unit_test(before_the_first_version_nothing_is_known),
		cmocka_unit_test(a_fingerprint_is_of_the_days_of_an_interval),
		cmocka_unit_test(days_are_told_in_words),
		cmocka_unit_test(what_is_wrong_is_refused_with_its_line),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
