/*
 * Tests of common/hours/terms.c and terms_words.c: which hours and targets a
 * tenant and its channels have, and how the self-checks tell them. The text
 * case hours-mistakes of the sink has what is refused.
 */
#include "tests/unit/tmpdir.h"

#include "common/base/clock.h"
#include "common/hours/terms_words.h"

#define MORNING INT64_C(1796025600000) /* Monday 2026-11-30 08:00 UTC */

#define SECTIONS                                                               \
	"[hours office]\nzone = Europe/Berlin\nmon = 9:00-18:00\n"             \
	"wed = 9:00-13:00\nclosed = 2026-12-02/11:00-24:00\n"                  \
	"[hours night]\nzone = America/New_York\nfri = 22:00-6:00\n"           \
	"[targets]\nreply = 15m calendar\n"                                    \
	"[targets fast]\nreply = 5m work\n"

static struct conf *conf;
static struct terms_book *book;

static void
load(const char *text)
{
	struct buf why = BUF_INIT;

	tmpdir_file("my.conf", text, strlen(text), 0600);
	conf = conf_load("my.conf", &why);
	book = conf != NULL ? terms_load(conf, NULL, NULL, &why) : NULL;
	if (book == NULL)
		fail_msg("%s", buf_str(&why));
	buf_release(&why);
}

static void
unload(void)
{
	terms_free(book);
	conf_free(conf);
}

static const struct tenant_terms *
tenant(const char *name)
{
	return terms_of_tenant(book, text_from(name));
}

static void
a_channel_may_have_its_own(void **state)
{
	const struct terms *t;

	(void)state;
	load(SECTIONS "[crm a]\nhours = office\nhours.7 = night\n"
		      "targets.8 = fast\n[crm b]\n");
	t = terms_of_channel(tenant("a"), text_from("7"));
	assert_string_equal(hours_name(t->hours), "night");
	assert_string_equal(t->targets->name, "");
	t = terms_of_channel(tenant("a"), text_from("8"));
	assert_string_equal(hours_name(t->hours), "office");
	assert_string_equal(t->targets->name, "fast");
	t = terms_of_channel(tenant("a"), (struct text){ NULL, 0 });
	assert_string_equal(hours_name(t->hours), "office");
	assert_string_equal(t->targets->name, "");
	assert_string_equal(terms_zone_name(tenant("a")), "Europe/Berlin");
	/* Without hours: targets in calendar time only. */
	t = terms_of_channel(tenant("b"), text_from("7"));
	assert_null(t->hours);
	assert_string_equal(t->targets->name, "");
	assert_string_equal(terms_zone_name(tenant("b")), "UTC");
	assert_false(terms_have_hours(tenant("b")));
	assert_false(terms_version(tenant("a")) == terms_version(tenant("b")));
	unload();
}

static void
nothing_is_configured(void **state)
{
	(void)state;
	load("[crm a]\n");
	assert_true(terms_version(tenant("a")) == 0);
	assert_true(terms_version(tenant("unknown")) == 0);
	assert_false(terms_have_targets(tenant("a")));
	unload();
}

static void
the_zone_may_be_set(void **state)
{
	(void)state;
	load(SECTIONS "[crm a]\nhours = office\nzone = Asia/Kathmandu\n");
	assert_string_equal(terms_zone_name(tenant("a")), "Asia/Kathmandu");
	assert_int_equal(zone_find(terms_zone(tenant("a")), MORNING).offset,
	    345 * MINUTE_MS);
	unload();
}

static void
a_mistake_in_a_file_of_a_tenant_is_this_tenants(void **state)
{
	static const char text[] = "hours = nowhere\n";
	char logged[512];
	int saved;

	(void)state;
	assert_int_equal(mkdir("tenants", 0700), 0);
	tmpdir_file("tenants/b.conf", text, strlen(text), 0600);
	saved = tmpdir_catch_stderr();
	load(SECTIONS "[poller]\ntenants = tenants\n[crm a]\nhours = office\n");
	tmpdir_stderr(saved, logged, sizeof logged);
	assert_non_null(strstr(logged,
	    "tenants/b.conf:1: there is no section [hours nowhere]; add it, or "
	    "correct the name; tenant b has no hours and targets"));
	assert_non_null(terms_error(tenant("b")));
	assert_false(terms_have_hours(tenant("b")));
	assert_true(terms_have_hours(tenant("a")));
	unload();
	assert_int_equal(unlink("tenants/b.conf"), 0);
	assert_int_equal(rmdir("tenants"), 0);
}

