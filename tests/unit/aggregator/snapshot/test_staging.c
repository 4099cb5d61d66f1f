/*
 * Tests of aggregator/staging: what is published, dropped and refused, line by
 * line.
 */
#include "tests/unit/staging_world.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void
a_snapshot_is_published_when_it_is_whole(void **state)
{
	struct world *w = *state;

	start(w);
	add(w, "m1", 1, BEGIN);
	add(w, "m1", 2, OPERATOR);
	flush(w);
	add(w, "m2", 1, CHAT);
	flush(w);
	assert_int_equal(w->publications, 0);
	add(w, "m2", 2, END);
	flush(w);
	assert_int_equal(w->publications, 1);
	assert_non_null(strstr(buf_str(&w->published), "\"name\":\"Ann\""));
	assert_int_equal(access(DIR_NAME "/t.spool", F_OK), -1);
	flush(w);
	assert_int_equal(w->publications, 1);
	assert_int_equal(w->refused.len, 0);
}

static void
a_message_that_comes_again_counts_once(void **state)
{
	struct world *w = *state;
	int round;

	for (round = 0; round < 3; round++) {
		start(w);
		add(w, "m1", 1, BEGIN);
		add(w, "m1", 2, OPERATOR);
		add(w, "m1", 1, BEGIN);
		add(w, "m1", 2, OPERATOR);
		flush(w);
		stop(w);
	}
	start(w);
	add(w, "m2", 1, CHAT);
	add(w, "m2", 2, END);
	flush(w);
	assert_int_equal(w->publications, 1);
	/* And when the snapshot is long done. */
	stop(w);
	start(w);
	add(w, "m1", 1, BEGIN);
	add(w, "m1", 2, OPERATOR);
	add(w, "m2", 1, CHAT);
	add(w, "m2", 2, END);
	flush(w);
	assert_int_equal(w->publications, 1);
	assert_int_equal(w->refused.len, 0);
	assert_int_equal(w->staging.failed, 0);
}

/* Messages without an id: a line that was written twice counts twice, one that
 * comes again through another connection does not, in whichever order. */
static void
a_line_that_comes_again_counts_once(void **state)
{
	struct world *w = *state;

	start(w);
	add(w, NULL, 1, BEGIN);
	add(w, NULL, 1, OPERATOR);
	add(w, NULL, 1, OPERATOR);
	flush(w);
	w->connection = 1;
	w->again = true;
	add(w, NULL, 1, OPERATOR);
	add(w, NULL, 1, BEGIN);
	add(w, NULL, 1, CHAT);
	add(w, NULL, 1, OPERATOR);
	w->again = false;
	add(w, NULL, 1, OPERATOR);
	add(w, NULL, 1, "no JSON");
	flush(w);
	stop(w);
	start(w);
	w->connection = 0;
	w->again = true;
	add(w, NULL, 1, "no JSON");
	add(w, NULL, 1, OPERATOR);
	w->again = false;
	add(w, NULL, 1, MARK("end", "s1", "10", ",\"records\":5"));
	flush(w);
	assert_int_equal(w->publications, 1);
	assert_int_equal(w->staging.failed, 0);
	assert_string_equal(
	    buf_str(&w->refused), "not JSON: a value expected (column 1)\n");
}

/* The stream before a snapshot may have bad lines, too. */
static void
a_bad_line_before_its_begin_is_none_of_it(void **state)
{
	struct world *w = *state;
	int round;

	for (round = 0; round < 2; round++) {
		start(w);
		w->connection = (uint64_t)round;
		w->again = round > 0;
		add(w, NULL, 1, "nonsense");
		add(w, NULL, 2, "[");
		add(w, NULL, 3, BEGIN);
		flush(w);
		stop(w);
	}
	start(w);
	w->again = false;
	add(w, NULL, 1, OPERATOR);
	add(w, NULL, 1, CHAT);
	add(w, NULL, 1, END);
	flush(w);
	assert_int_equal(w->publications, 1);
	assert_non_null(strstr(buf_str(&w->published), "\"name\":\"Ann\""));
}

