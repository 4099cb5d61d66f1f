/*
 * Tests of response_hours and response_histogram in a generation of aggregators
 * that takes chats over: what the one before counted is not counted once more,
 * also when a record that comes after the change ends it in another way.
 */
#include "tests/unit/model_stream.h"
#include "tests/unit/tmpdir.h"

#include "common/conf/conf.h"

#include "aggregator/counting/streaming_metric.h"
#include "aggregator/metrics/metrics.h"
#include "aggregator/model/model_pack.h"

#define START INT64_C(1795165200000)
#define WINDOW_MS (INT64_C(3600) * 1000)
#define CHANGE INT64_C(60000) /* the last message that was handed over */

struct taker {
	struct model model;
	struct buf segment; /* the chat's messages, for a restart */
	struct streaming_metrics *streaming;
	struct keyed_state_pool pool;
	struct conf *conf;
};

static void
report_interval(void *ctx, const struct model *m, const struct chat *c,
    const struct interval *i, bool withdrawn)
{
	struct taker *t = ctx;

	streaming_metrics_model_interval(t->streaming, m, c, i, withdrawn);
}

static void
fetch_messages(void *ctx, struct model *m, struct chat *c)
{
	struct taker *t = ctx;

	assert_int_equal(
	    model_unpack_segment(m, c, t->segment.data, t->segment.len), 0);
}

static void
begin_model(struct model *m)
{
	model_stream_begin(m, WINDOW_MS);
	m->memory = WINDOW_MS;
	m->on_interval = report_interval;
	m->fetch = fetch_messages;
}

static void
begin(struct taker *t)
{
	struct buf why = BUF_INIT;

	memset(t, 0, sizeof *t);
	t->segment = (struct buf)BUF_INIT;
	tmpdir_file("t.conf", "[aggregator]\npart = 0/2\n", 24, 0600);
	t->conf = conf_load("t.conf", &why);
	assert_non_null(t->conf);
	t->streaming = streaming_metrics_open(metrics, metrics_n, t->conf, "t",
	    &(struct streaming_metrics_home){
		.pool = &t->pool, .window_ms = WINDOW_MS });
	begin_model(&t->model);
	t->model.ctx = t;
	buf_release(&why);
}

