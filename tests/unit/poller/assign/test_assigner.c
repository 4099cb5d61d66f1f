/*
 * Test of assigner.h: a pause that a poll met, read from the state that polls
 * write to meanwhile.
 */
#include "tests/unit/fake_http.h"
#include "tests/unit/poller_store.h"
#include "tests/unit/tmpdir.h"

#include "common/base/log.h"
#include "poller/assign/assigner.h"

#define RETRY_BUDGET_MS 1000
#define PAUSE_MS (INT64_C(1800) * 1000)
#define TURNS 10

static struct tenant *tenant;
static struct assigners all;
static struct assigners_options opt;
static unsigned ended;
static enum error_class error;

static void
failed(void *ctx, enum exit_code code)
{
	(void)ctx;
	(void)code;
}

static void
page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	(void)ctx;
	(void)a;
	(void)asked_ms;
}

static void
end(void *ctx, const struct ending *e)
{
	(void)ctx;
	ended++;
	error = e->error;
}

static void
ask(void)
{
	struct crm_question q = { .call = PROFILE_CHAT,
		.chat = value_chat("1"),
		.page = page,
		.end = end };
	const struct text name = { "acme", 4 };
	struct tenant_assigner *to = assigners_find(&all, name);
	unsigned i;

	assert_non_null(to);
	fetch_ask(to->fetch, &q);
	value_unref(q.chat);
	for (i = 0; i < TURNS; i++)
		assigners_turn(&all, 0);
}

static struct store *
state_of_polls(void)
{
	return open_store("state", "acme", STORE_EXCLUSIVE);
}

static int
begin(void **state)
{
	(void)state;
	tmpdir_empty("state");
	fake_crm.status = 200;
	fake_crm.body = "{\"status\":\"success\",\"data\":{\"id\":1,"
			"\"state\":\"open\"}}";
	fake_crm.requests = ended = 0;
	error = ERROR_CLASS_NONE;
	tenant->budget = 0;
	return assigners_open(&all, &opt);
}

static int
finish(void **state)
{
	(void)state;
	assigners_release(&all, false);
	return 0;
}

static void
the_pause_of_a_poll_is_kept_to(void **state)
{
	struct store *s = state_of_polls();

	(void)state;
	store_set_number(s, "hold_until", clock_now_ms() + PAUSE_MS);
	commit_store(s);
	store_close(s);
	assigners_account(&all, true);
	ask();
	assert_int_equal(ended, 1);
	assert_int_equal(error, ERROR_CLASS_THROTTLED);
	assert_int_equal(fake_crm.requests, 0);
}

static void
its_calls_are_told(void **state)
{
	struct buf text = BUF_INIT;

	(void)state;
	ask();
	assigners_add_calls(&all, &text, "queue=\"q\"");
	if (strstr(buf_str(&text),
		"\nmessaging_crm_calls_total{queue=\"q\",mode=\"assign\","
		"tenant=\"acme\",result=\"ok\"} 1\n") == NULL)
		fail_msg("%s", buf_str(&text));
	buf_release(&text);
}

static int
leave(void **state)
{
	tmpdir_empty("state");
	(void)rmdir("state");
	return tmpdir_leave(state);
}

int
main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, begin, finish)
	const struct CMUnitTest tests[] = {
		WITH(the_pause_of_a_poll_is_kept_to),
		WITH(its_calls_are_told),
	};
	int rc;

	log_set_level(LOG_LEVEL_ERROR);
	tenant = fake_tenant_open(RETRY_BUDGET_MS);
	opt = (struct assigners_options){ .tenants = tenant,
		.tenants_n = 1,
		.state = "state",
		.failed = failed };
	rc = cmocka_run_group_tests(tests, tmpdir_enter, leave);
	fake_tenant_close(tenant);
	return rc;
}
