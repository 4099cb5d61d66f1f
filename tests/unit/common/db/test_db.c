/*
 * Tests of common/db that need no server: what errors mean, values, and which
 * configurations are refused with which words. The rest is tests/e2e/sink*.t.
 */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/conf/conf.h"
#include "common/db/db.h"
#include "common/db/db_impl.h"
#include "common/records/record.h"

static const struct {
	unsigned number;
	enum db_cause cause;
	enum outcome outcome;
} errors[] = {
	{ 0, DB_FINE, OUTCOME_DONE },
	{ 1213, DB_CONFLICT, OUTCOME_LATER },
	{ 1205, DB_CONFLICT, OUTCOME_LATER },
	{ 1412, DB_CONFLICT, OUTCOME_LATER },
	{ 1615, DB_CONFLICT, OUTCOME_LATER },
	{ 1689, DB_CONFLICT, OUTCOME_LATER },
	{ 1964, DB_CONFLICT, OUTCOME_LATER },
	{ 3101, DB_CONFLICT, OUTCOME_LATER },
	{ 2006, DB_LOST, OUTCOME_LATER },
	{ 2013, DB_LOST, OUTCOME_LATER },
	{ 1927, DB_LOST, OUTCOME_LATER },
	{ 2002, DB_AWAY, OUTCOME_LATER },
	{ 2003, DB_AWAY, OUTCOME_LATER },
	{ 1040, DB_AWAY, OUTCOME_LATER },
	{ 1203, DB_AWAY, OUTCOME_LATER },
	{ 1226, DB_AWAY, OUTCOME_LATER },
	{ 1053, DB_AWAY, OUTCOME_LATER },
	{ 1461, DB_AWAY, OUTCOME_LATER },
	{ 1036, DB_AWAY, OUTCOME_LATER },
	{ 1194, DB_AWAY, OUTCOME_LATER },
	{ 1534, DB_AWAY, OUTCOME_LATER },
	{ 1811, DB_AWAY, OUTCOME_LATER },
	{ 1878, DB_AWAY, OUTCOME_LATER },
	{ 3015, DB_AWAY, OUTCOME_LATER },
	{ 3019, DB_AWAY, OUTCOME_LATER },
	{ 1297, DB_AWAY, OUTCOME_LATER },
	{ 1290, DB_AWAY, OUTCOME_LATER },
	{ 1836, DB_AWAY, OUTCOME_LATER },
	{ 1874, DB_AWAY, OUTCOME_LATER },
	{ 1047, DB_AWAY, OUTCOME_LATER },
	{ 3032, DB_AWAY, OUTCOME_LATER },
	{ 1114, DB_AWAY, OUTCOME_LATER },
	{ 1021, DB_AWAY, OUTCOME_LATER },
	{ 1016, DB_AWAY, OUTCOME_LATER },
	{ 1033, DB_AWAY, OUTCOME_LATER },
	{ 1932, DB_AWAY, OUTCOME_LATER },
	{ 2001, DB_AWAY, OUTCOME_LATER },
	{ 2008, DB_AWAY, OUTCOME_LATER },
	{ 5013, DB_LOST, OUTCOME_LATER },
	{ 1406, DB_DATA, OUTCOME_NEVER },
	{ 1366, DB_DATA, OUTCOME_NEVER },
	{ 1264, DB_DATA, OUTCOME_NEVER },
	{ 1265, DB_DATA, OUTCOME_NEVER },
	{ 1292, DB_DATA, OUTCOME_NEVER },
	{ 1048, DB_DATA, OUTCOME_NEVER },
	{ 3819, DB_DATA, OUTCOME_NEVER },
	{ 4025, DB_DATA, OUTCOME_NEVER },
	{ 1044, DB_DENIED, OUTCOME_NEVER },
	{ 1045, DB_DENIED, OUTCOME_NEVER },
	{ 1142, DB_DENIED, OUTCOME_NEVER },
	{ 4150, DB_DENIED, OUTCOME_NEVER },
	{ 1146, DB_SCHEMA, OUTCOME_NEVER },
	{ 1054, DB_SCHEMA, OUTCOME_NEVER },
	{ 1062, DB_SCHEMA, OUTCOME_NEVER },
	{ 2026, DB_CONFIG, OUTCOME_NEVER },
	{ 1071, DB_CONFIG, OUTCOME_NEVER },
	{ 1197, DB_CONFIG, OUTCOME_NEVER },
	{ 1286, DB_CONFIG, OUTCOME_NEVER },
	{ 1436, DB_CONFIG, OUTCOME_NEVER },
	{ 1705, DB_CONFIG, OUTCOME_NEVER },
	{ 1709, DB_CONFIG, OUTCOME_NEVER },
	{ 1064, DB_BUG, OUTCOME_NEVER },
	{ 65000, DB_BUG, OUTCOME_NEVER },
};

