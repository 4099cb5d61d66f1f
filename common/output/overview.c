/*
 * overview: see overview.h.
 */
#include "common/output/overview.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/decimal.h"
#include "common/base/xalloc.h"
#include "common/output/output_table.h"

/* With more chats, the operators below would leave the screen. */
#define CHATS_MAX 10

struct overview_operator *
overview_add_operator(struct overview *o)
{
	XGROW(o->operators, o->operators_n, o->operators_cap);
	o->operators[o->operators_n] = (struct overview_operator){ 0 };
	return &o->operators[o->operators_n++];
}

struct overview_chat *
overview_add_chat(struct overview *o)
{
	XGROW(o->chats, o->chats_n, o->chats_cap);
	o->chats[o->chats_n] = (struct overview_chat){ 0 };
	return &o->chats[o->chats_n++];
}

void
overview_heading(const char *tenant, int64_t as_of, const char *text,
    size_t width, struct buf *to)
{
	struct buf line = BUF_INIT;
	char at[CLOCK_TEXT];

	clock_format_local(as_of, true, at);
	buf_addf(&line, "%s, as of %s%s", tenant, at, text);
	output_wrap(to, buf_str(&line), width);
	buf_release(&line);
}

void
overview_since(bool stated, int64_t since, int64_t now, struct buf *to)
{
	enum { DATE = sizeof "2026-11-20" - 1, MINUTE = DATE + 6 };
	char at[CLOCK_TEXT], today[CLOCK_TEXT];

	clock_format_local(since, false, at);
	clock_format_local(now, false, today);
	buf_adds(
	    to, stated ? "; complete since " : "; since the first record, ");
	if (strncmp(at, today, DATE) == 0)
		buf_addf(to, "%.*s today", MINUTE - DATE - 1, at + DATE + 1);
	else
		buf_addf(to, "%.*s", MINUTE, at);
}

static void
add_totals(const struct overview *o, size_t width, struct buf *to)
{
	struct buf line = BUF_INIT;
	char text[DURATION_TEXT];

	buf_addf(&line,
	    "open %" PRId64 ", unassigned %" PRId64 ", waiting %" PRId64,
	    o->open_chats, o->unassigned_chats, o->waiting_chats);
	if (o->longest_wait != OVERVIEW_NONE)
		buf_addf(&line, " (longest %s)",
		    duration_format(o->longest_wait, text));
	buf_addf(&line, "; responses %" PRId64, o->responses);
	if (o->average != OVERVIEW_NONE)
		buf_addf(&line, ", average %s%s",
		    duration_format(o->average, text),
		    o->has_hours ? " in calendar time" : "");
	if (o->skewed > 0)
		buf_addf(&line, "; skewed %" PRId64, o->skewed);
	output_wrap(to, buf_str(&line), width);
	buf_release(&line);
}

/* OVERVIEW_NONE is less than any wait. */
static int
by_wait(int64_t x, int64_t y)
{
	return (x < y) - (x > y);
}

/* Chats without a target come last. */
static int
by_due(int64_t x, int64_t y)
{
	if ((x == OVERVIEW_NONE) != (y == OVERVIEW_NONE))
		return x == OVERVIEW_NONE ? 1 : -1;
	return (x > y) - (x < y);
}

static int
compare_operators(const void *a, const void *b)
{
	const struct overview_operator *x = a, *y = b;
	int c = by_wait(x->longest_wait, y->longest_wait);

	return c != 0 ? c : strcmp(x->name, y->name);
}

static int
compare_chats(const void *a, const void *b)
{
	const struct overview_chat *x = a, *y = b;
	int c = by_due(x->answer_by, y->answer_by);

	if (c == 0)
		c = by_wait(x->wait, y->wait);
	return c != 0 ? c : strcmp(x->chat, y->chat);
}

static void
add_number(struct output_table *t, int64_t n)
{
	char text[DECIMAL_ROOM];

	output_table_cell(t, decimal_text(text, n));
}

static void
add_duration(struct output_table *t, int64_t ms)
{
	char text[DURATION_TEXT];

	output_table_cell(
	    t, ms != OVERVIEW_NONE ? duration_format(ms, text) : NULL);
}

