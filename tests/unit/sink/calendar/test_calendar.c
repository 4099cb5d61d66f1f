/*
 * Tests of sink/calendar: names that are not time zones, files that are cut or
 * damaged, rules, and known days. tests/cases/calendar.t compares all zones
 * with another implementation.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "sink/calendar/calendar.h"

static int64_t
at(const char *text)
{
	int64_t ms = 0;

	assert_int_equal(clock_parse(text, strlen(text), &ms), 0);
	return ms;
}

static void
add_be(struct buf *to, uint64_t n, int bytes)
{
	while (bytes-- > 0)
		buf_addc(to, (char)(bytes < 8 ? n >> 8 * bytes & 0xff : 0));
}

static void
add_header(struct buf *to, uint32_t times)
{
	buf_adds(to, "TZif2");
	add_be(to, 0, 7 + 8);
	add_be(to, 0, 8 + 4);
	add_be(to, times, 4);
	add_be(to, 2, 4);
	add_be(to, 4, 4);
}

static void
add_types(struct buf *to)
{
	add_be(to, 3600, 4);
	add_be(to, 0, 2);
	add_be(to, 7200, 4);
	add_be(to, 0x0100, 2);
	add_be(to, 0, 4);
}

/* Makes a file with one change, from +1 to +2 at that second, and a rule. */
static void
make_file(struct buf *to, int64_t change, const char *rule)
{
	buf_clear(to);
	add_header(to, 0);
	add_types(to);
	add_header(to, 1);
	add_be(to, (uint64_t)change, 8);
	buf_addc(to, '\1');
	add_types(to);
	buf_addf(to, "\n%s\n", rule);
}

static struct zone *
read_file(int64_t change, const char *rule)
{
	struct buf file = BUF_INIT;
	struct zone *z;

	make_file(&file, change, rule);
	z = zone_read(file.data, file.len);
	buf_release(&file);
	return z;
}

static void
names_that_are_no_zones(void **state)
{
	static const char *const names[] = { "", "Nowhere", "Europe",
		"europe/lisbon", "/etc/passwd", "/UTC", "../zoneinfo/UTC",
		"Europe/../UTC", "Europe/./Lisbon", "Europe//Lisbon",
		"Europe/Lisbon/", "UTC ", " UTC", "tzdata.zi", "leapseconds",
		"EST5EDT,M3.2.0,M11.1.0", "+05:30", "right/UTC", "UTC\n",
		"Europe/Lisbon%00", "\xc3\xa9", "localtime", "posixrules",
		"posix/Europe/Lisbon", "Factory" };
	struct buf why = BUF_INIT;
	char name[4096];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(names); i++) {
		assert_null(zone_open(names[i], &why));
		assert_non_null(strstr(buf_str(&why), "Europe/Lisbon"));
	}
	memset(name, 'x', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	assert_null(zone_open(name, NULL));
	buf_release(&why);
}

static void
every_cut_is_refused(void **state)
{
	struct buf file = BUF_INIT;
	struct zone *z;
	size_t n;

	(void)state;
	make_file(&file, 1000, "<+02>-2");
	for (n = 0; n < file.len; n++)
		assert_null(zone_read(file.data, n));
	z = zone_read(file.data, file.len);
	assert_non_null(z);
	zone_close(z);
	buf_release(&file);
}

/* Each file is read or refused, and nothing beyond it is read. */
static void
every_byte_may_be_wrong(void **state)
{
	struct buf file = BUF_INIT;
	char *copy;
	size_t i;
	int b;

	(void)state;
	make_file(&file, 1000, "AAA-1BBB,M3.5.0/1,M10.5.0");
	for (i = 0; i < file.len; i++) {
		for (b = 0; b < 256; b += 5) {
			copy = xmalloc(file.len);
			memcpy(copy, file.data, file.len);
			copy[i] = (char)b;
			zone_close(zone_read(copy, file.len));
			free(copy);
		}
	}
	buf_release(&file);
}

static void
rules_that_are_none(void **state)
{
	static const char *const rules[] = { "X", "5", "<+02", "AAA",
		"AAA-1BBB", "AAA-1BBB,M3.5.0", "AAA-1BBB,M3.5.0,M10.5",
		"AAA-1BBB,M13.5.0,M10.5.0", "AAA-1BBB,M3.6.0,M10.5.0",
		"AAA-1BBB,M3.0.0,M10.5.0", "AAA-1BBB,M3.5.7,M10.5.0",
		"AAA-1BBB,M3.5.0,M10.5.0x", "AAA-1BBB,J366,J400", "AAA-1:60",
		"AAA-168", "AAA--1", "AAA-1BBB;M3.5.0;M10.5.0" };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(rules); i++)
		assert_null(read_file(1000, rules[i]));
}

