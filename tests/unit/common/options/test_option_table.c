/*
 * Tests of common/option_table: a command line chooses a mode, the mode's rows
 * store the values, options of another mode are refused, and the help is made
 * from the rows.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/xalloc.h"
#include "common/options/option_table.h"
#include "common/output/output_table.h"

struct filled {
	struct option_common common;
	const char *from, *to, *where;
	enum output_format format;
	bool force;
	int days;
};

static bool
is_pond(const char *value)
{
	return strncmp(value, "pond:", 5) == 0;
}

static int
check_fish(void *options)
{
	const struct filled *f = options;

	return f->to == NULL && f->force ? prog_usage_error("no -t") : -1;
}

static int
take_day(const char *value, void *to)
{
	int *days = to;

	(void)value;
	++*days;
	return -1;
}

#define FROM OPTION_TEXT('f', "from", "FROM", struct filled, from, "comes in")
#define TO OPTION_TEXT('t', "to", "TO", struct filled, to, "goes out")

static const struct option_row walk_rows[] = { FROM, TO };
static const struct option_row fish_rows[] = {
	OPTION_FLAG("force", struct filled, force, "all the same"),
	OPTION_REQUIRED('t', "to", "TO", struct filled, to, "the bucket"),
};
static const struct option_row look_rows[] = {
	FROM,
	OPTION_FORMAT(struct filled, format),
	OPTION_REPEATED("day", "DAY", struct filled, days, take_day, "then"),
};

static const struct option_mode walk = {
	.title = "a walk",
	.about = "Walks.\n",
	.rows = walk_rows,
	.rows_n = ARRAY_LEN(walk_rows),
};
static const struct option_mode fish = {
	.choice =
	    OPTION_TEXT('f', "from", "pond:NAME", struct filled, from, "fish"),
	.when = is_pond,
	.title = "a pond",
	.about = "Fishes.\n",
	.rows = fish_rows,
	.rows_n = ARRAY_LEN(fish_rows),
	.check = check_fish,
};
static const struct option_mode look = {
	.choice =
	    OPTION_TEXT(0, "look", "WHERE", struct filled, where, "look there"),
	.about = "Looks.\n",
	.rows = look_rows,
	.rows_n = ARRAY_LEN(look_rows),
};
static const struct option_mode rest = {
	.choice = OPTION_MODE("rest", "do nothing"),
	.about = "Rests.\n",
};
static const struct option_mode *const modes[] = { &walk, &fish, &look, &rest };

static struct filled got;
static const struct option_mode *mode;
static char said[512]; /* what was written to standard error, or to standard
			* output for help */

/* Parses words separated by spaces as a command line, and captures the output
 * to fd. */
static int
read_words(const char *words, int fd)
{
	static char text[256]; /* the values are borrowed from it */
	char *argv[16], *word, *next = NULL;
	FILE *catch = tmpfile();
	int argc = 0, code, saved = dup(fd);
	size_t n;

	snprintf(text, sizeof text, "prog %s", words);
	for (word = strtok_r(text, " ", &next); word != NULL;
	     word = strtok_r(NULL, " ", &next))
		argv[argc++] = word;
	argv[argc] = NULL;
	got = (struct filled){ .format = OUTPUT_AUTO };
	mode = NULL;
	assert_non_null(catch);
	fflush(NULL);
	assert_int_equal(dup2(fileno(catch), fd), fd);
	code = option_read(modes, ARRAY_LEN(modes), argc, argv, &got, &mode);
	fflush(NULL);
	assert_int_equal(dup2(saved, fd), fd);
	close(saved);
	rewind(catch);
	n = fread(said, 1, sizeof said - 1, catch);
	said[n] = '\0';
	fclose(catch);
	return code;
}

/* mode_name: the mode whose help the message names. */
static void
refused_in(const char *mode_name, const char *words, const char *why)
{
	char line[256];

	assert_int_equal(read_words(words, STDERR_FILENO), PROG_USAGE);
	snprintf(
	    line, sizeof line, "prog: %s; try 'prog%s -h'\n", why, mode_name);
	assert_string_equal(said, line);
}

static void
refused(const char *words, const char *why)
{
	refused_in("", words, why);
}

static void
helped(const char *words, const char *begin)
{
	assert_int_equal(read_words(words, STDOUT_FILENO), PROG_OK);
	assert_int_equal(strncmp(said, begin, strlen(begin)), 0);
}