static void
add_operators(const struct overview *o, size_t width, struct buf *to)
{
	/* On a narrow screen, the last columns are dropped first. */
	static const struct output_column columns[] = {
		{ "OPERATOR", OUTPUT_NAME },
		{ "WAITING", OUTPUT_NUMBER },
		{ "LONGEST", OUTPUT_NUMBER },
		{ "AVAIL", OUTPUT_TEXT },
		{ "OPEN", OUTPUT_NUMBER },
		{ "RESPONSES", OUTPUT_NUMBER },
		{ "AVERAGE", OUTPUT_NUMBER },
		{ "MEDIAN", OUTPUT_NUMBER },
		{ "P90", OUTPUT_NUMBER },
		{ "FIRST", OUTPUT_NUMBER },
	};
	struct output_table t;
	size_t i;

	output_table_init(&t, columns, ARRAY_LEN(columns));
	t.width = width;
	for (i = 0; i < o->operators_n; i++) {
		const struct overview_operator *p = &o->operators[i];

		output_table_cell(&t, p->name);
		add_number(&t, p->waiting_chats);
		add_duration(&t, p->longest_wait);
		output_table_cell(&t, p->available == OVERVIEW_NONE ? NULL
				      : p->available != 0           ? "yes"
								    : "no");
		add_number(&t, p->open_chats);
		add_number(&t, p->responses);
		add_duration(&t, p->average);
		add_duration(&t, p->median);
		add_duration(&t, p->p90);
		add_duration(&t, p->average_first);
	}
	output_table_show(&t, OUTPUT_TABLE, to);
	output_table_release(&t);
}

static void
add_chats(const struct overview *o, size_t width, struct buf *to)
{
	static const struct output_column columns[] = {
		{ "DUE", OUTPUT_TEXT },
		{ "WAITING", OUTPUT_NUMBER },
		{ "CHAT", OUTPUT_NAME },
		{ "OPERATOR", OUTPUT_NAME },
		{ "CUSTOMER", OUTPUT_NAME },
		{ "CHANNEL", OUTPUT_NAME },
		{ "TAG", OUTPUT_NAME },
	};
	size_t i, left_out = o->has_targets ? 0 : 1;
	struct output_table t;

	output_table_init(
	    &t, columns + left_out, ARRAY_LEN(columns) - left_out);
	t.width = width;
	for (i = 0; i < o->chats_n && i < CHATS_MAX; i++) {
		const struct overview_chat *c = &o->chats[i];

		if (o->has_targets)
			output_table_cell(&t, c->due);
		add_duration(&t, c->wait);
		output_table_cell(&t, c->chat);
		output_table_cell(&t, c->operator);
		output_table_cell(&t, c->customer);
		output_table_cell(&t, c->channel);
		output_table_cell(&t, c->tag);
	}
	if (i > 0) {
		output_table_show(&t, OUTPUT_TABLE, to);
		if (o->chats_n > i)
			buf_addf(to, "%zu more\n", o->chats_n - i);
		buf_addc(to, '\n');
	}
	output_table_release(&t);
}

void
overview_show(struct overview *o, size_t width, struct buf *to)
{
	sort_array(o->operators, o->operators_n, sizeof *o->operators,
	    compare_operators);
	sort_array(o->chats, o->chats_n, sizeof *o->chats, compare_chats);
	add_totals(o, width, to);
	buf_addc(to, '\n');
	add_chats(o, width, to);
	add_operators(o, width, to);
}

void
overview_release(struct overview *o)
{
	size_t i;

	for (i = 0; i < o->operators_n; i++)
		free(o->operators[i].name);
	for (i = 0; i < o->chats_n; i++) {
		free(o->chats[i].due);
		free(o->chats[i].chat);
		free(o->chats[i].operator);
		free(o->chats[i].customer);
		free(o->chats[i].channel);
		free(o->chats[i].tag);
	}
	free(o->operators);
	free(o->chats);
	*o = (struct overview){ 0 };
}
