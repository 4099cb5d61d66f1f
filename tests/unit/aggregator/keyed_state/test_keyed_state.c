/*
 * Tests of aggregator/key, keyed and timer_queue: keys keep their order; a
 * table over a state gives what was put into it after any mix of changes,
 * saves, evictions and restarts; what is due comes, once, and after a restart
 * too.
 */
#include "tests/unit/tmpdir.h"

#include <stdio.h>

#include "aggregator/keyed_state/keyed_state.h"
#include "aggregator/state/state.h"

enum {
	KEYS = 300,
	ROUNDS = 400,
};

static void
keys_keep_their_order(void **state)
{
	static const int64_t times[] = { INT64_MIN, -1, 0, 1, 255, 256,
		INT64_C(1795165200000), INT64_MAX };
	struct key a, b;
	struct text t;
	size_t i, at;

	(void)state;
	for (i = 1; i < sizeof times / sizeof *times; i++) {
		a.len = b.len = 0;
		key_time(&a, times[i - 1]);
		key_time(&b, times[i]);
		assert_true(memcmp(a.bytes, b.bytes, 8) < 0);
		at = 0;
		t = (struct text){ (const char *)b.bytes, b.len };
		assert_int_equal(key_read_time(t, &at), times[i]);
		/* Cut short it is nothing. */
		at = 0;
		t.len = 7;
		assert_int_equal(key_read_number(t, &at), 0);
	}
}

static void
parts_are_not_mixed_up(void **state)
{
	struct key a = { 0 }, b = { 0 };
	struct text t, part;
	size_t at = 0;

	(void)state;
	key_text(&a, (struct text){ "ab", 2 });
	key_text(&a, (struct text){ "c", 1 });
	key_text(&b, (struct text){ "a", 1 });
	key_text(&b, (struct text){ "bc", 2 });
	assert_int_equal(a.len, b.len);
	assert_memory_not_equal(a.bytes, b.bytes, a.len);
	key_byte(&a, 200);
	key_text(&a, (struct text){ NULL, 0 });
	t = (struct text){ (const char *)a.bytes, a.len };
	part = key_read_text(t, &at);
	assert_int_equal(part.len, 2);
	part = key_read_text(t, &at);
	assert_memory_equal(part.p, "c", 1);
	assert_int_equal(key_read_byte(t, &at), 200);
	assert_int_equal(key_read_text(t, &at).len, 0);
	assert_int_equal(at, t.len);
	assert_int_equal(key_read_byte(t, &at), 0);
}

static struct state *
open_state(void)
{
	struct state_identity id = { "ours", 1, NULL, 0 };
	struct buf why = BUF_INIT;
	enum exit_code code;
	struct state *s =
	    state_open("state", &id, (size_t)1 << 28, &code, &why);

	if (s == NULL)
		fail_msg("%s", buf_str(&why));
	buf_release(&why);
	return s;
}

static void
commit(struct state *s)
{
	struct buf why = BUF_INIT;

	if (state_commit(s, &why) != PROG_OK)
		fail_msg("%s", buf_str(&why));
	buf_release(&why);
}

static uint64_t
dice(uint64_t *d, uint64_t sides)
{
	*d = *d * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (*d >> 33) % sides;
}

/* What the table should hold: 0 for what is not there. */
static void
change(struct keyed_state *k, uint64_t *want, uint64_t *d)
{
	uint64_t i = dice(d, KEYS), *n;
	char key[16];
	size_t len = (size_t)snprintf(key, sizeof key, "key%d", (int)i);
	bool made;

	n = keyed_state_find(k, key, len);
	assert_int_equal(n != NULL ? *n : 0, want[i]);
	if (n != NULL && dice(d, 4) == 0) {
		keyed_state_delete(k, n);
		assert_null(keyed_state_find(k, key, len));
		want[i] = 0;
		return;
	}
	n = keyed_state_get(k, key, len, &made);
	assert_int_equal(made, want[i] == 0);
	assert_int_equal(*n, want[i]);
	*n = want[i] = 1 + dice(d, 1000000);
	if (dice(d, 2) == 0)
		keyed_state_emit(k, n);
	else
		keyed_state_change(k, n);
}