static void
rows_that_are_not_confirmed_are_not_written_twice(void **state)
{
	struct world *w = *state;

	start(w);
	add(w, "m1", 1, BEGIN);
	add(w, "m1", 2, OPERATOR);
	add(w, "m1", 3, CHAT);
	add(w, "m1", 4, END);
	w->firm = 1; /* of what came before */
	w->later = 3;
	assert_int_equal(staging_flush(&w->staging), OUTCOME_LATER);
	assert_int_equal(w->publications, 1);
	assert_int_equal(staging_flush(&w->staging), OUTCOME_LATER);
	assert_int_equal(access(DIR_NAME "/t.spool", F_OK), 0);
	flush(w);
	assert_int_equal(w->publications, 1);
}

static void
a_newer_one_drops_an_unfinished_one(void **state)
{
	struct world *w = *state;

	start(w);
	add(w, "m1", 1, BEGIN);
	add(w, "m1", 2, OPERATOR);
	flush(w);
	add(w, "m2", 1, MARK("begin", "s2", "20", ""));
	add(w, "m2", 2, MARK("end", "s2", "20", ",\"records\":0"));
	flush(w);
	assert_int_equal(w->publications, 1);
	assert_int_equal(w->staging.failed, 1);
	/* What still comes of the old one belongs to nobody. */
	add(w, "m3", 1, CHAT);
	assert_string_equal(buf_str(&w->refused),
	    "its snapshot did not begin, or was dropped\n");
}

static void
bad_lines_are_refused_and_the_rest_goes_on(void **state)
{
	struct world *w = *state;

	start(w);
	add(w, "m1", 1, BEGIN);
	add(w, "m1", 2, "nonsense");
	flush(w);
	stop(w);
	start(w);
	add(w, "m1", 2, "nonsense");
	add(w, "m2", 1,
	    "{\"type\":\"operator\"," IN_S1 "\"operator\":{\"a\":1}}");
	add(w, "m2", 2, "{\"type\":\"operator\",\"operator\":\"7\"}");
	add(w, "m2", 3, "{\"type\":\"operator\"," TENANT "\"operator\":\"7\"}");
	add(w, "m2", 4,
	    "{\"type\":\"operator\",\"tenant\":\"a/b\",\"snapshot\":\"s1\","
	    "\"operator\":\"7\"}");
	add(w, "m2", 5, END);
	flush(w);
	assert_int_equal(w->publications, 1);
	assert_non_null(
	    strstr(buf_str(&w->refused), "field 'operator' must be a string"));
	assert_non_null(strstr(buf_str(&w->refused), "'tenant' is missing"));
	assert_non_null(strstr(buf_str(&w->refused), "outside a snapshot"));
	assert_non_null(
	    strstr(buf_str(&w->refused), "of a [crm NAME] section"));
}

/* It counts, also when it is read back, and is refused once. */
static void
a_line_that_cannot_be_read_counts(void **state)
{
	const struct staging_source from = { "m1", 3, 0, false };
	struct world *w = *state;
	int round;

	start(w);
	add(w, "m1", 1, BEGIN);
	add(w, "m1", 2, OPERATOR);
	for (round = 0; round < 3; round++) {
		assert_int_equal(staging_add_unread(&w->staging,
				     "the line is too long", &from),
		    OUTCOME_DONE);
		flush(w);
		stop(w);
		start(w);
	}
	add(w, "m1", 4, END);
	flush(w);
	assert_int_equal(w->publications, 1);
	assert_non_null(strstr(buf_str(&w->published), "\"name\":\"Ann\""));
	assert_string_equal(buf_str(&w->refused), "the line is too long\n");
}