static void
add_told(
    void *ctx, enum terms_finding finding, const char *about, const char *text)
{
	buf_addf(ctx, "%d %s: %s\n", finding, about, text);
}

static void
a_week_is_told_in_words(void **state)
{
	struct buf told = BUF_INIT;

	(void)state;
	load(SECTIONS "[crm a]\nhours = office\n");
	terms_tell(tenant("a"), MORNING, add_told, &told);
	assert_string_equal(buf_str(&told),
	    "0 hours: office, Europe/Berlin\n"
	    "0 hours: Mon 30 Nov: 9:00-18:00\n"
	    "0 hours: Tue 1 Dec: closed\n"
	    "0 hours: Wed 2 Dec: 9:00-13:00, closed 11:00-24:00\n"
	    "0 hours: Thu 3 Dec: closed\n"
	    "0 hours: Fri 4 Dec: closed\n"
	    "0 hours: Sat 5 Dec: closed\n"
	    "0 hours: Sun 6 Dec: closed\n"
	    "0 targets: first_response none, reply 15m calendar, resolution "
	    "none; soon late with 20% left\n");
	buf_release(&told);
	unload();
}

/* At 22:00 UTC, it is the next day in the tenant's zone. */
static void
targets_are_those_of_today_in_the_zone(void **state)
{
	struct buf told = BUF_INIT;

	(void)state;
	load("[targets]\nreply = 15m calendar\nsince = 2026-12-01\n"
	     "reply = 20m calendar\n[crm a]\nzone = Asia/Tokyo\n");
	terms_tell(tenant("a"), MORNING + 14 * HOUR_MS, add_told, &told);
	assert_non_null(strstr(buf_str(&told), "reply 20m calendar"));
	buf_clear(&told);
	terms_tell(tenant("a"), MORNING, add_told, &told);
	assert_non_null(strstr(buf_str(&told), "reply 15m calendar"));
	buf_release(&told);
	unload();
}

/* A program that cannot ask the database has no holidays from such a file, and
 * later versions of the hours keep it. */
static void
a_file_of_holidays_is_missing(void **state)
{
	static const char text[] =
	    "[hours h]\nzone = UTC\nmon = 9:00-18:00\nholidays = none.ics\n"
	    "since = 2026-12-07\nmon = 9:00-17:00\n[crm a]\nhours = h\n";
	struct buf why = BUF_INIT, told = BUF_INIT;
	char logged[512];
	int saved;

	(void)state;
	tmpdir_file("my.conf", text, strlen(text), 0600);
	conf = conf_load("my.conf", &why);
	assert_non_null(conf);
	assert_null(terms_load(conf, NULL, NULL, &why));
	saved = tmpdir_catch_stderr();
	book = terms_load(conf, hours_read_if_possible, NULL, &why);
	tmpdir_stderr(saved, logged, sizeof logged);
	assert_non_null(book);
	assert_non_null(strstr(logged, "its holidays are not used\n"));
	terms_tell(tenant("a"), MORNING, add_told, &told);
	assert_non_null(
	    strstr(buf_str(&told), "hours: Mon 30 Nov: 9:00-18:00"));
	assert_non_null(
	    strstr(buf_str(&told), "1 holidays: ignored: cannot read"));
	buf_release(&told);
	buf_release(&why);
	unload();
}

int
test_terms(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_channel_may_have_its_own),
		cmocka_unit_test(nothing_is_configured),
		cmocka_unit_test(the_zone_may_be_set),
		cmocka_unit_test(
		    a_mistake_in_a_file_of_a_tenant_is_this_tenants),
		cmocka_unit_test(a_week_is_told_in_words),
		cmocka_unit_test(targets_are_those_of_today_in_the_zone),
		cmocka_unit_test(a_file_of_holidays_is_missing),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
