/*
 * Tests of poller/intake/hook over time: events without a time of their own,
 * and deliveries that are repeated. tests/cases/routes tests what payloads
 * become, and which deliveries are authentic.
 */
#include "tests/unit/tmpdir.h"

#include "common/base/buf.h"
#include "common/base/log.h"
#include "common/conf/conf.h"
#include "poller/crm/profile.h"
#include "poller/intake/hook.h"

#define NOW INT64_C(1795168800250) /* 2026-11-20T10:00:00.250Z */

static struct hooks *
open_text(const char *text, struct conf **conf)
{
	struct buf why = BUF_INIT;
	struct hooks *all;

	tmpdir_file("my.conf", text, strlen(text), 0600);
	*conf = conf_load("my.conf", &why);
	if (*conf == NULL)
		fail_msg("%s", buf_str(&why));
	all = hooks_open(*conf);
	buf_release(&why);
	return all;
}

static void
close_all(struct hooks *all, struct conf *conf)
{
	hooks_free(all);
	conf_free(conf);
}

/* The only header of a delivery is its time. */
static const char *
find_header(const struct web_request *r, const char *name)
{
	const char *const *signed_at = r->private;

	return strcmp(name, "X-Timestamp") == 0 ? *signed_at : NULL;
}

#define CLOSED "{\"hook_type\":\"close_dialog\",\"dialog_id\":1}"

/* Reads an event without a time. */
static void
read_untimed(const struct hook *h, const char *body, const char *signed_at,
    int64_t now_ms, struct idempotency *keys, struct buf *to)
{
	const struct web_request r = { .body = body,
		.len = strlen(body),
		.now_ms = now_ms,
		.header = find_header,
		.private = &signed_at };
	struct web_answer answer = { .status = 200 };
	struct buf why = BUF_INIT;

	assert_int_equal(hook_read(h, &r, keys, &answer, &why), HOOK_RECORDS);
	assert_int_equal(answer.records_n, 1);
	buf_setf(to, "%s", buf_str(&answer.records));
	buf_release(&answer.records);
	buf_release(&answer.note);
	buf_release(&why);
}

/* Reads it as if no other delivery had arrived. */
static void
read_closing(
    const struct hook *h, const char *signed_at, int64_t now_ms, struct buf *to)
{
	struct buf why = BUF_INIT;
	struct idempotency *keys = idempotency_open(NULL, 10, &why);

	read_untimed(h, CLOSED, signed_at, now_ms, keys, to);
	idempotency_close(keys);
}

static void
an_event_without_a_time_has_that_of_its_signature(void **state)
{
	static const char conf[] =
	    "[crm desk]\ntoken = 0123\nhook = signature\n"
	    "[crm key]\nhook = secret\nhook_secret = 0123456789abcdef\n";
	struct buf first = BUF_INIT, second = BUF_INIT;
	struct conf *c;
	struct hooks *all = open_text(conf, &c);
	const struct hook *desk = hook_of(all, "desk");

	(void)state;
	read_closing(desk, "1795168800", NOW, &first);
	/* Messages that the customer wrote within that second came earlier. */
	assert_non_null(strstr(buf_str(&first),
	    "\"closed_at\":\"2026-11-20T10:00:00.000Z\","
	    "\"at\":\"2026-11-20T10:00:00.999Z\""));
	/* The same delivery again, and another one. */
	read_closing(desk, "1795168800", NOW + 10000, &second);
	assert_string_equal(buf_str(&first), buf_str(&second));
	read_closing(desk, "1795168810", NOW + 10000, &second);
	assert_string_not_equal(buf_str(&first), buf_str(&second));
	/* Nobody signed that. */
	read_closing(hook_of(all, "key"), "1795168800", NOW, &second);
	assert_non_null(strstr(buf_str(&second), "10:00:00.250Z"));
	buf_release(&first);
	buf_release(&second);
	close_all(all, c);
}

#define TRANSFERRED(TO)                                                        \
	"{\"hook_type\":\"dialog_transferred\",\"dialog_id\":1,"               \
	"\"operator_id\":" TO "}"

/* Of two messages with the same time, the one with the greater id is later. A
 * repeated one keeps its place. */
static void
transfers_within_a_second_keep_their_order(void **state)
{
	static const struct {
		const char *body;
		int64_t now;
	} sent[] = { { TRANSFERRED("502"), NOW + 749 },
		{ TRANSFERRED("501"), NOW + 9750 },
		{ TRANSFERRED("502"), NOW + 99999 } };
	struct buf got[3] = { BUF_INIT, BUF_INIT, BUF_INIT }, why = BUF_INIT;
	struct idempotency *keys = idempotency_open(NULL, 10, &why);
	struct conf *c;
	struct hooks *all =
	    open_text("[crm desk]\ntoken = 0123\nhook = signature\n", &c);
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(sent); i++) {
		read_untimed(hook_of(all, "desk"), sent[i].body, "1795168800",
		    sent[i].now, keys, &got[i]);
		assert_non_null(strstr(buf_str(&got[i]), "T10:00:00.999Z"));
	}
	assert_true(strcmp(buf_str(&got[0]), buf_str(&got[1])) < 0);
	assert_string_equal(buf_str(&got[0]), buf_str(&got[2]));
	for (i = 0; i < ARRAY_LEN(sent); i++)
		buf_release(&got[i]);
	idempotency_close(keys);
	close_all(all, c);
}

int
test_hook(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    an_event_without_a_time_has_that_of_its_signature),
		cmocka_unit_test(transfers_within_a_second_keep_their_order),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
