/*
 * Test of longest_monologue: messages of one long chat come from a file in any
 * order; the test would not live to see the end if each looked for its place
 * among them.
 */
#include "tests/unit/tmpdir.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/conf/conf.h"

#include "aggregator/counting/streaming_metric.h"
#include "aggregator/metrics/metrics.h"

#define START INT64_C(1795165200000)
#define LONG_CHAT INT64_C(400000)

/* Every second message is the customer's, but for a hundred in the middle. */
static void
a_file_may_have_a_long_chat_in_any_order(void **state)
{
	static const int64_t strides[] = { 1, LONG_CHAT - 1, 7919 };
	struct streaming_metric_message m = {
		.chat = { "c", 1 }, .user = { "u", 1 }, .counted = true
	};
	const struct metric *metric = metric_find("longest_monologue");
	struct conf *conf;
	struct buf why = BUF_INIT;
	struct keyed_state_pool pool;
	struct streaming_metrics *f;
	struct rowset rows = { 0 };
	char id[40];
	int64_t i, at;
	size_t s;

	(void)state;
	tmpdir_file("t.conf", "", 0, 0600);
	conf = conf_load("t.conf", &why);
	assert_non_null(conf);
	for (s = 0; s < ARRAY_LEN(strides); s++) {
		memset(&pool, 0, sizeof pool);
		f = streaming_metrics_open(&metric, 1, conf, "t1",
		    &(struct streaming_metrics_home){ .pool = &pool });
		for (i = 0; i < LONG_CHAT; i++) {
			at = i * strides[s] % LONG_CHAT;
			m.id.p = id;
			m.id.len =
			    (size_t)snprintf(id, sizeof id, "m%" PRId64, at);
			m.at = START + at;
			m.from = at % 2 == 0 || at / 100 == LONG_CHAT / 200
				     ? FROM_CUSTOMER
				     : FROM_OPERATOR;
			streaming_metrics_message(f, &m, NULL);
		}
		streaming_metrics_advance(f, START + LONG_CHAT, true);
		rows.metric = metric;
		streaming_metrics_emit(f, &rows, ROWS_ALL);
		assert_int_equal(rows.n, 1);
		at = metric_column(metric, "messages");
		assert_int_equal(rowset_get(&rows, 0)[at].n, 101);
		rowset_release(&rows);
		streaming_metrics_close(f);
		keyed_state_pool_release(&pool);
	}
	conf_free(conf);
	buf_release(&why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_may_have_a_long_chat_in_any_order),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