static void
a_table_is_what_was_put_into_it(void **state)
{
	uint64_t want[KEYS] = { 0 }, d = 1;
	struct keyed_state_pool pool = { .limit = 4000 };
	struct keyed_state_home home = { .pool = &pool, .tenant = 3 };
	struct keyed_state k;
	struct state *s = open_state();
	size_t most = 0;
	int i, j;

	(void)state;
	home.state = s;
	keyed_state_open(&k, &home, "numbers", sizeof(uint64_t));
	for (i = 0; i < ROUNDS; i++) {
		for (j = 0; j < 20; j++)
			change(&k, want, &d);
		keyed_state_home_save(&home);
		keyed_state_home_sent(&home);
		keyed_state_pool_evict(&pool);
		most = pool.used > most ? pool.used : most;
		assert_int_equal(k.pending.n + k.dirty.n, 0);
		if (i % 10 == 9)
			commit(s);
		if (i % 100 != 99)
			continue;
		keyed_state_close(&k);
		keyed_state_pool_release(&pool);
		state_close(s);
		home.state = s = open_state();
		home.tables_n = 0;
		keyed_state_open(&k, &home, "numbers", sizeof(uint64_t));
	}
	assert_in_range(most, 1, 12000);
	keyed_state_close(&k);
	assert_int_equal(pool.used, 0);
	keyed_state_pool_release(&pool);
	state_close(s);
}

/* So many entries with keys of their own, saved and sent. */
static void
fill(struct keyed_state *k, const char *name, int from, int n)
{
	char key[32];
	uint64_t *x;
	int i;

	for (i = from; i < from + n; i++) {
		x = keyed_state_get(k, key,
		    (size_t)snprintf(key, sizeof key, "%s%d", name, i), NULL);
		*x = 1;
		keyed_state_change(k, x);
	}
	keyed_state_home_save(k->home);
	keyed_state_home_sent(k->home);
	keyed_state_pool_evict(k->home->pool);
}

static void
the_limit_bounds_what_comes(void **state)
{
	struct keyed_state_pool pool = { .limit = 64000 };
	struct state *s = open_state();
	struct keyed_state_home home = {
		.pool = &pool, .tenant = 10, .state = s
	};
	struct keyed_state k;
	int i;

	(void)state;
	keyed_state_open(&k, &home, "numbers", sizeof(uint64_t));
	/* One large flush, and many small ones. */
	fill(&k, "first", 0, 20000);
	for (i = 0; i < 1000; i++) {
		fill(&k, "one", 100 * i, 100);
		if (i >= 100)
			assert_in_range(pool.used, 1, pool.limit);
	}
	assert_in_range(k.mask, 0, 16 * k.n);
	assert_int_equal(*(uint64_t *)keyed_state_find(&k, "first7", 6), 1);
	keyed_state_close(&k);
	keyed_state_pool_release(&pool);
	state_close(s);
}

static void
a_quiet_tenant_makes_room(void **state)
{
	struct keyed_state_pool pool = { .limit = 64000 };
	struct state *s = open_state();
	struct keyed_state_home a = { .pool = &pool, .tenant = 11, .state = s };
	struct keyed_state_home b = { .pool = &pool, .tenant = 12, .state = s };
	struct keyed_state quiet, busy;
	int i;

	(void)state;
	keyed_state_open(&quiet, &a, "numbers", sizeof(uint64_t));
	keyed_state_open(&busy, &b, "numbers", sizeof(uint64_t));
	fill(&quiet, "quiet", 0, 1200);
	assert_in_range(quiet.n, 1000, 1200);
	for (i = 0; i < 100; i++)
		fill(&busy, "busy", 100 * i, 100);
	assert_in_range(pool.used, 1, pool.limit);
	assert_int_equal(quiet.n, 0);
	assert_in_range(busy.n, 500, 2000);
	keyed_state_close(&quiet);
	fill(&busy, "busy", 0, 5000); /* with one table less */
	keyed_state_close(&busy);
	assert_int_equal(pool.used, 0);
	keyed_state_pool_release(&pool);
	state_close(s);
}

static void
tenants_do_not_see_each_other(void **state)
{
	struct keyed_state_pool pool = { 0 };
	struct state *s = open_state();
	struct keyed_state_home a = { .pool = &pool, .tenant = 8, .state = s };
	struct keyed_state_home b = { .pool = &pool, .tenant = 9, .state = s };
	struct keyed_state x, y;
	uint64_t *n;

	(void)state;
	keyed_state_open(&x, &a, "numbers", sizeof(uint64_t));
	keyed_state_open(&y, &b, "numbers", sizeof(uint64_t));
	n = keyed_state_get(&x, "one", 3, NULL);
	*n = 1;
	keyed_state_change(&x, n);
	keyed_state_home_save(&a);
	assert_null(keyed_state_find(&y, "one", 3));
	keyed_state_close(&x);
	keyed_state_close(&y);
	keyed_state_pool_release(&pool);
	state_close(s);
}

static void
add_due(struct timer_queue *c, int64_t due, const char *key)
{
	timer_queue_add(c, due, key, strlen(key));
}

