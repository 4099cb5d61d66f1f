/*
 * Test of fetch.h: who waits for a CRM that wants no call, and for how long;
 * and what Prometheus is told of the calls (call_metrics.h).
 */
#define _DEFAULT_SOURCE /* flock */

#include "tests/unit/fake_http.h"
#include "tests/unit/poller_store.h"
#include "tests/unit/tmpdir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/os/file.h"
#include "poller/client/fetch.h"
#include "poller/quota/call_metrics.h"
#include "poller/quota/quota.h"
#include "poller/quota/usage.h"

#define BUDGET_MS 60000 /* of retries */
#define DIALOG "{\"status\":\"success\",\"data\":{\"id\":1,\"state\":\"open\"}}"

/* More than any question here takes; none of them waits. */
#define TURNS 10

static struct tenant *tenant;
static struct http *http;
static struct fetch *f;
static struct skew skew;
static unsigned ended, throttled, unusable, denied, alone;
static const char *second_page; /* NULL: there is one page */

static void
page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	(void)ctx;
	(void)a;
	(void)asked_ms;
	if (second_page != NULL)
		fake_crm.body = second_page;
}

static void
end(void *ctx, const struct ending *e)
{
	(void)ctx;
	ended++;
	throttled += e->error == ERROR_CLASS_THROTTLED;
	unusable += e->error == ERROR_CLASS_UNUSABLE;
	denied += e->error == ERROR_CLASS_DENIED;
	alone += e->alone;
}

static void
put_question(struct crm_question q)
{
	unsigned i;

	q.chat = value_chat("1");
	q.page = page;
	q.end = end;
	fetch_ask(f, &q);
	value_unref(q.chat);
	for (i = 0; i < TURNS; i++)
		(void)fetch_turn(http, &f, 1);
}

static void
ask_for(enum profile_call call)
{
	put_question((struct crm_question){ .call = call });
}

static void
ask(void)
{
	ask_for(PROFILE_CHAT);
}

/* Whatever the machine does meanwhile, it is not asked again. */
static void
ask_once(void)
{
	put_question((struct crm_question){
	    .call = PROFILE_CHAT, .tries = 1, .at_once = true });
}

static int
begin(void **state)
{
	(void)state;
	fake_crm.status = 200;
	fake_crm.body = DIALOG;
	fake_crm.remaining = fake_crm.reset = NULL;
	fake_crm.requests = ended = throttled = unusable = denied = alone = 0;
	second_page = NULL;
	skew = (struct skew){ .known = false };
	http = http_new();
	f = fetch_new(http, tenant, &skew);
	return 0;
}

static int
finish(void **state)
{
	(void)state;
	fetch_free(f);
	http_free(http);
	return 0;
}

/* The first answer is good, and says that the next one will not be. */
static void
a_long_pause_ends_questions(void **state)
{
	(void)state;
	fake_crm.remaining = "0";
	fake_crm.reset = "1800";
	ask();
	assert_int_equal(ended, 1);
	assert_int_equal(throttled, 0);
	ask();
	assert_int_equal(ended, 2);
	assert_int_equal(throttled, 1);
	assert_int_equal(fake_crm.requests, 1);
}

static void
a_refusal_for_long_ends_others_too(void **state)
{
	(void)state;
	fake_crm.status = 429;
	fake_crm.body = "{\"status\":\"error\",\"message\":\"too many\"}";
	fake_crm.reset = "1800";
	ask();
	ask();
	assert_int_equal(ended, 2);
	assert_int_equal(throttled, 2);
	assert_int_equal(fake_crm.requests, 1);
}

static void
a_short_pause_is_waited_for(void **state)
{
	(void)state;
	fake_crm.remaining = "0";
	fake_crm.reset = "30";
	ask();
	ask();
	assert_int_equal(ended, 1);
	assert_int_equal(fake_crm.requests, 1);
	assert_in_range(fetch_step(f), 1, 30000);
}

/* Its rate headers are about other times. */
static void
a_busy_crm_is_no_refusal(void **state)
{
	(void)state;
	fake_crm.status = 503;
	fake_crm.body = "";
	fake_crm.remaining = "4990";
	fake_crm.reset = "1800";
	ask();
	assert_int_equal(ended, 0);
	assert_int_equal(fetch_hold_ms(f), 0);
	assert_in_range(fetch_step(f), 1, BUDGET_MS);
}

/* Whatever the CRM says: a pause of 0 would cost a call a turn. */
static void
a_refusal_without_a_pause_is_not_repeated_at_once(void **state)
{
	(void)state;
	fake_crm.status = 429;
	fake_crm.body = "{\"status\":\"error\",\"message\":\"too many\"}";
	fake_crm.reset = "0";
	ask();
	assert_int_equal(ended, 0);
	assert_true(fake_crm.requests < TURNS / 2);
}

