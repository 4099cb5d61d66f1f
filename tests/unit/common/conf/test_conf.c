/*
 * Tests of common/conf/conf.c: what is read, from where, and which of
 * several values has priority. test_conf_mistakes.c tests mistakes.
 */
#include "tests/unit/tmpdir.h"

#include <inttypes.h>

#include "common/base/prog.h"
#include "common/conf/conf.h"
#include "common/conf/secret.h"

/* Everything conf looks at, gone. */
static void
clean_environment(void)
{
	static const char *const names[] = { "MESSAGING_CONFIG", "AMQP_URL",
		"MYSQL_URL", "CRM_URL", "CRM_TOKEN", "CRM_TOKEN_FILE",
		"CRM_ACCOUNT", "CRM_PROFILE", "CRM_TENANT" };
	size_t i;

	for (i = 0; i < ARRAY_LEN(names); i++)
		(void)unsetenv(names[i]);
}

static struct conf *
load_text(const char *text, size_t len, struct buf *why)
{
	tmpdir_file("my.conf", text, len, 0600);
	buf_clear(why);
	return conf_load("my.conf", why);
}

static struct conf *
must_load(const char *text)
{
	struct buf why = BUF_INIT;
	struct conf *c = load_text(text, strlen(text), &why);

	if (c == NULL)
		fail_msg("%s", buf_str(&why));
	buf_release(&why);
	return c;
}

static void
values_of_every_type(void **state)
{
	struct conf *c;
	char *const *list;

	(void)state;
	c = must_load("# a comment\n"
		      "; another\n"
		      "[crm acme]\n"
		      "\ttoken = a#b;c\n"
		      "timeout=5s\n"
		      "max_body = 64k\n"
		      "customers = yes\n"
		      "bot_operators = 7, 8 ,  9\n"
		      "history = all\n"
		      "[sink]\n"
		      "batch = 50\n"
		      "[poller]\n"
		      "to = -");
	assert_string_equal(conf_text(c, "crm acme", "token"), "a#b;c");
	assert_int_equal(conf_int(c, "crm acme", "timeout"), 5000);
	assert_int_equal(conf_int(c, "crm acme", "max_body"), 65536);
	assert_true(conf_bool(c, "crm acme", "customers"));
	assert_string_equal(conf_text(c, "crm acme", "history"), "all");
	list = conf_list(c, "crm acme", "bot_operators");
	assert_string_equal(list[0], "7");
	assert_string_equal(list[1], "8");
	assert_string_equal(list[2], "9");
	assert_null(list[3]);
	assert_int_equal(conf_int(c, "sink", "batch"), 50);
	/* defaults */
	assert_false(conf_bool(c, "crm acme", "plaintext"));
	assert_int_equal(conf_int(c, "crm acme", "operators_every"), 600000);
	assert_null(conf_text(c, "crm acme", "profile"));
	assert_null(conf_text(c, "amqp", "url"));
	assert_int_equal(
	    conf_int(c, "reaper", "tombstones"), INT64_C(7) * 86400 * 1000);
	conf_free(c);
	c = must_load("[crm a]\nbot_operators =\n");
	assert_null(conf_list(c, "crm a", "bot_operators")[0]);
	conf_free(c);
	c = must_load("[crm a]\n");
	assert_null(conf_list(c, "crm a", "bot_operators")[0]);
	conf_free(c);
}

static void
odd_files_are_read(void **state)
{
	static const char *const cases[] = {
		"\xef\xbb\xbf[sink]\nbatch = 7\n", /* byte-order mark */
		"[sink]\r\nbatch = 7\r\n",
		"[sink]\nbatch = 7", /* no newline at the end */
		"\n\n  [ sink ]  \n\n   batch   =   7   \n\n",
		"[sink]\nbatch=7\n[amqp]\n\n#",
	};
	struct conf *c;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		c = must_load(cases[i]);
		assert_int_equal(conf_int(c, "sink", "batch"), 7);
		conf_free(c);
	}
	c = must_load("");
	assert_int_equal(conf_tenants(c), 0);
	conf_free(c);
}

static void
the_environment_wins_over_the_file(void **state)
{
	struct conf *c;

	(void)state;
	clean_environment();
	(void)setenv("AMQP_URL", "amqp://env", 1);
	(void)setenv("MYSQL_URL", "", 1); /* as if it were not there */
	(void)setenv("CRM_TOKEN", "env", 1);
	c = must_load("[amqp]\nurl = amqp://file\n"
		      "[mysql]\nurl = mysql://file\n"
		      "[crm one]\ntoken_file = nowhere\n");
	assert_string_equal(conf_text(c, "amqp", "url"), "amqp://env");
	assert_string_equal(conf_text(c, "mysql", "url"), "mysql://file");
	assert_string_equal(conf_text(c, "crm one", "token"), "env");
	assert_null(conf_tenant_error(c, 0));
	assert_null(getenv("AMQP_URL"));
	assert_null(getenv("CRM_TOKEN"));
	conf_free(c);
	clean_environment();
}

