/*
 * option_table: see option_table.h. The whole command line is read first, which
 * gives the mode; then each option is stored by the mode's row for it.
 */
#define _DEFAULT_SOURCE /* getopt_long */

#include "common/options/option_table.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/conf/conf.h"
#include "common/os/stop.h"
#include "common/output/output_table.h"

/* The options of every mode: left and right column of the help. */
static const char *const common_help[][2] = {
	{ "  -c, --config FILE", "configuration" },
	{ "  -n, -q, -v, -h, -V", "check only; say less; more; help; version" },
};

/* Adds " -f FROM" or " --token". */
static void
add_usage_row(const struct option_row *row, struct buf *to)
{
	if (row->letter != 0)
		buf_addf(to, " -%c", row->letter);
	else
		buf_addf(to, " --%s", row->name);
	if (row->value != NULL)
		buf_addf(to, " %s", row->value);
}

/* Adds the usage line. The options that need not be given follow it, each with
 * its help. */
static void
add_usage(const struct option_mode *m, struct buf *to)
{
	size_t i;

	buf_addf(to, "usage: %s", prog_name());
	if (m->choice.name != NULL)
		add_usage_row(&m->choice, to);
	for (i = 0; i < m->rows_n; i++)
		if (m->rows[i].required)
			add_usage_row(&m->rows[i], to);
	buf_adds(to, " [OPTION]...\n");
}

/* Adds "  -f, --from FROM". */
static void
add_left(const struct option_row *row, struct buf *to)
{
	buf_clear(to);
	buf_adds(to, "  ");
	if (row->letter != 0)
		buf_addf(to, "-%c", row->letter);
	if (row->name != NULL)
		buf_adds(to, row->letter != 0 ? ", " : "    ");
	if (row->name != NULL)
		buf_addf(to, "--%s", row->name);
	if (row->value != NULL)
		buf_addf(to, " %s", row->value);
}

static size_t
widest(const struct option_mode *const *modes, size_t modes_n,
    const struct option_mode *mode)
{
	struct buf left = BUF_INIT;
	size_t i, width = strlen(common_help[0][0]);

	for (i = 0; i < mode->rows_n; i++) {
		add_left(&mode->rows[i], &left);
		width = left.len > width ? left.len : width;
	}
	for (i = 1; mode == modes[0] && i < modes_n; i++) {
		add_left(&modes[i]->choice, &left);
		width = left.len > width ? left.len : width;
	}
	buf_release(&left);
	return width;
}

static void
add_help_row(const struct option_row *row, size_t width, struct buf *to)
{
	struct buf left = BUF_INIT;

	add_left(row, &left);
	buf_addf(to, "%-*s  %s\n", (int)width, buf_str(&left), row->help);
	buf_release(&left);
}

/* Appends the help of a mode; for the first mode also a list of the others. It
 * must fit on a screen of 80 columns, so it has no empty lines. */
static void
option_help(const struct option_mode *const *modes, size_t modes_n,
    const struct option_mode *mode, struct buf *to)
{
	size_t i, width = widest(modes, modes_n, mode);

	add_usage(mode, to);
	buf_adds(to, mode->about);
	for (i = 0; i < mode->rows_n; i++)
		add_help_row(&mode->rows[i], width, to);
	for (i = 0; i < ARRAY_LEN(common_help); i++)
		buf_addf(to, "%-*s  %s\n", (int)width, common_help[i][0],
		    common_help[i][1]);
	if (mode->list_values != NULL) {
		buf_addf(to, "Values of --%s:\n", mode->choice.name);
		mode->list_values(to);
	}
	if (mode != modes[0] || modes_n == 1)
		return;
	buf_addf(to, "Modes, each with its own help (%s --%s%s%s -h):\n",
	    prog_name(), modes[1]->choice.name,
	    modes[1]->choice.value != NULL ? " " : "",
	    modes[1]->choice.value != NULL ? modes[1]->choice.value : "");
	for (i = 1; i < modes_n; i++)
		add_help_row(&modes[i]->choice, width, to);
}

/* The value that getopt_long() returns for the first option without a
 * letter. */
#define FIRST_NUMBER 256

static int
take_verbose(const char *value, void *to)
{
	int *n = to;

	(void)value;
	++*n;
	return -1;
}

