/*
 * Tests of aggregator/model: what is older than the window is refused, and each
 * record with a time passes that of the tenant.
 */
#include "tests/unit/unit.h"

#include "common/base/clock.h"
#include "tests/unit/model_stream.h"

#define START INT64_C(1795168800000)
#define WINDOW 1000

static struct text
text(const char *s)
{
	return (struct text){ s, strlen(s) };
}

static void
begin(struct model *m, struct record *r)
{
	model_stream_begin(m, WINDOW);
	record_clear(r);
	r->type = RECORD_MESSAGE;
	r->chat = text("a");
	r->id = text("1");
	r->from = FROM_CUSTOMER;
	r->at = START + 5000;
	assert_int_equal(model_add(m, r), MODEL_NEW);
}

static void
late_ones_are_refused(void **state)
{
	struct record r;
	struct model m;

	(void)state;
	begin(&m, &r);
	r.id = text("2");
	r.at = START + 3999;
	assert_int_equal(model_add(&m, &r), MODEL_LATE);
	r.at = START + 4000;
	assert_int_equal(model_add(&m, &r), MODEL_NEW);
	assert_int_equal(model_add(&m, &r), MODEL_DUPLICATE);
	r.updated_at = START + 4001;
	assert_int_equal(model_add(&m, &r), MODEL_VERSION);
	assert_true(m.replaced.at == START + 4000);
	assert_int_equal(model_add(&m, &r), MODEL_DUPLICATE);
	r.type = RECORD_VIEW;
	assert_int_equal(model_add(&m, &r), MODEL_SKIPPED);
	model_release(&m);
}

static void
operators_are_late_and_pass_time(void **state)
{
	struct record r;
	struct model m;

	(void)state;
	begin(&m, &r);
	record_clear(&r);
	r.type = RECORD_OPERATOR;
	r.operator_id = text("1");
	r.at = START + 3999;
	assert_int_equal(model_add(&m, &r), MODEL_LATE);
	assert_int_equal(m.totals.operators, 0);
	r.at = CLOCK_NONE;
	assert_int_equal(model_add(&m, &r), MODEL_NEW);
	assert_int_equal(m.totals.operators, 1);
	assert_true(m.as_of == START + 5000);
	r.at = START + 7000;
	assert_int_equal(model_add(&m, &r), MODEL_NEW);
	assert_true(m.as_of == START + 7000);
	/* What another generation hands over was in time once. */
	r.stale = true;
	r.at = START;
	assert_int_equal(model_add(&m, &r), MODEL_NEW);
	model_release(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(late_ones_are_refused),
		cmocka_unit_test(operators_are_late_and_pass_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
