/*
 * simulation_table: the result as a table for a team lead. A chat that returns
 * is counted again, so the table counts arrivals, not chats.
 */
#include "aggregator/simulation/simulation_impl.h"

#include "common/base/xalloc.h"
#include "common/output/output_table.h"

static const struct output_column columns[] = {
	{ "OPERATOR", OUTPUT_TEXT },
	{ "LIMIT", OUTPUT_NUMBER },
	{ "GIVEN", OUTPUT_NUMBER },
	{ "OTHERS", OUTPUT_NUMBER },
	{ "MOST AT ONCE", OUTPUT_NUMBER },
	{ "FIRST AT", OUTPUT_TEXT },
	{ "ABOVE LIMIT", OUTPUT_NUMBER },
	{ "FOR", OUTPUT_NUMBER },
};

static const struct cell *
find_total(const struct rowset *rows, size_t row, const char *column)
{
	return rowset_get(rows, row) + metric_column(rows->metric, column);
}

static void
add_count_cell(struct output_table *t, const struct cell *c)
{
	struct buf b = BUF_INIT;

	buf_addi(&b, c->n);
	output_table_cell(t, c->set ? buf_str(&b) : NULL);
	buf_release(&b);
}

static void
add_operator_line(struct output_table *t, const struct rowset *rows, size_t i)
{
	const struct cell *id = find_total(rows, i, "operator"),
			  *name = find_total(rows, i, "name"),
			  *at = find_total(rows, i, "busiest_at"),
			  *above = find_total(rows, i, "above_seconds");
	struct buf label = BUF_INIT;
	char text[CLOCK_TEXT];

	if (name->set)
		buf_addf(&label, "%.*s (%.*s)", TEXT_ARG(name->text),
		    TEXT_ARG(id->text));
	else
		buf_addf(&label, "%.*s", TEXT_ARG(id->text));
	output_table_cell(t, buf_str(&label));
	add_count_cell(t, find_total(rows, i, "max_chats"));
	add_count_cell(t, find_total(rows, i, "given"));
	add_count_cell(t, find_total(rows, i, "had"));
	add_count_cell(t, find_total(rows, i, "busiest"));
	if (at->set)
		clock_format_local(at->n, true, text);
	output_table_cell(t, at->set ? text : NULL);
	add_count_cell(t, find_total(rows, i, "breaches"));
	output_table_cell(
	    t, above->n > 0 ? duration_format(above->n, text) : NULL);
	buf_release(&label);
}

static long long
find_count(const struct rowset *totals, const char *column)
{
	return (long long)find_total(totals, 0, column)->n;
}

/* "Given to an operator      8" */
static void
add_count_line(struct buf *to, const char *what, long long n)
{
	buf_addf(to, "%-36s%6lld\n", what, n);
}

/* Adds how often chats arrived and how they ended; rare outcomes only if there
 * are any. */
static void
add_count_lines(struct buf *to, const struct rowset *t)
{
	long long chats = find_count(t, "chats"),
		  given = find_count(t, "given"),
		  unserved = find_count(t, "unserved"),
		  waiting = find_count(t, "waiting"),
		  moved = find_count(t, "moved"),
		  aside = chats - given - unserved - waiting;

	add_count_line(to, "Unassigned chats that arrived:", chats);
	add_count_line(to, "  assigned", given);
	add_count_line(to, "  ended before an operator got it", unserved);
	add_count_line(to, "  waiting at the end", waiting);
	if (aside > 0)
		add_count_line(to, "  set aside at the end", aside);
	if (moved > 0)
		add_count_line(to, "Chats passed on:", moved);
}

static void
add_wait(struct buf *to, const struct rowset *totals, const char *before,
    const char *column, const char *after)
{
	char text[CLOCK_TEXT];

	buf_addf(to, "%s%s%s", before,
	    duration_format(find_total(totals, 0, column)->n, text), after);
}

static void
add_total_lines(
    const char *tenant, int64_t limit, const struct rowset *t, struct buf *to)
{
	if (limit == RECORD_NO_NUMBER)
		buf_addf(to, "%s, with the limits as they were\n\n", tenant);
	else
		buf_addf(to, "%s, with a limit of %lld for every operator\n\n",
		    tenant, (long long)limit);
	add_count_lines(to, t);
	if (find_total(t, 0, "avg_wait_seconds")->set) {
		add_wait(to, t, "Wait until assignment: ", "avg_wait_seconds",
		    " on average;\n");
		add_wait(to, t, "median ", "median_wait_seconds", ", ");
		add_wait(to, t, "P90 ", "p90_wait_seconds", ", ");
		add_wait(to, t, "the longest ", "longest_wait_seconds", ".\n");
	}
	buf_addc(to, '\n');
}

void
simulation_table(const struct simulation *w, struct buf *to)
{
	struct rowset operators = { .metric = &metric_allocation_operators };
	struct rowset totals = { .metric = &metric_allocation_totals };
	struct output_table t;
	size_t i;

	operators.metric->emit_simulation(w, &operators);
	totals.metric->emit_simulation(w, &totals);
	add_total_lines(w->tenant, w->limit, &totals, to);
	output_table_init(&t, columns, ARRAY_LEN(columns));
	t.width = output_width();
	for (i = 0; i < operators.n; i++)
		add_operator_line(&t, &operators, i);
	output_table_show(&t, OUTPUT_TABLE, to);
	output_table_release(&t);
	rowset_release(&operators);
	rowset_release(&totals);
}