static const struct option_row commons[] = {
	OPTION_TEXT('c', "config", "FILE", struct option_common, config, NULL),
	{ .letter = 'n',
	    .kind = OPTION_KIND_FLAG,
	    .offset = offsetof(struct option_common, only_check) },
	{ .letter = 'q',
	    .kind = OPTION_KIND_FLAG,
	    .offset = offsetof(struct option_common, quiet) },
	OPTION_TAKE(
	    'v', NULL, NULL, struct option_common, verbose, take_verbose, NULL),
	{ .letter = 'h', .name = "help", .kind = OPTION_KIND_NONE },
	{ .letter = 'V', .name = "version", .kind = OPTION_KIND_NONE },
};

/* An option that was given. */
struct given_option {
	const struct option_row *row; /* the first row with its name */
	const char *value;
};

struct option_reader {
	const struct option_mode *const *modes;
	size_t modes_n;
	const struct option_row **rows; /* one row for each name */
	size_t rows_n, rows_cap;
	struct option *longs;
	size_t longs_n, longs_cap;
	struct buf letters;
	struct given_option *given;
	size_t given_n, given_cap;
	char shows; /* 'h' or 'V', whichever came first, or 0 */
};

/* True if both rows have the same letter or name. */
static bool
is_same_option(const struct option_row *a, const struct option_row *b)
{
	if (a->letter != 0 || b->letter != 0)
		return a->letter == b->letter;
	return a->name != NULL && b->name != NULL &&
	       strcmp(a->name, b->name) == 0;
}

int
option_take_format(const char *value, void *to)
{
	static const struct {
		const char *name;
		enum output_format format;
	} formats[] = {
		{ "table", OUTPUT_TABLE },
		{ "ndjson", OUTPUT_NDJSON },
		{ "csv", OUTPUT_CSV },
	};
	enum output_format *format = to;
	size_t i;

	for (i = 0; i < ARRAY_LEN(formats); i++) {
		if (strcmp(value, formats[i].name) == 0) {
			*format = formats[i].format;
			return -1;
		}
	}
	return prog_usage_error(
	    "unknown format '%s'; use table, ndjson or csv", value);
}

static void
add_long(struct option_reader *r, const struct option_row *row, int number)
{
	XGROW(r->longs, r->longs_n, r->longs_cap);
	r->longs[r->longs_n++] = (struct option){
		.name = row == NULL ? NULL : row->name,
		.has_arg = row == NULL || row->value == NULL
			       ? no_argument
			       : required_argument,
		.val = number,
	};
}

static void
register_row(struct option_reader *r, const struct option_row *row)
{
	size_t i;

	if (row->name == NULL && row->letter == 0)
		return;
	for (i = 0; i < r->rows_n; i++)
		if (is_same_option(r->rows[i], row))
			return;
	XGROW(r->rows, r->rows_n, r->rows_cap);
	r->rows[r->rows_n] = row;
	if (row->letter != 0)
		buf_addc(&r->letters, row->letter);
	if (row->letter != 0 && row->value != NULL)
		buf_addc(&r->letters, ':');
	if (row->name != NULL)
		add_long(r, row,
		    row->letter != 0 ? row->letter
				     : FIRST_NUMBER + (int)r->rows_n);
	r->rows_n++;
}

/* Registers the options of all modes for getopt_long(). */
static void
register_rows(struct option_reader *r)
{
	size_t m, i;

	buf_addc(&r->letters, ':');
	for (i = 0; i < ARRAY_LEN(commons); i++)
		register_row(r, &commons[i]);
	for (m = 0; m < r->modes_n; m++) {
		register_row(r, &r->modes[m]->choice);
		for (i = 0; i < r->modes[m]->rows_n; i++)
			register_row(r, &r->modes[m]->rows[i]);
	}
	add_long(r, NULL, 0);
}

/* Returns the row of getopt_long()'s result, or NULL. */
static const struct option_row *
row_of(const struct option_reader *r, int c)
{
	size_t i;

	if (c >= FIRST_NUMBER)
		return r->rows[c - FIRST_NUMBER];
	for (i = 0; i < r->rows_n; i++)
		if (r->rows[i]->letter != 0 && r->rows[i]->letter == c)
			return r->rows[i];
	return NULL;
}

/* Returns the mode that the row chooses, possibly depending on its value, or
 * NULL. */
static const struct option_mode *
mode_chosen_by(const struct option_reader *r, const struct option_row *row)
{
	size_t i;

	for (i = 1; i < r->modes_n; i++)
		if (is_same_option(&r->modes[i]->choice, row))
			return r->modes[i];
	return NULL;
}

/* True for `--report -h`: a user who types that asks for the help, before
 * choosing a FILE. */
static bool
means_help(void)
{
	return optarg != NULL &&
	       (strcmp(optarg, "-h") == 0 || strcmp(optarg, "--help") == 0);
}

