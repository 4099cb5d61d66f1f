/*
 * Tests of the keys of requests (Idempotency-Key) at the collecting routes: a
 * repeated request gives the same records, and another request gets an id of
 * its own.
 */
#include "tests/unit/route_world.h"

#include "poller/intake/idempotency.h"

#define EVENTS "/api/v1/analytics/events"
#define BULK "/api/v1/analytics/events/bulk"
#define ANALYTICS "/api/v1/analytics/messages/analytics"
#define GOOD "{\"event_type\":\"user_action\",\"event_data\":{}}"
#define ANALYSIS                                                               \
	"{\"id\":\"m\",\"conversation_id\":\"c\",\"channel_id\":\"h\","        \
	"\"direction\":\"inbound\"}"

static struct world world;
static const struct ask plain = { .tenant = "t-1", .type = "application/json" };

/* Returns the first id of the answer, which ends at a quote. */
static void
first_id(const struct web_answer *a, char *id, size_t size)
{
	static const char name[] = "\"id\":\"";
	const char *from = strstr(buf_str(&a->body), name);

	assert_non_null(from);
	from += strlen(name);
	(void)snprintf(id, size, "%.*s", (int)strcspn(from, "\""), from);
}

/* An event whose key is the id of another event in a bulk gets another id, or
 * is refused. */
static void
no_key_is_the_id_of_a_part(void **state)
{
	static const char body[] = "{\"events\":[" GOOD "]}";
	struct ask ask = plain;
	struct web_answer a;
	char part[256], alone[256] = "";

	(void)state;
	ask.key = "bulk-2";
	a = world_post(&world, BULK, &ask, body, strlen(body));
	assert_int_equal(a.status, 200);
	first_id(&a, part, sizeof part);
	world_drop(&a);
	ask.key = part;
	a = world_post(&world, EVENTS, &ask, GOOD, strlen(GOOD));
	if (a.status == 200)
		first_id(&a, alone, sizeof alone);
	world_drop(&a);
	assert_string_not_equal(part, alone);
}

static void
a_retry_gives_the_same_records_to_the_byte(void **state)
{
	static const char *const paths[] = { EVENTS, ANALYTICS };
	static const char *const bodies[] = { GOOD, ANALYSIS };
	struct ask ask = plain;
	struct web_answer a, b;
	size_t i;

	(void)state;
	ask.key = "k1";
	for (i = 0; i < 2; i++) {
		ask.now_ms = WORLD_NOW;
		a = world_post(
		    &world, paths[i], &ask, bodies[i], strlen(bodies[i]));
		/* Behind midnight. */
		ask.now_ms = WORLD_NOW + 20 * 3600000;
		b = world_post(
		    &world, paths[i], &ask, bodies[i], strlen(bodies[i]));
		assert_int_equal(a.status, 200);
		assert_string_equal(buf_str(&a.body), buf_str(&b.body));
		assert_string_equal(buf_str(&a.records), buf_str(&b.records));
		assert_non_null(strstr(buf_str(&a.body), "\"id\":\"k1-"));
		world_drop(&a);
		world_drop(&b);
	}
	/* The same key, something else. */
	a = world_post(&world, EVENTS, &ask, GOOD " ", strlen(GOOD) + 1);
	assert_int_equal(a.status, 422);
	assert_non_null(strstr(
	    buf_str(&a.body), "\"loc\":[\"header\",\"idempotency-key\"]"));
	world_drop(&a);
	/* Another tenant's key. */
	ask.tenant = "t-2";
	a = world_post(&world, EVENTS, &ask, GOOD " ", strlen(GOOD) + 1);
	assert_int_equal(a.status, 200);
	world_drop(&a);
}

static void
send_for_id(const struct world *w, const char *path, const char *body,
    int64_t now_ms, char id[256])
{
	struct ask ask = plain;
	struct web_answer a;

	ask.key = "nightly";
	ask.now_ms = now_ms;
	a = world_post(w, path, &ask, body, strlen(body));
	assert_int_equal(a.status, 200);
	first_id(&a, id, 256);
	world_drop(&a);
}

/* After a day a key may be used for another request, or for the same one again,
 * which is stored only if it has an id of its own. A key that was dropped for
 * lack of space may also belong to a repeated request, which must count
 * once. */
static void
a_key_that_is_used_again_later_is_of_something_else(void **state)
{
	static const char *const paths[] = { EVENTS, BULK, ANALYTICS };
	static const char *const bodies[] = { GOOD, "{\"events\":[" GOOD "]}",
		ANALYSIS };
	char first[256], later[256], other[256], repeated[256];
	const int64_t tomorrow = WORLD_NOW + 24 * 3600000 + 60000;
	struct buf more = BUF_INIT;
	struct world w;
	size_t i;

	(void)state;
	world_open(&w, "[crm t-1]\n[listen]\nidempotency_keys = 1\n", NULL);
	for (i = 0; i < ARRAY_LEN(paths); i++) {
		buf_setf(&more, "%s ", bodies[i]);
		send_for_id(&w, paths[i], bodies[i], WORLD_NOW, first);
		send_for_id(&w, paths[i], bodies[i], tomorrow, later);
		send_for_id(&w, paths[(i + 1) % 3], bodies[(i + 1) % 3],
		    tomorrow, other);
		send_for_id(&w, paths[i], buf_str(&more), tomorrow, other);
		send_for_id(&w, paths[(i + 1) % 3], bodies[(i + 1) % 3],
		    tomorrow, repeated);
		send_for_id(&w, paths[i], bodies[i], tomorrow, repeated);
		assert_string_not_equal(first, later);
		assert_string_not_equal(later, other);
		assert_string_equal(later, repeated);
	}
	world_close(&w);
	buf_release(&more);
}

static void
a_key_that_is_none_is_refused(void **state)
{
	struct buf key = BUF_INIT;
	struct ask ask = plain;
	struct web_answer a;
	int i;

	(void)state;
	for (i = 0; i < 181; i++)
		buf_addc(&key, 'k');
	for (i = 0; i < 3; i++) {
		ask.key = i == 0 ? "" : i == 1 ? "a b" : buf_str(&key);
		a = world_post(&world, EVENTS, &ask, GOOD, strlen(GOOD));
		assert_int_equal(a.status, 422);
		world_drop(&a);
	}
	ask.key = buf_str(&key) + 1;
	a = world_post(&world, EVENTS, &ask, GOOD, strlen(GOOD));
	assert_int_equal(a.status, 200);
	world_drop(&a);
	buf_release(&key);
}

static int
enter(void **state)
{
	if (tmpdir_enter(state) != 0)
		return -1;
	world_open(&world, "[crm t-1]\n", NULL);
	return 0;
}

static int
leave(void **state)
{
	world_close(&world);
	return tmpdir_leave(state);
}

int
test_route_keys(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_key_is_the_id_of_a_part),
		cmocka_unit_test(a_retry_gives_the_same_records_to_the_byte),
		cmocka_unit_test(
		    a_key_that_is_used_again_later_is_of_something_else),
		cmocka_unit_test(a_key_that_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
