/*
 * Tests of reaper/rights/state_order: what an order that waits knows is not
 * lost by the next one, and only the aggregator says that one is done.
 */
#include "tests/unit/tmpdir.h"

#include "common/os/statefile.h"
#include "common/records/forget_order.h"
#include "common/records/record.h"
#include "reaper/rights/state_order.h"

#define DONE FORGET_FOLDER "/forgotten-1" FORGET_DONE
#define ORDER FORGET_FOLDER "/forgotten-1" FORGET_ENDING

/* Writes an order of a subject with these names; it has those then. */
static void
order(const char *names, const char *want)
{
	struct subject s = { .tenant = "t", .id = "5", .alias = "forgotten-1" };
	struct buf why = BUF_INIT, bytes = BUF_INIT;
	struct forget_order o;
	int64_t wait_ms = -1;

	/* What the first run knew is gone at the next one. */
	if (names[0] != '\0') {
		subject_add_chat(&s, "c 1", 3);
		subject_add_chat(&s, "c\n2", 3);
		subject_add_name(&s, names, strlen(names));
	}
	assert_int_equal(state_order_write(&s, ".", &wait_ms, &why), PROG_OK);
	assert_int_equal(wait_ms, 0);
	assert_int_equal(statefile_read(ORDER, &bytes, &why), 1);
	assert_int_equal(forget_order_unpack(&o, bytes.data, bytes.len), 0);
	assert_true(text_is(o.customer, "5"));
	assert_true(text_is(o.alias, "forgotten-1"));
	assert_int_equal(forget_order_has_chat(&o, (struct text){ "c 1", 3 }),
	    want[0] != '\0');
	assert_int_equal(forget_order_has_chat(&o, (struct text){ "c\n2", 3 }),
	    want[0] != '\0');
	assert_false(forget_order_has_chat(&o, (struct text){ "c", 1 }));
	if (!text_is(o.names, want))
		fail_msg("%.*s", TEXT_ARG(o.names));
	subject_release(&s);
	buf_release(&why);
	buf_release(&bytes);
}

/* What is counted under an id that an operator has, too, is the operator's. */
static void
an_operator_gets_no_alias(void **state)
{
	const struct subject s = { .tenant = "t",
		.id = "5",
		.alias = "forgotten-1",
		.is_operator = true };
	struct buf why = BUF_INIT, bytes = BUF_INIT;
	struct forget_order o;
	int64_t wait_ms;

	(void)state;
	assert_int_equal(state_order_write(&s, ".", &wait_ms, &why), PROG_OK);
	assert_int_equal(statefile_read(ORDER, &bytes, &why), 1);
	assert_int_equal(forget_order_unpack(&o, bytes.data, bytes.len), 0);
	assert_int_equal(o.alias.len, 0);
	assert_int_equal(unlink(ORDER), 0);
	assert_int_equal(rmdir(FORGET_FOLDER), 0);
	buf_release(&why);
	buf_release(&bytes);
}

/* The first run forgets the names in the tables, and a stream whose aggregator
 * did not run since has to know them yet. */
static void
names_of_a_waiting_order_stay(void **state)
{
	char said[512];
	int saved;

	(void)state;
	order("Ann", " Ann");
	order("", " Ann");
	order("Ann", " Ann");
	order("Bea", " Bea Ann");
	order("", " Bea Ann");
	order("Bea Anna", " Bea Anna Bea Ann");
	/* One that nobody can read is replaced, and that is said. */
	tmpdir_file(ORDER, "no order", 8, 0600);
	saved = tmpdir_catch_stderr();
	order("Cleo", " Cleo");
	tmpdir_stderr(saved, said, sizeof said);
	assert_non_null(strstr(said, "cannot be read and is written anew"));
	assert_int_equal(unlink(ORDER), 0);
	order("", "");
	assert_int_equal(unlink(ORDER), 0);
	assert_int_equal(rmdir(FORGET_FOLDER), 0);
}

/* Asks once whether it is done. */
static enum exit_code
is_done(void)
{
	struct subject s = { .tenant = "t", .id = "5", .alias = "forgotten-1" };
	struct buf why = BUF_INIT;
	enum exit_code code = state_order_wait(&s, ".", 0, &why);

	assert_int_equal(code == PROG_OK, why.len == 0);
	buf_release(&why);
	return code;
}

/* That there is no order says nothing: a file may be lost. */
static void
done_is_what_the_aggregator_says(void **state)
{
	struct buf why = BUF_INIT;

	(void)state;
	order("Ann", " Ann");
	assert_int_equal(is_done(), PROG_TEMPFAIL);
	assert_int_equal(unlink(ORDER), 0);
	assert_int_equal(is_done(), PROG_TEMPFAIL);
	assert_int_equal(statefile_write(DONE, "", 0, &why), 0);
	/* Of a run that was killed while it wrote the order once more. */
	tmpdir_file(ORDER ".new", "5", 1, 0600);
	assert_int_equal(is_done(), PROG_OK);
	assert_int_equal(access(ORDER ".new", F_OK), -1);
	assert_int_equal(access(DONE, F_OK), -1);
	assert_int_equal(rmdir(FORGET_FOLDER), 0);
}

/* One of before an update has no chats, and is carried out. */
static void
an_older_order_is_read(void **state)
{
	static const char older[] = "\1\2t\0025\5 Ann\2";
	struct forget_order o;

	(void)state;
	assert_int_equal(forget_order_unpack(&o, older, sizeof older - 1), 0);
	assert_true(text_is(o.names, " Ann"));
	assert_int_equal(o.asked_at, 1);
	assert_false(forget_order_has_chat(&o, (struct text){ "c", 1 }));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_a_waiting_order_stay),
		cmocka_unit_test(an_operator_gets_no_alias),
		cmocka_unit_test(an_older_order_is_read),
		cmocka_unit_test(done_is_what_the_aggregator_says),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