static void
a_refusal_holds_the_others_back(void **state)
{
	unsigned i;

	(void)state;
	fake_crm.status = 429;
	fake_crm.body = "{\"status\":\"error\",\"message\":\"too many\"}";
	for (i = 0; i < TURNS; i++)
		ask();
	assert_int_equal(ended, 0);
	assert_true(fake_crm.requests < TURNS / 2);
}

/* One that the CRM refused before it answered anything is about the token. */
static void
a_refusal_may_be_of_one_chat_alone(void **state)
{
	static const char forbidden[] =
	    "{\"status\":\"error\",\"message\":\"Access is forbidden\"}";
	static const char token[] =
	    "{\"status\":\"error\",\"message\":\"Token is not correct\"}";
	static const struct {
		int status;
		const char *body;
		unsigned denied, alone;
	} answers[] = {
		{ 403, forbidden, 1, 1 },
		{ 200, DIALOG, 1, 1 },
		{ 403, forbidden, 2, 2 },
		{ 403, token, 3, 2 },
		{ 403, "{\"error\":\"INVALID_TOKEN\"}", 4, 2 },
		{ 401, forbidden, 5, 2 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(answers); i++) {
		fake_crm.status = answers[i].status;
		fake_crm.body = answers[i].body;
		ask();
		assert_int_equal(ended, i + 1);
		assert_int_equal(denied, answers[i].denied);
		assert_int_equal(alone, answers[i].alone);
	}
}

/* Of the last run. */
static void
a_pause_in_the_state_is_kept_to(void **state)
{
	struct store *s = open_store(".", "t1", STORE_EXCLUSIVE);
	int64_t now = clock_now_ms();

	(void)state;
	store_set_number(s, "hold_until", now + BUDGET_MS / 2);
	commit_store(s);
	assert_int_equal(quota_check(tenant, s, f, now), PROG_OK);
	ask();
	assert_int_equal(ended, 0);
	assert_int_equal(fake_crm.requests, 0);
	store_set_number(s, "hold_until", now + 2 * BUDGET_MS);
	commit_store(s);
	fetch_hold(f, BUDGET_MS / 2);
	quota_keep_hold(s, f, now);
	commit_store(s);
	assert_int_equal(quota_check(tenant, s, f, now), PROG_TEMPFAIL);
	store_close(s);
}

#define ROW "{\"id\":1,\"state\":\"open\"}"
#define OTHER "{\"id\":2,\"state\":\"open\"}"
#define LIST(total, limit, rows)                                               \
	"{\"status\":\"success\",\"meta\":{\"total\":" total                   \
	",\"limit\":" limit "},\"data\":[" rows "]}"
#define THREE(row) row "," row "," row
#define TWELVE(row) THREE(row) "," THREE(row) "," THREE(row) "," THREE(row)

/* A snapshot without them would be whole. */
static void
lost_rows_are_counted_over_all_pages(void **state)
{
	static const struct {
		const char *first, *second;
		unsigned unusable;
	} lists[] = {
		{ LIST("8", "200", ROW ",{}," ROW ",{}"),
		    LIST("8", "200", OTHER ",{}," OTHER ",{}"), 0 },
		{ LIST("8", "200", ROW ",{}," ROW ",{}"),
		    LIST("8", "200", OTHER ",{},{},{}"), 1 },
		{ LIST("5", "200", ROW "," ROW "," ROW "," ROW),
		    LIST("5", "200", "{}"), 0 },
		{ LIST("24", "200", TWELVE(ROW)),
		    LIST("24", "200", TWELVE("{}")), 1 },
		{ LIST("15", "200", TWELVE(ROW)),
		    LIST("15", "200", THREE("{}")), 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(lists); i++) {
		fake_crm.body = lists[i].first;
		second_page = lists[i].second;
		unusable = 0;
		ask_for(PROFILE_CHATS);
		assert_int_equal(ended, i + 1);
		assert_int_equal(fake_crm.requests, (i + 1) * 2);
		assert_int_equal(unusable, lists[i].unusable);
	}
}

static void
has_line(const char *path, const char *line)
{
	struct buf text = BUF_INIT;
	char *whole = xasprintf("\n%s\n", line);

	assert_int_equal(file_read_path(path, 0, &text), 0);
	if (strstr(buf_str(&text), whole) == NULL)
		fail_msg("no %s: %s", line, buf_str(&text));
	free(whole);
	buf_release(&text);
}

static void
calls_are_told_by_what_came_of_them(void **state)
{
	static const struct {
		int status;
		const char *body, *result;
	} answers[] = {
		{ 200, DIALOG, "ok" },
		{ 404,
		    "{\"status\":\"error\",\"message\":\"Dialog not found\"}",
		    "gone" },
		{ 401, "{}", "refused" },
		{ 503, "", "failed" },
		{ 429, "{}", "limited" },
	};
	unsigned run;
	char *line;
	size_t i;

	(void)state;
	tenant->metrics = ".";
	for (i = 0; i < ARRAY_LEN(answers); i++) {
		fake_crm.status = answers[i].status;
		fake_crm.body = answers[i].body;
		ask_once();
	}
	for (run = 1; run <= 2; run++) {
		call_metrics_keep(tenant, "poll", f, NULL, clock_now_ms());
		for (i = 0; i < ARRAY_LEN(answers); i++) {
			line = xasprintf("messaging_crm_calls_total{mode="
					 "\"poll\",tenant=\"acme\",result="
					 "\"%s\"} %u",
			    answers[i].result, run);
			has_line("messaging_calls_poll_acme.prom", line);
			free(line);
		}
	}
	tenant->metrics = NULL;
}

/* The child adds its calls when the gate is closed. */
static pid_t
run_apart(const int gate[2], int times)
{
	pid_t pid = fork();
	char none;

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	close(gate[1]);
	if (read(gate[0], &none, 1) != 0)
		_exit(1);
	while (times-- > 0)
		call_metrics_keep(tenant, "both", f, NULL, clock_now_ms());
	_exit(0);
}

/* Each goes on from the counts that the one before it has left. */
static void
runs_that_end_at_one_time_lose_no_calls(void **state)
{
	enum { RUNS = 4, TIMES = 10 };
	int gate[2], status, i;
	pid_t runs[RUNS];
	char *line;

	(void)state;
	tenant->metrics = ".";
	ask();
	assert_int_equal(pipe(gate), 0);
	for (i = 0; i < RUNS; i++)
		runs[i] = run_apart(gate, TIMES);
	close(gate[1]);
	for (i = 0; i < RUNS; i++) {
		assert_int_equal(waitpid(runs[i], &status, 0), runs[i]);
		assert_int_equal(status, 0);
	}
	close(gate[0]);
	line = xasprintf("messaging_crm_calls_total{mode=\"both\",tenant="
			 "\"acme\",result=\"ok\"} %d",
	    RUNS * TIMES);
	has_line("messaging_calls_both_acme.prom", line);
	free(line);
	tenant->metrics = NULL;
}

static void
a_run_that_keeps_the_lock_holds_no_other_up(void **state)
{
	int lock = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int64_t began = clock_mono_ms();

	(void)state;
	tenant->metrics = ".";
	assert_true(lock >= 0);
	assert_int_equal(flock(lock, LOCK_EX), 0);
	call_metrics_keep(tenant, "held", f, NULL, clock_now_ms());
	assert_true(clock_mono_ms() - began >= 1000);
	has_line("messaging_calls_held_acme.prom",
	    "messaging_crm_calls_total{mode=\"held\",tenant=\"acme\","
	    "result=\"ok\"} 0");
	close(lock);
	tenant->metrics = NULL;
}

static void
what_a_budget_leaves_is_told(void **state)
{
	static const char path[] = "messaging_calls_month_acme.prom";
	struct store *s = open_store(".", "t2", STORE_EXCLUSIVE);
	int64_t now = clock_now_ms();

	(void)state;
	tenant->metrics = ".";
	tenant->budget = 10;
	usage_add_month(s, USAGE_POLL, now, 3);
	commit_store(s);
	call_metrics_keep(tenant, "month", f, s, now);
	has_line(path, "messaging_crm_calls_left{tenant=\"acme\"} 7");
	usage_add_month(s, USAGE_STATUS, now, 8);
	commit_store(s);
	call_metrics_keep(tenant, "month", f, s, now);
	has_line(path, "messaging_crm_calls_left{tenant=\"acme\"} 0");
	tenant->budget = 0;
	tenant->metrics = NULL;
	store_close(s);
}

int
main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, begin, finish)
	const struct CMUnitTest tests[] = {
		WITH(a_long_pause_ends_questions),
		WITH(a_refusal_for_long_ends_others_too),
		WITH(a_short_pause_is_waited_for),
		WITH(a_busy_crm_is_no_refusal),
		WITH(a_refusal_without_a_pause_is_not_repeated_at_once),
		WITH(a_refusal_holds_the_others_back),
		WITH(a_refusal_may_be_of_one_chat_alone),
		WITH(lost_rows_are_counted_over_all_pages),
		WITH(a_pause_in_the_state_is_kept_to),
		WITH(calls_are_told_by_what_came_of_them),
		WITH(runs_that_end_at_one_time_lose_no_calls),
		WITH(a_run_that_keeps_the_lock_holds_no_other_up),
		WITH(what_a_budget_leaves_is_told),
	};
	int rc;

	log_set_level(LOG_LEVEL_ERROR);
	tenant = fake_tenant_open(BUDGET_MS);
	rc = cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
	fake_tenant_close(tenant);
	return rc;
}
