/*
 * pull_world: whole polls of a CRM that is the test, in the folder where the
 * test runs.
 *
 * In the header, because each test is one file and an executable of its own.
 */
#ifndef TESTS_UNIT_PULL_WORLD_H
#define TESTS_UNIT_PULL_WORLD_H

#include "tests/unit/fake_http.h"
#include "tests/unit/poller_store.h"
#include "tests/unit/tmpdir.h"

#include <string.h>
#include <time.h>

#include "common/base/log.h"
#include "common/os/file.h"
#include "poller/client/fetch.h"
#include "poller/poll/pull.h"

/* A list of Chat2Desk. */
#define LIST(rows, total)                                                      \
	"{\"status\":\"success\",\"data\":[" rows "],"                         \
	"\"meta\":{\"total\":" total "}}"

static struct tenant *tenant;

/* What the CRM answers, by what the address or the body contains; the first one
 * counts. */
struct reply {
	const char *part;
	int status;
	const char *body;
};
static const struct reply *replies;

static inline void
answer(const struct http_request *asked)
{
	const struct reply *r = replies;

	while (strstr(asked->url, r->part) == NULL &&
	       (asked->body == NULL || strstr(asked->body, r->part) == NULL))
		r++;
	fake_crm.status = r->status;
	fake_crm.body = r->body;
}

static inline void
handle_answers(struct http *http)
{
	struct http_answer *a;

	while ((a = http_next(http)) != NULL)
		fetch_answer(a);
}

static inline void
run_to_end(struct pull *p, struct http *http)
{
	const struct timespec moment = { .tv_nsec = 1000000 };

	while (!pull_done(p)) {
		if (pull_step(p) > 0 && http->n == 0)
			nanosleep(&moment, NULL);
		handle_answers(http);
	}
}

/* A poll with these answers: its code, and into *out what it writes. */
static inline enum exit_code
poll_once(const struct reply *to, struct buf *out)
{
	struct endpoint_options opt = { .conf = NULL };
	struct buf why = BUF_INIT;
	enum exit_code code;
	struct endpoint *file = endpoint_open_write("out", &opt, &why, &code);
	struct store *s = open_store(".", "acme", STORE_EXCLUSIVE);
	struct http *http = http_new();
	struct pull *p;

	replies = to;
	fake_crm.answer = answer;
	fake_crm.requests = 0;
	p = pull_new(http, tenant, s, file);
	run_to_end(p, http);
	code = pull_code(p);
	pull_free(p);
	http_free(http);
	store_close(s);
	assert_int_equal(endpoint_flush(file), OUTCOME_DONE);
	endpoint_close(file);
	buf_clear(out);
	assert_int_equal(file_read_path("out", 0, out), 0);
	assert_int_equal(unlink("out"), 0);
	fake_crm.answer = NULL;
	return code;
}

/* The tests, with polls of a tenant of that profile. */
#define pull_world_run(tests, profile)                                         \
	(log_set_level(LOG_LEVEL_ERROR),                                       \
	    tenant = fake_tenant_of(profile, 1000),                            \
	    pull_world_end(                                                    \
		cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave)))

static inline int
pull_world_end(int failed)
{
	fake_tenant_close(tenant);
	return failed;
}

#endif
