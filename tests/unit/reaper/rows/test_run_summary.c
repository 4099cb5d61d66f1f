/*
 * Tests of reaper/rows/run_summary: the summary in its three forms.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "common/base/buf.h"
#include "common/base/xalloc.h"
#include "reaper/rows/run_summary.h"

static void
the_summary_has_three_faces(void **state)
{
	static const struct {
		enum output_format format;
		const char *want;
	} cases[] = {
		{ OUTPUT_TABLE, "acme" },
		{ OUTPUT_CSV, "tenant,open,closed,gone,deleted,newer,refused" },
		{ OUTPUT_CSV, "acme,1,2,3,4,5,6" },
		{ OUTPUT_NDJSON,
		    "{\"type\":\"reaped\",\"tenant\":\"acme\",\"open\":1,"
		    "\"closed\":2,\"gone\":3,\"deleted\":4,\"newer\":5,"
		    "\"refused\":6}\n" },
	};
	struct run_summary t = RUN_SUMMARY_INIT;
	struct run_summary_tenant *a = run_summary_of(&t, "acme", 4);
	struct buf text = BUF_INIT;
	size_t i;

	(void)state;
	assert_ptr_equal(a, run_summary_of(&t, "acme", 4));
	a->open = 1;
	a->closed = 2;
	a->gone = 3;
	a->deleted = 4;
	a->newer = 5;
	a->refused = 6;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		buf_clear(&text);
		run_summary_show(&t, cases[i].format, &text);
		if (strstr(buf_str(&text), cases[i].want) == NULL)
			fail_msg("%s", buf_str(&text));
	}
	buf_release(&text);
	run_summary_release(&t);
}

static void
gone_ones_are_remembered_for_a_while(void **state)
{
	struct run_summary t = RUN_SUMMARY_INIT;
	struct run_summary_tenant *a = run_summary_of(&t, "acme", 4);

	(void)state;
	assert_int_equal(run_summary_gone_lately(a), 0);
	run_summary_add_gone(a, 3);
	run_summary_add_gone(a, 4);
	assert_int_equal(run_summary_gone_lately(a), 7);
	a->lately_since_ms -= INT64_C(3600) * 1000 + 1;
	assert_int_equal(run_summary_gone_lately(a), 0);
	run_summary_release(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_summary_has_three_faces),
		cmocka_unit_test(gone_ones_are_remembered_for_a_while),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
