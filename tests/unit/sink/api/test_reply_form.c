/*
 * Test of the header Accept: how much it wants a type. That it decides the form
 * of an answer is tested over HTTP.
 */
#include "tests/unit/unit.h"

#include "common/base/xalloc.h"
#include "sink/api/reply_form.h"

/* A weight in thousandths. */
static unsigned
csv_weight(const char *accept)
{
	return reply_form_weight(accept, "text/csv") / 4;
}

static void
weights_are_read(void **state)
{
	static const struct {
		const char *accept;
		unsigned weight;
	} rows[] = {
		{ "text/csv", 1000 },
		{ "TEXT/Csv", 1000 },
		{ "text/*;q=0.5", 500 },
		{ "*/*;q=0.25", 250 },
		{ "*/*;q=0.2,text/csv;q=0.125", 125 },
		{ "text/csv;q=0.125,*/*;q=0.2", 125 },
		{ "text/*;q=0,*/*", 0 },
		{ "text/csv;q=0", 0 },
		{ "text/csv ; charset=utf-8 ; Q=0.0019", 1 },
		{ "a/b;q=1, text/csv\t;q=1.000", 1000 },
		{ "text/csv;q=x", 1000 },
		{ "text/csv;", 1000 },
		{ "text/csv;q=", 1000 },
		{ "text/csvx, text/cs, atext/csv, text, */csv, *", 0 },
		{ "application/*", 0 },
		{ ",, ,", 0 },
		{ "", 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(rows); i++) {
		if (csv_weight(rows[i].accept) != rows[i].weight)
			fail_msg("%s: %u, not %u", rows[i].accept,
			    csv_weight(rows[i].accept), rows[i].weight);
	}
}

static void
what_is_named_is_wanted_more(void **state)
{
	(void)state;
	assert_true(reply_form_weight("*/*, text/csv", "text/csv") >
		    reply_form_weight("*/*, text/csv", "application/json"));
	assert_true(
	    reply_form_weight("text/csv, */*;q=0.9", "text/csv") >
	    reply_form_weight("text/csv, */*;q=0.9", "application/json"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(weights_are_read),
		cmocka_unit_test(what_is_named_is_wanted_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
