/*
 * Tests of aggregator/model_events: the limit of pairs of user and event, over
 * a restart with another limit. What comes first is counted; what is above the
 * limit is not, and so is never taken back.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "aggregator/model/model_pack.h"

#define START INT64_C(1795168800000)

static const struct text tenant = { "t", 1 };

static struct text
text(const char *s)
{
	struct text t = { s, strlen(s) };

	return t;
}

static void
begin(struct model *m, size_t pairs)
{
	model_init(m, tenant, true, CLOCK_NONE);
	m->incremental = true;
	m->event_pairs = pairs;
	m->window = INT64_C(24) * 3600 * 1000;
}

static void
add(struct model *m, const char *id, int64_t at, const char *user)
{
	struct record r;

	record_clear(&r);
	r.type = RECORD_EVENT;
	r.at = START + at;
	r.id = text(id);
	r.user = text(user);
	r.event = text("e");
	assert_int_not_equal(model_add(m, &r), MODEL_LATE);
}

/* -1: there is no such pair. */
static int
count_of(const struct model *m, const char *user)
{
	size_t i;

	for (i = 0; i < m->events_n; i++)
		if (text_is(model_name(m, m->events[i]->user), user))
			return (int)m->events[i]->count;
	return -1;
}

struct runs {
	struct model *to;
	size_t n;
};

static void
carry_seen(void *ctx, uint16_t span, const void *p, size_t len)
{
	struct runs *r = ctx;

	assert_int_equal(model_unpack_identities(r->to, span, p, len), 0);
	r->n++;
}

/* As a restart would; the old one is released. */
static void
carry(struct model *to, struct model *from)
{
	struct runs r = { .to = to };
	struct buf key = BUF_INIT, value = BUF_INIT;
	size_t i;

	for (i = 0; i < from->events_n; i++) {
		buf_clear(&key);
		buf_clear(&value);
		model_pack_event(from, from->events[i], &key, &value);
		assert_int_equal(model_unpack_event(to, key.data, key.len,
				     value.data, value.len),
		    0);
	}
	model_pack_identities(from, &r, carry_seen);
	assert_true(r.n > 0);
	buf_release(&key);
	buf_release(&value);
	model_release(from);
}

static void
above_the_limit_nothing_is_counted(void **state)
{
	struct model m;

	(void)state;
	begin(&m, 2);
	add(&m, "1", 1, "ann");
	add(&m, "2", 2, "bob");
	add(&m, "3", 3, "cyd");
	add(&m, "3", 3, "cyd");
	add(&m, "4", 4, "ann");
	assert_int_equal(count_of(&m, "ann"), 2);
	assert_int_equal(count_of(&m, "bob"), 1);
	assert_int_equal(count_of(&m, "cyd"), -1);
	/* A later version moves to a pair that is counted, and away. */
	add(&m, "3", 5, "bob");
	assert_int_equal(count_of(&m, "bob"), 2);
	add(&m, "3", 6, "dan");
	assert_int_equal(count_of(&m, "bob"), 1);
	assert_int_equal(count_of(&m, "dan"), -1);
	model_release(&m);
}

static void
another_limit_holds_from_then_on(void **state)
{
	struct model m, higher, lower;

	(void)state;
	begin(&m, 2);
	add(&m, "1", 1, "ann");
	add(&m, "2", 2, "bob");
	add(&m, "3", 3, "cyd");
	begin(&higher, 4);
	carry(&higher, &m);
	assert_int_equal(higher.events_n, 2);
	add(&higher, "4", 4, "cyd");
	assert_int_equal(count_of(&higher, "cyd"), 1);
	/* It was not counted, though others of its pair are now. */
	add(&higher, "3", 5, "dan");
	assert_int_equal(count_of(&higher, "cyd"), 1);
	assert_int_equal(count_of(&higher, "dan"), 1);

	begin(&lower, 1);
	carry(&lower, &higher);
	assert_int_equal(lower.events_n, 4);
	add(&lower, "5", 6, "bob");
	add(&lower, "6", 7, "eve");
	assert_int_equal(count_of(&lower, "bob"), 2);
	assert_int_equal(count_of(&lower, "eve"), -1);
	model_release(&lower);
}