/* The stream beside it may have bad lines, too. */
static void
a_bad_line_behind_its_end_makes_none_whole(void **state)
{
	struct world *w = *state;

	start(w);
	add(w, "m1", 1, BEGIN);
	add(w, "m1", 2, OPERATOR);
	add(w, "m1", 3, END);
	add(w, "m2", 1, "nonsense");
	flush(w);
	assert_int_equal(w->publications, 0);
	stop(w);
	start(w);
	add(w, "m2", 2, "nonsense");
	flush(w);
	assert_int_equal(w->publications, 0);
	assert_int_equal(staging_report_incomplete(&w->staging), 1);
	/* One that says whose it is counts. */
	add(w, "m3", 1, "{\"type\":\"operator\"," IN_S1 "\"operator\":[]}");
	flush(w);
	assert_int_equal(w->publications, 1);
}

/* Before that it must not be on the disk that it is whole. */
static void
what_came_before_an_end_is_made_safe_first(void **state)
{
	const struct text t = { "t", 1 }, other = { "u", 1 };
	struct world *w = *state;

	start(w);
	add(w, "m1", 1, BEGIN);
	add(w, "m1", 2, OPERATOR);
	add(w, "m1", 3, CHAT);
	flush(w);
	assert_false(staging_has_unpublished(&w->staging, t));
	add(w, "m1", 4, END);
	assert_true(staging_has_unpublished(&w->staging, t));
	assert_false(staging_has_unpublished(&w->staging, other));
	w->later = 1;
	assert_int_equal(staging_flush(&w->staging), OUTCOME_LATER);
	assert_int_equal(w->publications, 0);
	stop(w);
	start(w);
	flush(w);
	assert_int_equal(w->publications, 0);
	add(w, "m1", 4, END);
	flush(w);
	assert_int_equal(w->publications, 1);
	assert_false(staging_has_unpublished(&w->staging, t));
}

static void
an_end_that_comes_early_waits_for_the_rest(void **state)
{
	struct world *w = *state;

	start(w);
	add(w, "m1", 1, BEGIN);
	add(w, "m3", 1, END);
	flush(w);
	assert_int_equal(staging_report_incomplete(&w->staging), 1);
	add(w, "m2", 1, OPERATOR);
	add(w, "m2", 2, CHAT);
	flush(w);
	assert_int_equal(w->publications, 1);
	assert_int_equal(staging_report_incomplete(&w->staging), 0);
}

/* Of tenant t, chat 1. */
#define CHAT_BUCKET "1"
#define PART(state, id, at, bucket, more)                                      \
	MARK(state, id, at, ",\"bucket\":" bucket more)
#define MARKER(state, id, bucket, more) PART(state, id, "10", bucket, more)
#define END_OF(n) ",\"records\":" n

static void
each_part_is_published_when_it_is_whole(void **state)
{
	struct world *w = *state;

	assert_int_equal(
	    bucket_of("t", 1, "1", 1), strtol(CHAT_BUCKET, NULL, 10));
	w->by_part = true;
	start(w);
	add(w, "m1", 1, PART("begin", "s1", "10", "64", ""));
	add(w, "m1", 2, OPERATOR);
	add(w, "m2", 1, PART("begin", "s1", "10", CHAT_BUCKET, ""));
	add(w, "m2", 2, CHAT);
	add(w, "m3", 1, PART("end", "s1", "10", "64", END_OF("1")));
	flush(w);
	assert_int_equal(w->publications, 1);
	assert_true(w->parts.all && w->parts.chats == 0);
	assert_non_null(strstr(buf_str(&w->published), "\"name\":\"Ann\""));
	assert_null(strstr(buf_str(&w->published), "\"chat\":\"1\""));
	/* They share a spool, and what is done of it stays done. */
	assert_int_equal(access(DIR_NAME "/t.spool", F_OK), 0);
	stop(w);
	start(w);
	flush(w);
	assert_int_equal(w->publications, 1);
	add(w, "m1", 2, OPERATOR);
	add(w, "m4", 1, PART("end", "s1", "10", CHAT_BUCKET, END_OF("1")));
	/* One with nothing in it is whole, too. */
	add(w, "m5", 1, PART("begin", "s1", "10", "7", ""));
	add(w, "m5", 2, PART("end", "s1", "10", "7", END_OF("0")));
	flush(w);
	assert_int_equal(w->publications, 2);
	assert_true(w->parts.chats == ((1u << 1) | (1u << 7)) && !w->parts.all);
	assert_null(strstr(buf_str(&w->published), "\"name\":\"Ann\""));
	assert_non_null(strstr(buf_str(&w->published), "\"chat\":\"1\""));
	assert_int_equal(access(DIR_NAME "/t.spool", F_OK), -1);
	/* Another part comes late; those that were there are passed over. */
	stop(w);
	start(w);
	add(w, "m2", 1, PART("begin", "s1", "10", CHAT_BUCKET, ""));
	add(w, "m2", 2, CHAT);
	add(w, "m6", 1, PART("begin", "s1", "10", "8", ""));
	add(w, "m6", 2, PART("end", "s1", "10", "8", END_OF("0")));
	flush(w);
	assert_int_equal(w->publications, 3);
	assert_true(w->parts.chats == 1u << 8 && !w->parts.all);
	assert_int_equal(w->refused.len, 0);
	assert_int_equal(staging_report_incomplete(&w->staging), 0);
}

