/*
 * Tests of sink/read/older_snapshots: what is warned of, when and how often:
 * not what comes again, up to the stored one.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "sink/read/older_snapshots.h"

#define STORED INT64_C(1795168860000)

/* Standard error, on which cmocka says what failed, and a file in its place. */
static int terminal, logged;

/* How often `about` stands in what was logged since the last call. */
static int
said(const char *about)
{
	static char text[4096];
	ssize_t n = pread(logged, text, sizeof text - 1, 0);
	const char *p = text;
	int times = 0;

	assert_true(n >= 0);
	text[n] = '\0';
	for (; (p = strstr(p, about)) != NULL; p++)
		times++;
	assert_int_equal(ftruncate(logged, 0), 0);
	assert_int_equal(lseek(logged, 0, SEEK_SET), 0);
	return times;
}

static void
come(struct older_snapshots *o, const char *tenant, const char *id,
    int64_t removed_at, int64_t now_ms)
{
	const struct batch_tenant t = {
		.name = { tenant, strlen(tenant) },
		.stored = { .as_of = STORED, .removed_at = removed_at },
		.ended = { .snapshot = { id, strlen(id) },
		    .as_of = STORED - 1000 },
	};

	assert_int_equal(dup2(logged, STDERR_FILENO), STDERR_FILENO);
	older_snapshots_add(o, &t, now_ms);
	assert_int_equal(dup2(terminal, STDERR_FILENO), STDERR_FILENO);
}

static void
end(struct older_snapshots *o)
{
	assert_int_equal(dup2(logged, STDERR_FILENO), STDERR_FILENO);
	older_snapshots_warn(o);
	assert_int_equal(dup2(terminal, STDERR_FILENO), STDERR_FILENO);
}

static void
it_is_told_once_and_late(void **state)
{
	const struct text t = { "t", 1 };
	struct older_snapshots o;

	(void)state;
	older_snapshots_init(&o);
	come(&o, "t", "s1", CLOCK_NONE, 0);
	come(&o, "t", "s2", CLOCK_NONE, MINUTE_MS - 1);
	come(&o, "removed", "s1", STORED, 0);
	assert_int_equal(said("snapshot"), 0);
	come(&o, "t", "s3", CLOCK_NONE, MINUTE_MS);
	assert_int_equal(
	    said("snapshot s1 of t is of 2026-11-20T10:00:59.000Z, "
		 "no newer than what is stored, of "
		 "2026-11-20T10:01:00.000Z,"),
	    1);
	come(&o, "t", "s4", CLOCK_NONE, 3 * MINUTE_MS);
	end(&o);
	assert_int_equal(said("snapshot"), 0);

	/* Then the clock was right, and again wrong. */
	older_snapshots_over(&o, t);
	come(&o, "t", "s5", CLOCK_NONE, 4 * MINUTE_MS);
	assert_int_equal(said("snapshot"), 0);
	end(&o);
	assert_int_equal(said("snapshot s5 of t"), 1);
	older_snapshots_release(&o);
}

static void
what_comes_again_is_not_told(void **state)
{
	const struct text t = { "t", 1 };
	struct older_snapshots o;

	(void)state;
	older_snapshots_init(&o);
	come(&o, "t", "s1", CLOCK_NONE, 0);
	come(&o, "other", "s1", CLOCK_NONE, 0);
	older_snapshots_over(&o, t);
	end(&o);
	assert_int_equal(said("snapshot s1 of t "), 0);
	older_snapshots_release(&o);
}

static int
open_log(void **state)
{
	FILE *f = tmpfile();

	(void)state;
	logged = f != NULL ? fileno(f) : -1;
	terminal = dup(STDERR_FILENO);
	return logged >= 0 && terminal >= 0 ? 0 : -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_told_once_and_late),
		cmocka_unit_test(what_comes_again_is_not_told),
	};

	return cmocka_run_group_tests(tests, open_log, NULL);
}