/* Explains getopt_long()'s result '?' or ':'. '?' for a known long option means
 * that it takes no value but was given one. */
static int
refuse_word(const struct option_reader *r, int c, char **argv)
{
	const struct option_row *row = row_of(r, optopt);
	const struct option_mode *m =
	    row != NULL && c == ':' ? mode_chosen_by(r, row) : NULL;
	const char letter[] = { '-', (char)optopt, '\0' };
	/* Long options without a letter have larger numbers, or 0. */
	bool is_letter = optopt > 0 && optopt < FIRST_NUMBER;

	if (row != NULL && row->name != NULL && c == '?')
		return prog_usage_error("--%s takes no value", row->name);
	if (m != NULL && m->when == NULL)
		prog_set_mode(m->choice.name);
	return prog_usage_error(
	    c == ':' ? "option '%s' needs a value" : "unknown option '%s'",
	    is_letter ? letter : argv[optind - 1]);
}

/* Returns -1, or the exit code after an unknown option or an argument. */
static int
read_command_line(struct option_reader *r, int argc, char **argv)
{
	const struct option_mode *chosen;
	const struct option_row *row;
	int c;

	optind = 0; /* makes glibc start over */
	while ((c = getopt_long(
		    argc, argv, buf_str(&r->letters), r->longs, NULL)) != -1) {
		row = row_of(r, c);
		if (row == NULL)
			return r->shows != 0 ? -1 : refuse_word(r, c, argv);
		if (r->shows == 0 && (c == 'h' || c == 'V'))
			r->shows = (char)c;
		chosen = mode_chosen_by(r, row);
		if (chosen != NULL && chosen->when == NULL)
			prog_set_mode(row->name);
		if (chosen != NULL && r->shows == 0 && means_help())
			r->shows = 'h';
		XGROW(r->given, r->given_n, r->given_cap);
		r->given[r->given_n++] =
		    (struct given_option){ .row = row, .value = optarg };
	}
	if (optind < argc && r->shows == 0)
		return prog_usage_error(
		    "unexpected argument '%s'", argv[optind]);
	return -1;
}

/* Returns the value of the last option with that name; false if it was not
 * given. */
static bool
find_given(const struct option_reader *r, const struct option_row *row,
    const char **value)
{
	size_t i;

	for (i = r->given_n; i > 0; i--) {
		if (!is_same_option(r->given[i - 1].row, row))
			continue;
		*value = r->given[i - 1].value;
		return true;
	}
	return false;
}

/* Two modes exclude each other, unless only the help was requested. */
static int
choose_mode(const struct option_reader *r, const struct option_mode **mode)
{
	const struct option_mode *chosen = NULL, *m;
	const char *value;
	size_t i;

	*mode = r->modes[0];
	for (i = 1; i < r->modes_n; i++) {
		m = r->modes[i];
		if (!find_given(r, &m->choice, &value))
			continue;
		if (m->when != NULL && m->when(value) && chosen == NULL)
			*mode = m;
		if (m->when != NULL)
			continue;
		if (chosen != NULL && r->shows == 0) {
			prog_set_mode(NULL);
			return prog_usage_error(
			    "--%s and --%s cannot be combined",
			    chosen->choice.name, m->choice.name);
		}
		*mode = chosen = m;
	}
	return -1;
}

static const struct option_row *
find_row(const struct option_mode *m, const struct option_row *like)
{
	size_t i;

	if (is_same_option(&m->choice, like))
		return &m->choice;
	for (i = 0; i < m->rows_n; i++)
		if (is_same_option(&m->rows[i], like))
			return &m->rows[i];
	for (i = 0; i < ARRAY_LEN(commons); i++)
		if (is_same_option(&commons[i], like))
			return &commons[i];
	return NULL;
}

static void
add_mode_title(struct buf *to, const struct option_mode *m)
{
	if (m->title != NULL)
		buf_adds(to, m->title);
	else
		buf_addf(to, "--%s", m->choice.name);
}

/* "-o is for --check and --assign, not for a poll". */
static int
refuse_option(const struct option_reader *r, const struct option_row *row,
    const struct option_mode *mode)
{
	struct buf text = BUF_INIT;
	size_t i, n = 0, left = 0;
	int code;

	for (i = 0; i < r->modes_n; i++)
		left += find_row(r->modes[i], row) != NULL;
	for (i = 0; i < r->modes_n; i++) {
		if (find_row(r->modes[i], row) == NULL)
			continue;
		left--;
		if (n++ > 0)
			buf_adds(&text, left > 0 ? ", " : " and ");
		add_mode_title(&text, r->modes[i]);
	}
	buf_adds(&text, ", not for ");
	add_mode_title(&text, mode);
	if (row->letter != 0)
		code = prog_usage_error(
		    "-%c is for %s", row->letter, buf_str(&text));
	else
		code = prog_usage_error(
		    "--%s is for %s", row->name, buf_str(&text));
	buf_release(&text);
	return code;
}