static void
a_part_that_is_cut_is_not_used(void **state)
{
	struct world *w = *state;
	int round;

	w->by_part = true;
	start(w);
	add(w, "m1", 1, PART("begin", "s1", "10", "7", ""));
	add(w, "m1", 2, PART("end", "s1", "10", "7", END_OF("0")));
	add(w, "m2", 1, PART("begin", "s1", "10", CHAT_BUCKET, ""));
	add(w, "m2", 2, CHAT);
	add(w, "m2", 3, "{\"type\":\"chat\"," IN_S1 "\"chat\":{}}");
	add(w, "m2", 4, PART("end", "s1", "10", CHAT_BUCKET, END_OF("3")));
	/* The newer one of any part is the end of it, and what is whole counts
	 * first. */
	add(w, "m3", 1, PART("begin", "s2", "20", "7", ""));
	assert_int_equal(w->publications, 1);
	assert_int_equal(w->parts.chats, 1u << 7);
	assert_int_equal(w->staging.failed, 1);
	/* An older one is passed over, whatever part comes. */
	for (round = 0; round < 2; round++) {
		add(w, "m4", 1, PART("begin", "s0", "05", CHAT_BUCKET, ""));
		add(w, "m4", 2,
		    PART("end", "s0", "05", CHAT_BUCKET, END_OF("0")));
		flush(w);
		assert_int_equal(w->publications, 1 + round);
		add(w, "m5", 1, PART("end", "s2", "20", "7", END_OF("0")));
		flush(w);
		assert_int_equal(w->publications, 2);
	}
	assert_string_equal(
	    buf_str(&w->refused), "field 'chat' must be a string\n");
}

/* Whoever makes rows of snapshots needs all of one. */
static void
all_parts_are_a_snapshot(void **state)
{
	struct world *w = *state;
	char *line;
	int round, part;

	for (round = 0; round < 2; round++) {
		start(w);
		/* The second one lacks its last part. */
		for (part = 0; part <= BUCKET_ALL - round; part++) {
			assert_int_equal(w->publications, 0);
			line = xasprintf(
			    MARKER("begin", "s%d", "%d", ""), round, part);
			add(w, NULL, 0, line);
			free(line);
			line =
			    xasprintf(MARKER("end", "s%d", "%d", END_OF("0")),
				round, part);
			add(w, NULL, 0, line);
			free(line);
			flush(w);
		}
		assert_int_equal(w->publications, round == 0);
		assert_int_equal(staging_report_incomplete(&w->staging), round);
		w->publications = 0;
		stop(w);
	}
}

