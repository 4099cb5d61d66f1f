/*
 * option_help: the help of a mode, from its rows; see option_table.h. It must
 * fit a screen of 80 columns, so it has no empty lines.
 */
#include "common/options/option_table.h"

#include <string.h>

#define SCREEN 80

/* The options of every mode: left and right column. */
static const char *const commons[][2] = {
	{ "  -c, --config FILE", "configuration" },
	{ "  -n, -q, -v, -h, -V", "check only; say less; more; help; version" },
};
#define COMMONS_N (sizeof commons / sizeof commons[0])

/* The usage line that is being written. */
struct usage_line {
	struct buf *to;
	size_t line;   /* where its last line begins */
	size_t indent; /* of continuation lines */
};

static void
add_word(struct usage_line *u, const struct buf *word)
{
	if (u->to->len - u->line + 1 + word->len > SCREEN) {
		buf_addc(u->to, '\n');
		u->line = u->to->len;
		buf_addf(u->to, "%*s", (int)u->indent, "");
	}
	buf_addf(u->to, " %s", buf_str(word));
}

static void
add_usage_row(struct usage_line *u, const struct option_row *row, bool bare)
{
	struct buf word = BUF_INIT;

	if (!bare)
		buf_addc(&word, '[');
	if (row->letter != 0)
		buf_addf(&word, "-%c", row->letter);
	else
		buf_addf(&word, "--%s", row->name);
	if (row->value != NULL)
		buf_addf(&word, " %s", row->value);
	if (!bare)
		buf_addc(&word, ']');
	add_word(u, &word);
	buf_release(&word);
}

static void
add_usage(const struct option_mode *m, struct buf *to)
{
	struct usage_line u = { .to = to, .line = to->len };
	struct buf word = BUF_INIT;
	size_t i;

	buf_addf(to, "usage: %s", prog_name());
	u.indent = to->len - u.line;
	if (m->choice.name != NULL)
		add_usage_row(&u, &m->choice, true);
	for (i = 0; i < m->rows_n; i++)
		if (m->rows[i].required)
			add_usage_row(&u, &m->rows[i], true);
	buf_adds(&word, "[-hnqvV]");
	add_word(&u, &word);
	buf_clear(&word);
	buf_adds(&word, "[-c FILE]");
	add_word(&u, &word);
	for (i = 0; i < m->rows_n; i++)
		if (!m->rows[i].required)
			add_usage_row(&u, &m->rows[i], false);
	buf_addc(to, '\n');
	buf_release(&word);
}

/* "  -f, --from FROM". */
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
	size_t i, width = strlen(commons[0][0]);

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

void
option_help(const struct option_mode *const *modes, size_t modes_n,
    const struct option_mode *mode, struct buf *to)
{
	size_t i, width = widest(modes, modes_n, mode);

	add_usage(mode, to);
	buf_adds(to, mode->about);
	for (i = 0; i < mode->rows_n; i++)
		add_help_row(&mode->rows[i], width, to);
	for (i = 0; i < COMMONS_N; i++)
		buf_addf(
		    to, "%-*s  %s\n", (int)width, commons[i][0], commons[i][1]);
	if (mode->list_values != NULL) {
		buf_addf(to, "Values of --%s:\n", mode->choice.name);
		mode->list_values(to);
	}
	if (mode != modes[0] || modes_n == 1)
		return;
	buf_addf(to, "Modes, each with a help of its own (%s --%s%s%s -h):\n",
	    prog_name(), modes[1]->choice.name,
	    modes[1]->choice.value != NULL ? " " : "",
	    modes[1]->choice.value != NULL ? modes[1]->choice.value : "");
	for (i = 1; i < modes_n; i++)
		add_help_row(&modes[i]->choice, width, to);
}
