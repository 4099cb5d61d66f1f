/*
 * Test of pull.h: a poll that may not ask ends without waiting for answers.
 */
#include "tests/unit/fake_http.h"
#include "tests/unit/poller_store.h"
#include "tests/unit/tmpdir.h"

#include "common/base/log.h"
#include "poller/poll/pull.h"

static struct tenant *tenant;

/* The CRM wants no call for half an hour. */
static void
what_has_nothing_to_ask_does_not_wait(void **state)
{
	struct endpoint_options opt = { .conf = NULL };
	struct buf why = BUF_INIT;
	enum exit_code code;
	struct endpoint *to = endpoint_open_write("out", &opt, &why, &code);
	struct store *s = open_store(".", "acme", STORE_EXCLUSIVE);
	struct http *http = http_new();
	struct pull *p;

	(void)state;
	assert_non_null(to);
	store_set_number(s, "hold_until", clock_now_ms() + HOUR_MS / 2);
	commit_store(s);
	p = pull_new(http, tenant, s, to);
	assert_int_equal(pull_step(p), 0);
	assert_true(pull_done(p));
	assert_int_equal(pull_code(p), PROG_TEMPFAIL);
	assert_int_equal(fake_crm.requests, 0);
	pull_free(p);
	http_free(http);
	store_close(s);
	endpoint_close(to);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_has_nothing_to_ask_does_not_wait),
	};
	int rc;

	log_set_level(LOG_LEVEL_ERROR);
	tenant = fake_tenant_open(1000);
	rc = cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
	fake_tenant_close(tenant);
	return rc;
}