static void
the_environment_alone_is_enough(void **state)
{
	struct buf why = BUF_INIT;
	struct conf *c;
	char *token;

	(void)state;
	clean_environment();
	tmpdir_file("token", "from-file\n", 10, 0600);
	(void)setenv("CRM_TOKEN_FILE", "token", 1);
	(void)setenv("CRM_PROFILE", "other", 1);
	c = conf_load(NULL, &why);
	assert_non_null(c);
	assert_int_equal(conf_tenants(c), 1);
	assert_string_equal(conf_tenant(c, 0), "default");
	token = conf_secret(c, "crm default", "token", &why);
	assert_string_equal(token, "from-file");
	secret_free(token);
	assert_string_equal(conf_text(c, "crm default", "profile"), "other");
	conf_free(c);
	(void)setenv("CRM_TENANT", "acme", 1);
	c = conf_load(NULL, &why);
	assert_string_equal(conf_tenant(c, 0), "acme");
	conf_free(c);
	(void)setenv("CRM_TENANT", "a/b", 1);
	assert_null(conf_load(NULL, &why));
	(void)setenv("CRM_TOKEN", "x", 1);
	assert_null(conf_load(NULL, &why));
	assert_null(getenv("CRM_TOKEN"));
	clean_environment();
	(void)setenv("CRM_PROFILE", "other", 1);
	c = conf_load(NULL, &why);
	assert_int_equal(conf_tenants(c), 0);
	conf_free(c);
	clean_environment();
	buf_release(&why);
}

static void
no_token_goes_to_the_wrong_tenant(void **state)
{
	static const char two[] = "[crm a]\ntoken = A\n[crm b]\ntoken = B\n";
	struct buf why = BUF_INIT;
	struct conf *c;

	(void)state;
	clean_environment();
	(void)setenv("CRM_TOKEN", "x", 1);
	assert_null(load_text(two, strlen(two), &why));
	assert_string_equal(buf_str(&why),
	    "CRM_TOKEN is set, but 2 tenants are configured; "
	    "set CRM_TENANT to one of them");
	(void)setenv("CRM_TOKEN", "x", 1);
	(void)setenv("CRM_TENANT", "b", 1);
	c = must_load(two);
	assert_string_equal(conf_text(c, "crm a", "token"), "A");
	assert_string_equal(conf_text(c, "crm b", "token"), "x");
	conf_free(c);
	clean_environment();
	buf_release(&why);
}

/* Opening a pipe without a writer in the usual way would block. */
static void
a_pipe_that_nobody_named_stops_nothing(void **state)
{
	static const char text[] = "[poller]\ntenants = .\n";
	struct buf why = BUF_INIT;
	struct conf *c;

	(void)state;
	clean_environment();
	tmpdir_empty(".");
	assert_int_equal(mkfifo("t-p.conf", 0600), 0);
	tmpdir_file("main.ini", text, strlen(text), 0600);
	(void)alarm(20);
	c = conf_load("main.ini", &why);
	assert_non_null(c);
	assert_int_equal(conf_tenants(c), 1);
	(void)alarm(0);
	conf_free(c);
	tmpdir_empty(".");
	buf_release(&why);
}

static void
paths_are_meant_from_the_file(void **state)
{
	struct buf why = BUF_INIT;
	char *name = xasprintf("%s/my.conf", (const char *)*state);
	char *want = xasprintf("%s/st/x", (const char *)*state);
	static const char text[] = "[poller]\nstate = st/x\n"
				   "[aggregator]\nstate = /abs/x\n";
	struct conf *c;

	tmpdir_file("my.conf", text, strlen(text), 0600);
	c = conf_load(name, &why);
	assert_string_equal(conf_text(c, "poller", "state"), want);
	assert_string_equal(conf_text(c, "aggregator", "state"), "/abs/x");
	conf_free(c);
	free(want);
	free(name);
	buf_release(&why);
}

static void
files_are_searched_in_order(void **state)
{
	static const char one[] = "[sink]\nbatch = 1\n";
	static const char two[] = "[sink]\nbatch = 2\n";
	struct buf why = BUF_INIT;
	struct conf *c;

	(void)state;
	clean_environment();
	tmpdir_empty(".");
	tmpdir_file("messaging.conf", one, strlen(one), 0600);
	tmpdir_file("named.conf", two, strlen(two), 0600);
	c = conf_load(NULL, &why);
	assert_int_equal(conf_int(c, "sink", "batch"), 5000);
	conf_free(c);
	(void)setenv("MESSAGING_CONFIG", "named.conf", 1);
	c = conf_load(NULL, &why);
	assert_int_equal(conf_int(c, "sink", "batch"), 2);
	conf_free(c);
	(void)setenv("MESSAGING_CONFIG", "missing.conf", 1);
	assert_null(conf_load(NULL, &why));
	assert_non_null(strstr(buf_str(&why), "'missing.conf': No such file"));
	c = conf_load("named.conf", &why);
	assert_int_equal(conf_int(c, "sink", "batch"), 2);
	conf_free(c);
	assert_null(conf_load(".", &why));
	assert_non_null(strstr(buf_str(&why), "'.': Is a directory"));
	clean_environment();
	buf_release(&why);
}