/* The address must be that of a member with the kind's type: see the macros. */
static int
store_value(const struct option_row *row, const char *value, void *options)
{
	void *to = (char *)options + row->offset;
	const char **text;
	bool *flag;

	switch (row->kind) {
	case OPTION_KIND_NONE:
		return -1;
	case OPTION_KIND_FLAG:
		flag = to;
		*flag = true;
		return -1;
	case OPTION_KIND_TEXT:
		text = to;
		*text = value;
		return -1;
	case OPTION_KIND_TAKE:
		return row->take(value, to);
	}
	return -1;
}

/* True for options that name the subject of the run: a user who gives one twice
 * means both, so the second must not silently replace the first. For other
 * options, the last one counts, so that users can override the options of a
 * script. */
static bool
is_given_once(const struct option_row *row)
{
	static const char *const names[] = { "from", "tenant", "explain",
		"export", "forget" };
	size_t i;

	for (i = 0; i < ARRAY_LEN(names); i++)
		if (row->name != NULL && strcmp(row->name, names[i]) == 0)
			return !row->repeats;
	return false;
}

static int
refuse_second(const struct option_row *row)
{
	if (row->letter != 0)
		return prog_usage_error("-%c was given twice", row->letter);
	return prog_usage_error("--%s was given twice", row->name);
}

/* True if an earlier option is the same. */
static bool
was_given_before(const struct option_reader *r, size_t given)
{
	size_t i;

	for (i = 0; i < given; i++)
		if (is_same_option(r->given[i].row, r->given[given].row))
			return true;
	return false;
}

static int
store_all(const struct option_reader *r, const struct option_mode *mode,
    void *options)
{
	const struct option_row *row;
	size_t i;
	int code;

	for (i = 0; i < r->given_n; i++) {
		row = find_row(mode, r->given[i].row);
		if (row == NULL)
			code = refuse_option(r, r->given[i].row, mode);
		else if (is_given_once(row) && was_given_before(r, i))
			code = refuse_second(row);
		else
			code = store_value(row, r->given[i].value, options);
		if (code != -1)
			return code;
	}
	return mode->check != NULL ? mode->check(options) : -1;
}

static int
show_help(const struct option_reader *r, const struct option_mode *mode)
{
	struct buf text = BUF_INIT;
	int code;

	option_help(r->modes, r->modes_n, mode, &text);
	code = prog_help(buf_str(&text));
	buf_release(&text);
	return code;
}

/* Sets *mode. Returns -1 to continue, otherwise the exit code: after the help,
 * the version, or one line with the error. */
static int
read_options(const struct option_mode *const *modes, size_t modes_n, int argc,
    char **argv, void *options, const struct option_mode **mode)
{
	struct option_reader r = { .modes = modes, .modes_n = modes_n };
	int code;

	prog_set_mode(NULL);
	register_rows(&r);
	code = read_command_line(&r, argc, argv);
	if (code == -1)
		code = choose_mode(&r, mode);
	if (code == -1 && r.shows == 'h')
		code = show_help(&r, *mode);
	else if (code == -1 && r.shows != 'V')
		code = store_all(&r, *mode, options);
	if (code == -1 && r.shows == 'V') {
		printf("%s (messaging-analytics) %s\n", prog_name(),
		    prog_version());
		code = (int)prog_flush();
	}
	free(r.rows);
	free(r.longs);
	free(r.given);
	buf_release(&r.letters);
	return code;
}

int
program_main(const struct option_mode *const *modes, size_t modes_n, int argc,
    char **argv, void *options)
{
	struct option_common *common = options;
	const struct option_mode *mode;
	struct buf why = BUF_INIT;
	int code;

	prog_init(argv[0]);
	stop_init();
	code = read_options(modes, modes_n, argc, argv, options, &mode);
	if (code != -1)
		return code;
	log_set_verbosity(common->quiet, common->verbose);
	common->conf = conf_load(common->config, &why);
	if (common->conf == NULL) {
		code = (int)syserr_code(errno, PROG_CONFIG);
		log_error("%s", buf_str(&why));
	} else {
		code = (int)mode->run(options);
	}
	conf_free(common->conf);
	common->conf = NULL;
	buf_release(&why);
	return code;
}