static void
errors_mean_what_the_reference_says(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof errors / sizeof errors[0]; i++) {
		enum db_cause cause = db_classify(errors[i].number);

		if (cause != errors[i].cause ||
		    db_outcome(cause) != errors[i].outcome)
			fail_msg(
			    "error %u: cause %d", errors[i].number, (int)cause);
	}
}

static const struct {
	const char *url, *why; /* NULL: fine */
	const char *name;
} urls[] = {
	{ "mysql://u:canary@127.0.0.1:3307/db", NULL,
	    "mysql://u:***@127.0.0.1:3307/db" },
	{ "mariadb://u@localhost/db", NULL, "mariadb://u@localhost/db" },
	{ "mysql://u:p%40ss@[::1]/db", NULL, "mysql://u:***@[::1]/db" },
	{ "postgres://u:canary@h/db", "must begin with mysql://", NULL },
	{ "mysql://u:canary@h", "names no database", NULL },
	{ "mysql://u:canary@h/", "names no database", NULL },
	{ "u:canary@h/db", "", NULL },
	{ "mysql://u:canary@h:99999/db", "[mysql] url", NULL },
};

static struct db *
open_url(
    const char *url, struct conf **conf, struct buf *why, enum exit_code *code)
{
	setenv("MYSQL_URL", url, 1);
	*conf = conf_load("/dev/null", why);
	assert_non_null(*conf);
	return db_open(*conf, why, code);
}

static void
urls_are_taken_or_refused(void **state)
{
	struct buf why = BUF_INIT;
	enum exit_code code;
	struct conf *conf;
	struct db *db;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof urls / sizeof urls[0]; i++) {
		buf_clear(&why);
		db = open_url(urls[i].url, &conf, &why, &code);
		if ((db != NULL) != (urls[i].why == NULL))
			fail_msg("%s: %s", urls[i].url, buf_str(&why));
		if (db != NULL) {
			assert_string_equal(db_name(db), urls[i].name);
			assert_false(db_connected(db));
		} else {
			assert_int_equal(code, PROG_CONFIG);
			assert_non_null(strstr(buf_str(&why), urls[i].why));
			assert_null(strstr(buf_str(&why), "canary"));
		}
		db_close(db);
		conf_free(conf);
	}
	buf_release(&why);
}

static void
without_a_url_it_says_how_to_give_one(void **state)
{
	struct buf why = BUF_INIT;
	enum exit_code code;
	struct conf *conf;

	(void)state;
	unsetenv("MYSQL_URL");
	conf = conf_load("/dev/null", &why);
	assert_non_null(conf);
	assert_null(db_open(conf, &why, &code));
	assert_non_null(strstr(buf_str(&why), "MYSQL_URL"));
	assert_int_equal(code, PROG_CONFIG);
	conf_free(conf);
	buf_release(&why);
}

static void
nobody_there_is_later_and_told_without_the_password(void **state)
{
	struct buf why = BUF_INIT;
	enum exit_code code;
	struct conf *conf;
	struct db *db =
	    open_url("mysql://u:canary@127.0.0.1:1/db", &conf, &why, &code);

	(void)state;
	assert_non_null(db);
	assert_int_equal(db_connect(db), OUTCOME_LATER);
	assert_int_equal(db_cause(db), DB_AWAY);
	assert_int_equal(db_code(db), PROG_TEMPFAIL);
	assert_null(strstr(db_why(db), "canary"));
	assert_non_null(strstr(db_why(db), "is it running"));
	/* A rollback without a connection is no accident. */
	db_rollback(db);
	db_close(db);
	conf_free(conf);
	buf_release(&why);
}