static void
a_folder_is_for_one_and_of_one_version(void **state)
{
	struct world *w = *state, other = { .open = false };
	struct buf why = BUF_INIT;
	static const char damaged[] = "messaging-spool 2\n@ 1 2 3 x\nab\nmore";

	tmpdir_file(DIR_NAME, "", 0, 0600);
	assert_int_equal(try_open(&other, &why), -1);
	assert_int_equal(other.staging.code, PROG_CANTCREATE);
	assert_string_equal(buf_str(&why),
	    "cannot use '" DIR_NAME "', of --state, as a folder: Not a "
	    "directory; a part of its name is a file; choose another");
	staging_close(&other.staging);
	assert_int_equal(unlink(DIR_NAME), 0);
	start(w);
	assert_int_equal(try_open(&other, &why), -1);
	assert_int_equal(other.staging.code, PROG_TEMPFAIL);
	staging_close(&other.staging);
	stop(w);
	assert_int_equal(unlink(DIR_NAME "/lock"), 0);
	assert_int_equal(mkdir(DIR_NAME "/lock", 0700), 0);
	assert_int_equal(try_open(&other, &why), -1);
	assert_int_equal(other.staging.code, PROG_CANTCREATE);
	assert_string_equal(buf_str(&why),
	    "cannot open lock file '" DIR_NAME "/lock': Is a directory; name a "
	    "file, not a folder");
	staging_close(&other.staging);
	assert_int_equal(rmdir(DIR_NAME "/lock"), 0);
	tmpdir_file(DIR_NAME "/t.spool", damaged, sizeof damaged - 1, 0600);
	assert_int_equal(try_open(w, &why), -1);
	assert_int_equal(w->staging.code, PROG_DATA);
	assert_non_null(strstr(buf_str(&why), "damaged"));
	staging_close(&w->staging);
	tmpdir_file(DIR_NAME "/t.spool", "", 0, 0600);
	start(w);
	stop(w);
	tmpdir_file(DIR_NAME "/version", "x", 1, 0600);
	assert_int_equal(try_open(w, &why), -1);
	staging_close(&w->staging);
	buf_release(&why);
}

static void
what_nobody_goes_on_with_is_removed_after_a_week(void **state)
{
	struct world *w = *state;
	struct timespec old[2] = { { .tv_sec = time(NULL) - 8 * 86400 },
		{ .tv_sec = time(NULL) - 8 * 86400 } };

	start(w);
	add(w, "m1", 1, BEGIN);
	add(w, "m1", 2, OPERATOR);
	flush(w);
	staging_expire(&w->staging);
	assert_int_equal(access(DIR_NAME "/t.spool", F_OK), 0);
	assert_int_equal(utimensat(AT_FDCWD, DIR_NAME "/t.spool", old, 0), 0);
	staging_expire(&w->staging);
	assert_int_equal(access(DIR_NAME "/t.spool", F_OK), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STAGING_TEST(a_snapshot_is_published_when_it_is_whole),
		STAGING_TEST(a_message_that_comes_again_counts_once),
		STAGING_TEST(a_line_that_comes_again_counts_once),
		STAGING_TEST(a_bad_line_before_its_begin_is_none_of_it),
		STAGING_TEST(rows_that_are_not_confirmed_are_not_written_twice),
		STAGING_TEST(a_newer_one_drops_an_unfinished_one),
		STAGING_TEST(bad_lines_are_refused_and_the_rest_goes_on),
		STAGING_TEST(a_line_that_cannot_be_read_counts),
		STAGING_TEST(a_bad_line_behind_its_end_makes_none_whole),
		STAGING_TEST(what_came_before_an_end_is_made_safe_first),
		STAGING_TEST(an_end_that_comes_early_waits_for_the_rest),
		STAGING_TEST(each_part_is_published_when_it_is_whole),
		STAGING_TEST(a_part_that_is_cut_is_not_used),
		STAGING_TEST(all_parts_are_a_snapshot),
		STAGING_TEST(a_folder_is_for_one_and_of_one_version),
		STAGING_TEST(what_nobody_goes_on_with_is_removed_after_a_week),
	};

	if (!world_choose())
		return 1;
	return cmocka_run_group_tests(tests, enter, leave);
}
