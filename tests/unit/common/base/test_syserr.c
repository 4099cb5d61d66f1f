/*
 * Tests of common/base/syserr: every error number of the system has an exit
 * code and advice. No error that a machine or a disk causes has the exit code
 * for a wrong name, after which systemd does not start the program again.
 */
#include "tests/unit/unit.h"

#include "common/base/syserr.h"

#include <errno.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/xalloc.h"

#define LAST_ERRNO 133 /* EHWPOISON */

/* The errors that may have the code for wrong names. */
static const int names[] = { ENOENT, ENOTDIR, EISDIR, EEXIST, ENOTEMPTY, ELOOP,
	ENAMETOOLONG, EXDEV, EINVAL, EROFS, ENXIO, ENODEV, ESPIPE, ETXTBSY,
	EACCES, EPERM, EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT };

static bool
is_name(int err)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(names); i++)
		if (names[i] == err)
			return true;
	return false;
}

static void
every_number_has_a_code_and_a_way_out(void **state)
{
	enum exit_code in, out;
	int err;

	(void)state;
	for (err = 1; err <= LAST_ERRNO; err++) {
		in = syserr_code(err, PROG_NOINPUT);
		out = syserr_code(err, PROG_CANTCREATE);
		if (is_name(err)) {
			assert_int_equal(in, PROG_NOINPUT);
			assert_int_equal(out, PROG_CANTCREATE);
		} else {
			assert_int_equal(in, out);
			assert_true(in == PROG_IO || in == PROG_TEMPFAIL);
		}
		if (strlen(syserr_way_out(err)) < strlen("try again"))
			fail_msg("no way out of error %d", err);
	}
	assert_int_equal(syserr_code(0, PROG_DATA), PROG_DATA);
	assert_int_equal(syserr_code(LAST_ERRNO + 1, PROG_DATA), PROG_IO);
}

static void
what_runs_out_is_told_from_what_breaks(void **state)
{
	static const struct {
		int err;
		enum exit_code code;
		const char *way_out;
	} cases[] = {
		{ ENOSPC, PROG_IO, "free disk space" },
		{ EDQUOT, PROG_IO, "quota" },
		{ EFBIG, PROG_IO, "file sizes" },
		{ EIO, PROG_IO, "disk may be failing" },
		{ EUCLEAN, PROG_IO, "disk may be failing" },
		{ EMFILE, PROG_TEMPFAIL, "LimitNOFILE" },
		{ ENFILE, PROG_TEMPFAIL, "fs.file-max" },
		{ ENOMEM, PROG_TEMPFAIL, "MemoryMax" },
		{ EAGAIN, PROG_TEMPFAIL, "TasksMax" },
		{ EINTR, PROG_TEMPFAIL, "try again" },
		{ EACCES, PROG_CANTCREATE, "mode" },
		{ ENOENT, PROG_CANTCREATE, "name" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(
		    syserr_code(cases[i].err, PROG_CANTCREATE), cases[i].code);
		assert_non_null(
		    strstr(syserr_way_out(cases[i].err), cases[i].way_out));
	}
}

static void
a_reason_is_one_sentence(void **state)
{
	struct buf why = BUF_INIT;

	(void)state;
	errno = ENOSPC;
	assert_int_equal(
	    syserr_explain(&why, PROG_CANTCREATE, "cannot write '%s'", "x"),
	    PROG_IO);
	assert_int_equal(errno, ENOSPC);
	assert_string_equal(buf_str(&why),
	    "cannot write 'x': No space left on device; free disk space");
	buf_release(&why);
}

int
test_syserr(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_number_has_a_code_and_a_way_out),
		cmocka_unit_test(what_runs_out_is_told_from_what_breaks),
		cmocka_unit_test(a_reason_is_one_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