static void
expect_due(struct timer_queue *c, int64_t now, int64_t due, const char *key)
{
	struct text t;
	int64_t when;

	assert_true(timer_queue_next(c, now, &t, &when));
	assert_int_equal(when, due);
	assert_int_equal(t.len, strlen(key));
	assert_memory_equal(t.p, key, t.len);
}

static void
expect_nothing(struct timer_queue *c, int64_t now)
{
	struct text t;
	int64_t when;

	assert_false(timer_queue_next(c, now, &t, &when));
}

static void
what_is_due_comes_in_order(void **state)
{
	struct keyed_state_pool pool = { 0 };
	struct keyed_state_home home = { .pool = &pool };
	struct timer_queue c;

	(void)state;
	timer_queue_open(&c, &home, "due");
	expect_nothing(&c, INT64_MAX);
	add_due(&c, 30, "c");
	add_due(&c, -10, "a");
	add_due(&c, 20, "b");
	add_due(&c, 40, "d");
	expect_nothing(&c, -11);
	expect_due(&c, 20, -10, "a");
	expect_due(&c, 20, 20, "b");
	expect_nothing(&c, 20);
	add_due(&c, 35, "");
	expect_due(&c, 100, 30, "c");
	expect_due(&c, 100, 35, "");
	expect_due(&c, 100, 40, "d");
	timer_queue_close(&c);
	assert_int_equal(pool.used, 0);
	keyed_state_pool_release(&pool);
}

static void
what_is_due_survives(void **state)
{
	struct keyed_state_pool pool = { 0 };
	struct state *s = open_state();
	struct keyed_state_home home = {
		.pool = &pool, .tenant = 5, .state = s
	};
	struct timer_queue c;

	(void)state;
	timer_queue_open(&c, &home, "due");
	add_due(&c, 30, "c");
	add_due(&c, 10, "a");
	keyed_state_home_save(&home);
	add_due(&c, 20, "b");
	expect_due(&c, 15, 10, "a");
	expect_nothing(&c, 15);
	keyed_state_home_save(&home);
	commit(s);
	timer_queue_close(&c);
	state_close(s);

	home.state = s = open_state();
	home.timer_queues_n = 0;
	timer_queue_open(&c, &home, "due");
	expect_nothing(&c, 19);
	/* Earlier than all that is saved. */
	add_due(&c, 5, "e");
	keyed_state_home_save(&home);
	expect_due(&c, 25, 5, "e");
	expect_due(&c, 25, 20, "b");
	expect_nothing(&c, 25);
	expect_due(&c, 30, 30, "c");
	expect_nothing(&c, INT64_MAX);
	timer_queue_close(&c);
	keyed_state_pool_release(&pool);
	state_close(s);
}

static void
what_is_old_is_forgotten(void **state)
{
	struct keyed_state_pool pool = { .limit = 1 };
	struct state *s = open_state();
	struct keyed_state_home home = {
		.pool = &pool, .tenant = 6, .state = s
	};
	struct state_table *table = state_table(s, "times", STATE_BYTES);
	struct keyed_state t;
	struct key key;
	int64_t i;

	(void)state;
	keyed_state_open(&t, &home, "times", sizeof(uint64_t));
	for (i = 0; i < 2000; i++) {
		key.len = 0;
		key_time(&key, i / 2);
		key_byte(&key, (unsigned)(i % 2));
		keyed_state_change(
		    &t, keyed_state_get(&t, key.bytes, key.len, NULL));
	}
	keyed_state_home_save(&home);
	keyed_state_home_sent(&home);
	keyed_state_pool_evict(&pool);
	keyed_state_expire(&t, 100);
	assert_int_equal(state_count(table), 1800);
	keyed_state_expire(&t, 100);
	assert_int_equal(state_count(table), 1800);
	/* Not all at once. */
	keyed_state_expire(&t, 990);
	assert_in_range(state_count(table), 1000, 1500);
	for (i = 0; i < 10; i++)
		keyed_state_expire(&t, 990);
	assert_int_equal(state_count(table), 20);
	keyed_state_close(&t);
	keyed_state_pool_release(&pool);
	state_close(s);
}

static int
leave(void **state)
{
	tmpdir_empty("state");
	return rmdir("state") != 0 ? -1 : tmpdir_leave(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_keep_their_order),
		cmocka_unit_test(parts_are_not_mixed_up),
		cmocka_unit_test(a_table_is_what_was_put_into_it),
		cmocka_unit_test(the_limit_bounds_what_comes),
		cmocka_unit_test(a_quiet_tenant_makes_room),
		cmocka_unit_test(tenants_do_not_see_each_other),
		cmocka_unit_test(what_is_due_comes_in_order),
		cmocka_unit_test(what_is_due_survives),
		cmocka_unit_test(what_is_old_is_forgotten),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, leave);
}
