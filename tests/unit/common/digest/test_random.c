/*
 * Tests of common/random: all that was asked for is drawn, however little the
 * system gives at once, and without it the process ends.
 */
#include "tests/unit/unit.h"

#include "common/digest/random.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/types.h>

#include "common/base/prog.h"

#include "tests/unit/tmpdir.h"

/* Stands in for the system's: the answers in turn, the last one again and
 * again. Above 0: at most that many bytes, else errno. */
static const int plenty[] = { 256, 0 };
static const int *answers = plenty;
static unsigned char next;

/* NOLINTNEXTLINE */
ssize_t
getrandom(void *to, size_t len, unsigned flags)
{
	unsigned char *p = to;
	size_t i;
	int answer = answers[0];

	(void)flags;
	if (answers[1] != 0)
		answers++;
	if (answer < 0) {
		errno = -answer;
		return -1;
	}
	if (len > (size_t)answer)
		len = (size_t)answer;
	for (i = 0; i < len; i++)
		p[i] = ++next;
	return (ssize_t)len;
}

static jmp_buf died;

static void
die_jumps(enum exit_code code)
{
	longjmp(died, (int)code);
}

static void
what_comes_in_pieces_is_put_together(void **state)
{
	static const int pieces[] = { 3, -EINTR, 1, -EINTR, 100, 0 };
	unsigned char got[12] = { 0 };
	size_t i;

	(void)state;
	answers = pieces;
	next = 0;
	random_fill(got, 10);
	for (i = 0; i < 10; i++)
		assert_int_equal(got[i], i + 1);
	assert_int_equal(got[10], 0);
	random_fill(got, 0);
	assert_int_equal(got[0], 1);
}

static void
every_bit_of_a_number_is_drawn(void **state)
{
	static const int all[] = { 100, 0 };
	uint32_t half, half_bytes;
	uint64_t whole, whole_bytes;

	(void)state;
	answers = all;
	next = 0;
	half = random_32();
	whole = random_64();
	memcpy(&half_bytes, "\1\2\3\4", sizeof half);
	memcpy(&whole_bytes, "\5\6\7\10\11\12\13\14", sizeof whole);
	assert_int_equal(half, half_bytes);
	assert_int_equal(whole, whole_bytes);
}

static void
without_randomness_the_process_ends(void **state)
{
	static const int refused[] = { 3, -ENOSYS, 0 };
	char err[256];
	int saved, code;

	(void)state;
	answers = refused;
	prog_die_hook = die_jumps;
	saved = tmpdir_catch_stderr();
	code = setjmp(died);
	if (code == 0)
		(void)random_64();
	tmpdir_stderr(saved, err, sizeof err);
	prog_die_hook = NULL;
	assert_int_equal(code, PROG_TEMPFAIL);
	assert_non_null(strstr(err, "cannot draw random bits: "));
	assert_non_null(strstr(err, "; allow it the system call getrandom\n"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_comes_in_pieces_is_put_together),
		cmocka_unit_test(every_bit_of_a_number_is_drawn),
		cmocka_unit_test(without_randomness_the_process_ends),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
