/*
 * Tests of response_hours and response_histogram in a generation of aggregators
 * that takes chats over: what the one before counted is not counted once more,
 * also when a record that comes after the change ends it in another way.
 */
#include "tests/unit/model_stream.h"
#include "tests/unit/tmpdir.h"

#include "common/conf/conf.h"

#include "aggregator/metrics/streaming_metric.h"

#define START INT64_C(1795165200000)
#define WINDOW_MS (INT64_C(3600) * 1000)
#define CHANGE INT64_C(60000) /* the last message that was handed over */

struct taker {
	struct model model;
	struct streaming_metrics *streaming;
	struct keyed_state_pool pool;
	struct conf *conf;
};

static void
begin(struct taker *t)
{
	struct buf why = BUF_INIT;
	struct model *m = &t->model;

	memset(t, 0, sizeof *t);
	tmpdir_file("t.conf", "[aggregator]\npart = 0/2\n", 24, 0600);
	t->conf = conf_load("t.conf", &why);
	assert_non_null(t->conf);
	t->streaming = streaming_metrics_open(metrics, metrics_n, t->conf, "t",
	    &(struct streaming_metrics_home){
		.pool = &t->pool, .window_ms = WINDOW_MS });
	model_stream_begin(m, WINDOW_MS);
	m->memory = WINDOW_MS;
	m->on_interval = streaming_metrics_model_interval;
	m->ctx = t->streaming;
	buf_release(&why);
}

static void
end(struct taker *t)
{
	model_release(&t->model);
	streaming_metrics_close(t->streaming);
	keyed_state_pool_release(&t->pool);
	conf_free(t->conf);
}

static void
flush(struct taker *t)
{
	model_recompute(&t->model, &definition_ours);
	streaming_metrics_advance(t->streaming, t->model.as_of, false);
	model_clear_changed(&t->model);
}

/* Of a customer or an operator, or a closing; stale: it is handed over. */
static void
write_message(struct taker *t, const char *id, int64_t at,
    enum message_from from, bool stale)
{
	struct streaming_metric_message m;
	struct record r;

	record_clear(&r);
	r.type = RECORD_MESSAGE;
	r.chat = (struct text){ "a", 1 };
	r.id = (struct text){ id, strlen(id) };
	r.at = START + at;
	r.from = from;
	r.stale = stale;
	if (from == FROM_SYSTEM)
		r.kind = (struct text){ "closed", 6 };
	assert_int_equal(model_add(&t->model, &r), MODEL_NEW);
	streaming_metric_message_read(&m, &r);
	if (stale)
		streaming_metrics_counted_elsewhere(t->streaming, &m);
}

/* A customer was answered, and the chat closed unless it is still open. */
static void
take_over(struct taker *t, bool closed)
{
	struct record r;

	write_message(t, "m1", 0, FROM_CUSTOMER, true);
	write_message(t, "m5", CHANGE, FROM_OPERATOR, true);
	if (closed)
		write_message(t, "m6", CHANGE, FROM_SYSTEM, true);
	record_clear(&r);
	r.type = RECORD_HISTORY;
	r.chat = (struct text){ "a", 1 };
	r.episode = EPISODE_NONE;
	(void)model_add(&t->model, &r);
	flush(t);
}

/* How many of that kind the rows of a table have. */
static int64_t
count(struct taker *t, const char *table, const char *column, const char *kind)
{
	struct rowset rows = { 0 };
	const struct cell *c;
	int64_t sum = 0;
	size_t i, j;

	for (i = 0; i < metrics_n; i++) {
		if (strcmp(metrics[i]->table->name, table) != 0)
			continue;
		rows.metric = metrics[i];
		streaming_metrics_emit(t->streaming, &rows, ROWS_ALL);
		for (j = 0; j < rows.n; j++) {
			c = rowset_get(&rows, j);
			if (text_is(c[metric_column(rows.metric, "kind")].text,
				kind))
				sum += c[metric_column(rows.metric, column)].n;
		}
		rowset_release(&rows);
	}
	return sum;
}

static void
assert_count(struct taker *t, const char *kind, int64_t want)
{
	assert_int_equal(count(t, "response_hours", "responses", kind), want);
	assert_int_equal(count(t, "response_histogram", "count", kind), want);
}

/* An answer of the very same millisecond, or one that comes late. */
static void
an_answer_that_comes_before_is_none_more(void **state)
{
	static const struct {
		const char *id;
		int64_t at;
	} rows[] = { { "m0", CHANGE }, { "m9", CHANGE }, { "m0", 500 } };
	struct taker t;
	size_t i;
	int flushes;

	(void)state;
	for (i = 0; i < ARRAY_LEN(rows); i++) {
		for (flushes = 0; flushes < 2; flushes++) {
			begin(&t);
			take_over(&t, false);
			assert_count(&t, "reply", 0);
			assert_count(&t, "first_response", 0);
			write_message(
			    &t, rows[i].id, rows[i].at, FROM_OPERATOR, false);
			if (flushes > 0)
				flush(&t);
			/* Once more, before that one. */
			write_message(
			    &t, "m00", rows[i].at - 1, FROM_OPERATOR, false);
			flush(&t);
			assert_count(&t, "reply", 0);
			assert_count(&t, "first_response", 0);
			end(&t);
		}
	}
}

static void
a_closing_that_comes_before_is_none_more(void **state)
{
	struct taker t;

	(void)state;
	begin(&t);
	take_over(&t, true);
	assert_count(&t, "resolution", 0);
	write_message(&t, "m55", CHANGE, FROM_SYSTEM, false);
	flush(&t);
	assert_count(&t, "resolution", 0);
	end(&t);
}

/* What follows is counted here. */
static void
the_next_answer_counts(void **state)
{
	struct taker t;

	(void)state;
	begin(&t);
	take_over(&t, false);
	write_message(&t, "m0", CHANGE, FROM_OPERATOR, false);
	write_message(&t, "n1", CHANGE + 1, FROM_CUSTOMER, false);
	write_message(&t, "n2", CHANGE + 5, FROM_OPERATOR, false);
	flush(&t);
	assert_count(&t, "reply", 1);
	/* An earlier one takes its place. */
	write_message(&t, "n3", CHANGE + 3, FROM_OPERATOR, false);
	flush(&t);
	assert_count(&t, "reply", 1);
	end(&t);
}

/* An answer that took the place of a counted one, and lost it to another,
 * counts as the answer to a message between the two. */
static void
what_filled_a_gap_counts_later(void **state)
{
	struct taker t;

	(void)state;
	begin(&t);
	write_message(&t, "m2", 10, FROM_OPERATOR, true);
	write_message(&t, "m3", 20, FROM_CUSTOMER, true);
	take_over(&t, false);
	write_message(&t, "n1", 500, FROM_OPERATOR, false);
	flush(&t);
	write_message(&t, "n2", 400, FROM_OPERATOR, false);
	flush(&t);
	assert_count(&t, "reply", 0);
	write_message(&t, "n3", 450, FROM_CUSTOMER, false);
	flush(&t);
	assert_count(&t, "first_response", 0);
	assert_count(&t, "reply", 1);
	end(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_that_comes_before_is_none_more),
		cmocka_unit_test(a_closing_that_comes_before_is_none_more),
		cmocka_unit_test(the_next_answer_counts),
		cmocka_unit_test(what_filled_a_gap_counts_later),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