static void
open_files_with_secrets_are_warned_of_once(void **state)
{
	static const struct {
		const char *text;
		mode_t mode;
		bool warned;
	} cases[] = {
		{ "[crm a]\ntoken = T\n[amqp]\nurl = x\n", 0644, true },
		{ "[crm a]\ntoken = T\n", 0640, false },
		{ "[crm a]\ntoken = T\n", 0600, false },
		{ "[sink]\nbatch = 3\n", 0644, false },
	};
	struct buf why = BUF_INIT;
	char err[1024], *first;
	size_t i;
	int saved;

	(void)state;
	clean_environment();
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		(void)unlink("w.conf");
		tmpdir_file("w.conf", cases[i].text, strlen(cases[i].text),
		    cases[i].mode);
		saved = tmpdir_catch_stderr();
		conf_free(conf_load("w.conf", &why));
		tmpdir_stderr(saved, err, sizeof err);
		first =
		    strstr(err, "other users can read the secret in 'w.conf'");
		assert_int_equal(first != NULL, cases[i].warned);
		if (first != NULL)
			assert_null(strstr(first + 1, "other users can read"));
	}
	buf_release(&why);
}

/* True if the file may set the key to this number. */
static bool
is_accepted(const struct conf_key *k, int64_t n)
{
	bool named = strcmp(k->section, "crm") == 0 ||
		     strcmp(k->section, "notice") == 0 ||
		     strcmp(k->section, "notify") == 0;
	struct buf text = BUF_INIT, why = BUF_INIT;
	struct conf *c;

	buf_addf(&text, "[%s%s]\n%s = %" PRId64 "%s\n", k->section,
	    named ? " a" : "", k->name, n,
	    k->type == CONF_DURATION && n != 0 ? "ms" : "");
	c = load_text(text.data, text.len, &why);
	if (c == NULL)
		assert_non_null(strstr(buf_str(&why), k->name));
	conf_free(c);
	buf_release(&text);
	buf_release(&why);
	return c != NULL;
}

static void
limits_are_the_last_accepted_values(void **state)
{
	const struct conf_key *k;

	(void)state;
	for (k = conf_keys; k < conf_keys + conf_keys_n; k++) {
		if (k->min == 0 && k->max == 0)
			continue;
		if (!is_accepted(k, k->min) || is_accepted(k, k->min - 1))
			fail_msg("least [%s] %s", k->section, k->name);
		if (!is_accepted(k, k->max) ||
		    (k->max < INT64_MAX && is_accepted(k, k->max + 1)))
			fail_msg("greatest [%s] %s", k->section, k->name);
	}
}

/* Values on which messaging.conf(5) and the getters rely. */
/* Users run commands without sudo -u. */
static void
the_owner_of_a_closed_file_is_named(void **state)
{
	const bool root = geteuid() == 0;
	struct buf why = BUF_INIT;
	struct conf *c;

	(void)state;
	if (root)
		assert_int_equal(setegid(65534) | seteuid(65534), 0);
	c = conf_load("/etc/shadow", &why);
	if (root)
		assert_int_equal(seteuid(0) | setegid(0), 0);
	assert_null(c);
	assert_non_null(strstr(buf_str(&why), "run this as its owner: sudo -u "
					      "root"));
	buf_release(&why);
}

static void
the_table_is_sound(void **state)
{
	const struct conf_key *k;
	size_t i, j;
	bool number;

	(void)state;
	for (i = 0; i < conf_keys_n; i++) {
		k = &conf_keys[i];
		/* A duration or number that is not set is 0, which means none,
		 * no limit, or another key's value. */
		number = k->type == CONF_SIZE || k->type == CONF_BOOL;
		if (number && k->def == NULL)
			fail_msg("[%s] %s has no default", k->section, k->name);
		assert_true((k->type == CONF_CHOICE) == (k->choices != NULL));
		for (j = 0; j < i; j++)
			assert_true(
			    strcmp(k->section, conf_keys[j].section) != 0 ||
			    strcmp(k->name, conf_keys[j].name) != 0);
	}
}

int
test_conf(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_of_every_type),
		cmocka_unit_test(odd_files_are_read),
		cmocka_unit_test(the_environment_wins_over_the_file),
		cmocka_unit_test(the_environment_alone_is_enough),
		cmocka_unit_test(no_token_goes_to_the_wrong_tenant),
		cmocka_unit_test(a_pipe_that_nobody_named_stops_nothing),
		cmocka_unit_test(paths_are_meant_from_the_file),
		cmocka_unit_test(files_are_searched_in_order),
		cmocka_unit_test(open_files_with_secrets_are_warned_of_once),
		cmocka_unit_test(limits_are_the_last_accepted_values),
		cmocka_unit_test(the_owner_of_a_closed_file_is_named),
		cmocka_unit_test(the_table_is_sound),
	};

	prog_init("test_conf");
	clean_environment();
	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