static void
values_are_stored(void **state)
{
	(void)state;
	assert_int_equal(read_words("-t out --from=in -vvq -n", 2), -1);
	assert_ptr_equal(mode, &walk);
	assert_string_equal(got.from, "in");
	assert_string_equal(got.to, "out");
	assert_int_equal(got.common.verbose, 2);
	assert_true(got.common.quiet && got.common.only_check);
	assert_int_equal(read_words("-o csv --look a --day 1 --day 2", 2), -1);
	assert_int_equal(got.days, 2);
}

static void
options_choose_the_mode(void **state)
{
	(void)state;
	assert_int_equal(read_words("-o csv --look there", 2), -1);
	assert_ptr_equal(mode, &look);
	assert_string_equal(got.where, "there");
	assert_int_equal(got.format, OUTPUT_CSV);
	assert_int_equal(read_words("--res", 2), -1);
	assert_ptr_equal(mode, &rest);
	assert_int_equal(read_words("-f pond:a -t b --force", 2), -1);
	assert_ptr_equal(mode, &fish);
	assert_string_equal(got.from, "pond:a");
	/* If no option names the input, the last one counts. */
	assert_int_equal(read_words("-t a -t b", 2), -1);
	assert_string_equal(got.to, "b");
	/* A mode that was named counts. */
	assert_int_equal(read_words("--look x -f pond:a", 2), -1);
	assert_ptr_equal(mode, &look);
}

static void
what_is_wrong_is_refused(void **state)
{
	(void)state;
	refused("-x", "unknown option '-x'");
	refused("--wrong", "unknown option '--wrong'");
	refused("-f", "option '-f' needs a value");
	refused("-f a --from=b", "-f was given twice");
	refused("-f pond:a -f b", "-f was given twice");
	refused("--help=x", "--help takes no value");
	refused("--rest=x", "--rest takes no value");
	refused("--to=a -xv", "unknown option '-x'");
	refused("a\x1b[1mb\n", "unexpected argument 'a\\x1B[1mb\\x0A'");
	refused("word", "unexpected argument 'word'");
	refused("--rest --look x", "--look and --rest cannot be combined");
	refused_in(" --rest", "--rest -f a",
	    "-f is for a walk, a pond and --look, not for --rest");
	refused("-o csv", "-o is for --look, not for a walk");
	refused("--force", "--force is for a pond, not for a walk");
	refused("-f pond:a --force", "no -t");
	refused_in(" --rest", "--rest -x", "unknown option '-x'");
	refused_in(" --look", "--look x -o xml",
	    "unknown format 'xml'; use table, ndjson or csv");
}

static void
help_is_that_of_the_mode(void **state)
{
	(void)state;
	helped("--rest -h", "usage: prog --rest [-hnqvV] [-c FILE]\nRests.\n");
	helped("-h --look x",
	    "usage: prog --look WHERE [-hnqvV] [-c FILE] [-f FROM] "
	    "[-o FORMAT] [--day DAY]\n"
	    "Looks.\n"
	    "  -f, --from FROM    comes in\n"
	    "  -o FORMAT          table, ndjson or csv\n"
	    "      --day DAY      then\n"
	    "  -c, --config FILE  configuration\n");
	assert_null(strstr(said, "Modes"));
	/* The user does not know a value for the mode's option yet. */
	helped("--look -h", "usage: prog --look WHERE [-hnqvV]");
	helped("--look --help", "usage: prog --look WHERE [-hnqvV]");
	assert_int_equal(read_words("--look x -c -h", 2), -1);
	assert_string_equal(got.common.config, "-h");
	helped("-f pond:NAME -h",
	    "usage: prog -f pond:NAME -t TO [-hnqvV] [-c FILE] [--force]\n");
	/* Whatever else is wrong. */
	helped("-h --wrong word", "usage: prog [-hnqvV] [-c FILE] [-f FROM]");
	assert_non_null(strstr(said,
	    "Modes, each with its own help (prog --from pond:NAME -h):\n"
	    "  -f, --from pond:NAME  fish\n"
	    "      --look WHERE      look there\n"
	    "      --rest            do nothing\n"));
	helped("-V -h", "prog (messaging-analytics) ");
}

int
test_option_table(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_stored),
		cmocka_unit_test(options_choose_the_mode),
		cmocka_unit_test(what_is_wrong_is_refused),
		cmocka_unit_test(help_is_that_of_the_mode),
	};

	prog_init("prog");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
