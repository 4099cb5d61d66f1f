/*
 * Tests of common/hours/zone.c: files that are cut or damaged.
 * tests/cases/calendar.t compares the units of all zones with another
 * implementation, and the text case zones-unknown of the sink has names that
 * are not time zones.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/hours/zone.h"

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

#define IN_2037 2130000000

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
	make_file(&file, IN_2037, "AAA-1BBB,M3.5.0/1,M10.5.0");
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

/* If summer time goes on, the file must list it up to the last year. */
static void
a_slim_file_is_refused(void **state)
{
	static const char summer[] = "AAA-1BBB,M3.5.0,M10.5.0";
	struct zone *z;

	(void)state;
	assert_null(read_file(1000, summer));
	assert_null(read_file(clock_civil(2036, 12, 31, 23, 59, 59), summer));
	z = read_file(IN_2037, summer);
	assert_non_null(z);
	zone_close(z);
	z = read_file(1000, "<+02>-2");
	assert_non_null(z);
	zone_close(z);
}

int
test_zone(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cut_is_refused),
		cmocka_unit_test(every_byte_may_be_wrong),
		cmocka_unit_test(a_slim_file_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