static void
assert_day(const char *zone, const char *time, const char *begin, int hours)
{
	struct zone *z = zone_open(zone, NULL);
	char text[CALENDAR_TEXT];
	int64_t day;

	assert_non_null(z);
	day = calendar_begin(z, CALENDAR_DAY, at(time));
	calendar_format(z, day, text);
	assert_string_equal(text, begin);
	assert_int_equal(
	    calendar_next(z, CALENDAR_DAY, at(time)) - day, hours * HOUR_MS);
	zone_close(z);
}

static void
days_that_are_known(void **state)
{
	(void)state;
	assert_day("UTC", "2026-11-20T23:59:59.999Z",
	    "2026-11-20T00:00:00.000+00:00", 24);
	assert_day("Europe/Lisbon", "2024-03-31T12:00:00Z",
	    "2024-03-31T00:00:00.000+00:00", 23);
	assert_day("Europe/Lisbon", "2024-10-27T12:00:00Z",
	    "2024-10-27T00:00:00.000+01:00", 25);
	assert_day("America/New_York", "2024-11-03T12:00:00Z",
	    "2024-11-03T00:00:00.000-04:00", 25);
	assert_day("Asia/Kolkata", "2024-11-03T18:30:00Z",
	    "2024-11-04T00:00:00.000+05:30", 24);
	assert_day("Pacific/Chatham", "2024-04-06T15:00:00Z",
	    "2024-04-07T00:00:00.000+13:45", 25);
	/* Midnight was passed over. */
	assert_day("America/Sao_Paulo", "2018-11-04T12:00:00Z",
	    "2018-11-04T01:00:00.000-02:00", 23);
	/* There was no 30 December 2011 in this zone. */
	assert_day("Pacific/Apia", "2011-12-30T09:59:59Z",
	    "2011-12-29T00:00:00.000-10:00", 24);
	assert_day("Pacific/Apia", "2011-12-30T10:00:00Z",
	    "2011-12-31T00:00:00.000+14:00", 24);
}

/* At 02:45 the clock in Chatham moves on to 03:45. */
static void
a_change_ends_an_hour(void **state)
{
	struct zone *z = zone_open("Pacific/Chatham", NULL);
	int64_t two = at("2026-09-26T13:15:00Z");
	int64_t change = at("2026-09-26T14:00:00Z");
	int64_t four = at("2026-09-26T14:15:00Z");

	(void)state;
	assert_non_null(z);
	assert_int_equal(calendar_next(z, CALENDAR_HOUR, two), change);
	assert_int_equal(calendar_begin(z, CALENDAR_HOUR, four - 1), change);
	assert_int_equal(calendar_next(z, CALENDAR_HOUR, change), four);
	zone_close(z);
}

/* Units follow each other without a gap. */
static void
units_follow_each_other(void **state)
{
	static const char *const names[] = { "Europe/Lisbon",
		"Australia/Lord_Howe", "America/St_Johns", "Pacific/Apia",
		"Pacific/Chatham", "Asia/Kathmandu", "Africa/Monrovia" };
	struct zone *z;
	size_t i;
	int64_t t, next;
	int unit;

	(void)state;
	for (i = 0; i < ARRAY_LEN(names); i++) {
		z = zone_open(names[i], NULL);
		assert_non_null(z);
		for (unit = CALENDAR_QUARTER; unit <= CALENDAR_MONTH; unit++) {
			enum calendar_unit u = (enum calendar_unit)unit;

			t = calendar_begin(z, u, at("2011-03-01T00:00:00Z"));
			for (; t < at("2012-01-03T00:00:00Z"); t = next) {
				next = calendar_next(z, u, t);
				assert_true(next > t);
				assert_int_equal(calendar_begin(z, u, t), t);
				assert_int_equal(
				    calendar_begin(z, u, next - 1), t);
			}
		}
		zone_close(z);
	}
}

int
test_calendar(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_that_are_no_zones),
		cmocka_unit_test(every_cut_is_refused),
		cmocka_unit_test(every_byte_may_be_wrong),
		cmocka_unit_test(rules_that_are_none),
		cmocka_unit_test(days_that_are_known),
		cmocka_unit_test(a_change_ends_an_hour),
		cmocka_unit_test(units_follow_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