/* Work may have been done although a connection broke behind it. */
static void
what_needs_the_connection_tells_that_it_is_lost(void **state)
{
	enum outcome (*const steps[])(
	    struct db *) = { db_commit, db_begin, db_begin_reading };
	struct buf why = BUF_INIT;
	enum exit_code code;
	struct conf *conf;
	struct db *db =
	    open_url("mysql://u:canary@127.0.0.1:1/db", &conf, &why, &code);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		db_rollback(db);
		assert_int_equal(steps[i](db), OUTCOME_LATER);
		assert_int_equal(db_cause(db), DB_LOST);
		assert_non_null(strstr(db_why(db), "connection is lost"));
	}
	assert_int_equal(
	    db_send_query(db, "SELECT 1", strlen("SELECT 1")), OUTCOME_LATER);
	db_close(db);
	conf_free(conf);
	buf_release(&why);
}

/* Of this machine, at any port. */
static int
listen_somewhere(unsigned *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_return_code(fd, errno);
	assert_return_code(bind(fd, (struct sockaddr *)&at, len), errno);
	assert_return_code(listen(fd, 5), errno);
	assert_return_code(
	    getsockname(fd, (struct sockaddr *)&at, &len), errno);
	*port = ntohs(at.sin_port);
	return fd;
}

/* What a server says that has no room for one more. */
static void *
refuse_one(void *ctx)
{
	static const char refusal[] = "\27\0\0\0\377\20\4"
				      "Too many connections";
	int fd = accept(*(int *)ctx, NULL, NULL);

	if (fd == -1)
		return NULL;
	(void)!write(fd, refusal, sizeof refusal - 1);
	(void)close(fd);
	return NULL;
}

static bool
answers_at(unsigned port)
{
	char url[64];
	struct buf why = BUF_INIT;
	enum exit_code code;
	struct conf *conf;
	struct db *db;
	bool answers;

	(void)snprintf(url, sizeof url, "mysql://u:p@127.0.0.1:%u/db", port);
	db = open_url(url, &conf, &why, &code);
	assert_non_null(db);
	db_limit(db, 1000);
	answers = db_answers(db);
	assert_false(db_connected(db));
	db_close(db);
	conf_free(conf);
	buf_release(&why);
	return answers;
}

/* The kernel takes a connection for a process that stands still. */
static void
who_refuses_answers_and_who_is_silent_does_not(void **state)
{
	pthread_t thread;
	unsigned port;
	int fd = listen_somewhere(&port);

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, refuse_one, &fd), 0);
	assert_true(answers_at(port));
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_false(answers_at(port));
	(void)close(fd);
	assert_false(answers_at(port));
}

static void
absent_values_are_null(void **state)
{
	(void)state;
	assert_int_equal(db_text(NULL, 0).type, DB_NULL);
	assert_int_equal(db_str(NULL).type, DB_NULL);
	assert_int_equal(db_str("").type, DB_TEXT);
	assert_int_equal(db_int(RECORD_NO_NUMBER).type, DB_NULL);
	assert_int_equal(db_int(0).type, DB_INT);
	assert_int_equal(db_time(CLOCK_NONE).type, DB_NULL);
	assert_int_equal(db_seconds(INT64_MIN).type, DB_NULL);
}

static void
a_grant_is_for_one_database(void **state)
{
	static char schema[] = "a_b`c";
	struct db db = { .schema = schema };
	struct buf to = BUF_INIT;

	(void)state;
	buf_adds(&db.account, "'u'@'h'");
	db_grant(&db, "INSERT", "*", &to);
	assert_string_equal(
	    buf_str(&to), "GRANT INSERT ON `a\\_b``c`.* TO 'u'@'h'");
	buf_clear(&to);
	db_grant(&db, "ALTER", "messages", &to);
	assert_string_equal(buf_str(&to),
	    "GRANT ALTER, CREATE ON `a_b``c`.`messages` TO 'u'@'h'");
	db.server.mariadb = true;
	buf_clear(&to);
	db_grant(&db, "ALTER", "messages", &to);
	assert_string_equal(
	    buf_str(&to), "GRANT ALTER ON `a_b``c`.`messages` TO 'u'@'h'");
	buf_release(&to);
	buf_release(&db.account);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_mean_what_the_reference_says),
		cmocka_unit_test(urls_are_taken_or_refused),
		cmocka_unit_test(without_a_url_it_says_how_to_give_one),
		cmocka_unit_test(
		    nobody_there_is_later_and_told_without_the_password),
		cmocka_unit_test(
		    what_needs_the_connection_tells_that_it_is_lost),
		cmocka_unit_test(
		    who_refuses_answers_and_who_is_silent_does_not),
		cmocka_unit_test(absent_values_are_null),
		cmocka_unit_test(a_grant_is_for_one_database),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