/* The event "2" of ann, without a time. */
static enum model_result
add_undated(struct model *m)
{
	struct record r;

	record_clear(&r);
	r.type = RECORD_EVENT;
	r.id = text("2");
	r.user = text("ann");
	r.event = text("e");
	r.at = CLOCK_NONE;
	return model_add(m, &r);
}

/* It may come without a time, at any time, and is not late. */
static void
one_without_a_time_counts_once(void **state)
{
	struct model m, next;

	(void)state;
	begin(&m, 0);
	add(&m, "1", 1, "ann");
	assert_int_equal(add_undated(&m), MODEL_NEW);
	assert_int_equal(add_undated(&m), MODEL_DUPLICATE);
	assert_int_equal(count_of(&m, "ann"), 2);
	begin(&next, 0);
	carry(&next, &m);
	add(&next, "3", 3600 * 1000, "ann");
	assert_int_equal(add_undated(&next), MODEL_DUPLICATE);
	assert_int_equal(count_of(&next, "ann"), 3);
	model_release(&next);
}

/* Some are delayed, and one whose user has a long name is not. */
static void
those_that_come_first_are_counted(void **state)
{
	const char *longer =
	    "a-name-of-more-than-some-forty-letters-and-digits";
	struct model m;

	(void)state;
	begin(&m, 2);
	m.incremental = false;
	add(&m, "1", 1, "ann");
	add(&m, "2", 2, "bob");
	add(&m, "3", 3, longer);
	model_end_scanned(&m);
	assert_int_equal(count_of(&m, "ann"), 1);
	assert_int_equal(count_of(&m, "bob"), 1);
	assert_int_equal(count_of(&m, longer), -1);
	model_release(&m);
}

/* Its identity is as old as the newest record was; when that is older than the
 * window it counts again, whether or not a flush came between. */
static void
one_without_a_time_is_known_for_a_window(void **state)
{
	const int64_t hour = INT64_C(3600) * 1000;
	struct model m;
	int flushes;

	(void)state;
	for (flushes = 0; flushes < 2; flushes++) {
		begin(&m, 0);
		add(&m, "1", 0, "ann");
		assert_int_equal(add_undated(&m), MODEL_NEW);
		add(&m, "3", 24 * hour, "ann");
		assert_int_equal(add_undated(&m), MODEL_DUPLICATE);
		add(&m, "4", 26 * hour, "ann");
		if (flushes > 0)
			model_recompute(&m, &definition_ours);
		assert_int_equal(add_undated(&m), MODEL_NEW);
		assert_int_equal(count_of(&m, "ann"), 5);
		model_release(&m);
	}
}

/* Also before the tenant has a time, which is not compared with any clock. */
static void
one_before_any_time_is_known_for_a_window(void **state)
{
	const int64_t hour = INT64_C(3600) * 1000;
	struct model m;
	int days;

	(void)state;
	for (days = 0; days < 2000; days += 20) {
		begin(&m, 0);
		m.window = hour;
		assert_int_equal(add_undated(&m), MODEL_NEW);
		add(&m, "1", -24 * hour * days, "ann");
		model_recompute(&m, &definition_ours);
		assert_int_equal(add_undated(&m), MODEL_DUPLICATE);
		add(&m, "3", -24 * hour * days + 2 * hour, "ann");
		assert_int_equal(add_undated(&m), MODEL_NEW);
		model_release(&m);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(above_the_limit_nothing_is_counted),
		cmocka_unit_test(those_that_come_first_are_counted),
		cmocka_unit_test(another_limit_holds_from_then_on),
		cmocka_unit_test(one_without_a_time_counts_once),
		cmocka_unit_test(one_without_a_time_is_known_for_a_window),
		cmocka_unit_test(one_before_any_time_is_known_for_a_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