static void
end(struct taker *t)
{
	model_release(&t->model);
	streaming_metrics_close(t->streaming);
	keyed_state_pool_release(&t->pool);
	conf_free(t->conf);
	buf_release(&t->segment);
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
read_message(struct record *r, const char *id, int64_t at,
    enum message_from from, bool stale)
{
	record_clear(r);
	r->type = RECORD_MESSAGE;
	r->chat = (struct text){ "a", 1 };
	r->id = (struct text){ id, strlen(id) };
	r->at = START + at;
	r->from = from;
	r->stale = stale;
	if (from == FROM_SYSTEM)
		r->kind = (struct text){ "closed", 6 };
}

static void
write_message(struct taker *t, const char *id, int64_t at,
    enum message_from from, bool stale)
{
	struct streaming_metric_message m;
	struct record r;

	read_message(&r, id, at, from, stale);
	assert_int_equal(model_add(&t->model, &r), MODEL_NEW);
	streaming_metric_message_read(&m, &r);
	if (stale)
		streaming_metrics_counted_elsewhere(t->streaming, &m);
}

/* The last record of what is handed over of the chat. */
static void
end_arrival(struct taker *t)
{
	struct record r;

	record_clear(&r);
	r.type = RECORD_HISTORY;
	r.chat = (struct text){ "a", 1 };
	r.episode = EPISODE_NONE;
	(void)model_add(&t->model, &r);
	flush(t);
}

/* A customer was answered, and the chat closed unless it is still open. */
static void
take_over(struct taker *t, bool closed)
{
	write_message(t, "m1", 0, FROM_CUSTOMER, true);
	write_message(t, "m5", CHANGE, FROM_OPERATOR, true);
	if (closed)
		write_message(t, "m6", CHANGE, FROM_SYSTEM, true);
	end_arrival(t);
}

static void
hand_over_again(struct taker *t)
{
	struct record r;

	read_message(&r, "m5", CHANGE, FROM_OPERATOR, true);
	assert_int_equal(model_add(&t->model, &r), MODEL_DUPLICATE);
	end_arrival(t);
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

/* It takes the place of the one that is counted, which then closes nothing but
 * itself: a resolution of no time. */
static void
a_closing_that_comes_before_is_one_more(void **state)
{
	struct taker t;

	(void)state;
	begin(&t);
	take_over(&t, true);
	assert_count(&t, "resolution", 0);
	write_message(&t, "m55", CHANGE, FROM_SYSTEM, false);
	flush(&t);
	assert_count(&t, "resolution", 1);
	assert_int_equal(
	    count(&t, "response_hours", "sum_ms", "resolution"), 0);
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

/* What is handed over may be an answer only to what comes after the change, and
 * stop being one. */
static void
what_answered_nothing_counts_later(void **state)
{
	struct taker t;
	int flushes;

	(void)state;
	for (flushes = 0; flushes < 2; flushes++) {
		begin(&t);
		write_message(&t, "m7", CHANGE, FROM_OPERATOR, true);
		take_over(&t, false);
		write_message(&t, "m6", CHANGE, FROM_CUSTOMER, false);
		if (flushes > 0) {
			flush(&t);
			assert_count(&t, "reply", 1);
		}
		write_message(&t, "m65", CHANGE, FROM_OPERATOR, false);
		flush(&t);
		assert_count(&t, "reply", 1);
		assert_count(&t, "first_response", 0);
		end(&t);
	}
}

/* A message before the one that it answers is part of the same request. */
static void
an_answer_to_an_earlier_message_is_none_more(void **state)
{
	struct taker t;

	(void)state;
	begin(&t);
	take_over(&t, false);
	write_message(&t, "m00", -100, FROM_CUSTOMER, false);
	flush(&t);
	assert_count(&t, "first_response", 0);
	/* But it counts where another takes its request. */
	write_message(&t, "m01", 100, FROM_OPERATOR, false);
	write_message(&t, "m02", 200, FROM_CUSTOMER, false);
	flush(&t);
	assert_count(&t, "first_response", 0);
	assert_count(&t, "reply", 1);
	end(&t);
}

/* Whatever came of the chat before it is handed over once more counts. */
static void
what_comes_before_it_is_handed_over_again_counts(void **state)
{
	struct taker t;

	(void)state;
	begin(&t);
	take_over(&t, false);
	write_message(&t, "n1", CHANGE + 1, FROM_CUSTOMER, false);
	write_message(&t, "n2", CHANGE + 5, FROM_OPERATOR, false);
	hand_over_again(&t);
	assert_count(&t, "reply", 1);
	end(&t);
}

static void
restart(struct taker *t)
{
	struct model *m = &t->model;

	flush(t);
	model_pack_segment(m, m->chats[0], 0, &t->segment);
	model_stream_restart(m, m->chats[0], begin_model);
	m->ctx = t;
}

/* It restarts when all but its end has come; a record of today may come even
 * before that. */
static void
a_restart_while_it_arrives_changes_nothing(void **state)
{
	struct taker t;
	int early;

	(void)state;
	for (early = 0; early < 2; early++) {
		begin(&t);
		write_message(&t, "m1", 0, FROM_CUSTOMER, true);
		write_message(&t, "m5", CHANGE, FROM_OPERATOR, true);
		restart(&t);
		if (early == 0)
			end_arrival(&t);
		flush(&t);
		write_message(&t, "m3", 500, FROM_OPERATOR, false);
		end_arrival(&t);
		flush(&t);
		assert_count(&t, "first_response", 0);
		write_message(&t, "n1", CHANGE + 1, FROM_CUSTOMER, false);
		write_message(&t, "n2", CHANGE + 5, FROM_OPERATOR, false);
		flush(&t);
		assert_count(&t, "first_response", 0);
		assert_count(&t, "reply", 1);
		end(&t);
	}
}

/* A record makes a reply of a first response. */
static void
an_answer_of_another_kind_is_none_more(void **state)
{
	struct taker t;

	(void)state;
	begin(&t);
	take_over(&t, false);
	write_message(&t, "m0", -100, FROM_OPERATOR, false);
	flush(&t);
	assert_count(&t, "first_response", 0);
	assert_count(&t, "reply", 0);
	end(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_that_comes_before_is_none_more),
		cmocka_unit_test(a_closing_that_comes_before_is_one_more),
		cmocka_unit_test(the_next_answer_counts),
		cmocka_unit_test(what_filled_a_gap_counts_later),
		cmocka_unit_test(what_answered_nothing_counts_later),
		cmocka_unit_test(an_answer_to_an_earlier_message_is_none_more),
		cmocka_unit_test(
		    what_comes_before_it_is_handed_over_again_counts),
		cmocka_unit_test(a_restart_while_it_arrives_changes_nothing),
		cmocka_unit_test(an_answer_of_another_kind_is_none_more),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
