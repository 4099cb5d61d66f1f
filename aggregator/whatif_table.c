/*
 * whatif_table: what a team lead reads.
 */
#include "aggregator/whatif.h"

#include <string.h>

#include "common/out.h"
#include "common/xalloc.h"

#include "aggregator/duration.h"
#include "aggregator/figure.h"

static const struct out_column columns[] = {
	{ "OPERATOR", false },
	{ "LIMIT", true },
	{ "GIVEN", true },
	{ "HAD", true },
	{ "BUSIEST", true },
	{ "AT", false },
	{ "ABOVE LIMIT", true },
	{ "FOR", true },
};

static const struct cell *
find(const struct rowset *rows, size_t row, const char *column)
{
	return rowset_get(rows, row) + figure_column(rows->figure, column);
}

static void
add_count(struct out_table *t, const struct cell *c)
{
	struct buf b = BUF_INIT;

	buf_addi(&b, c->n);
	out_table_cell(t, c->set ? buf_str(&b) : NULL);
	buf_release(&b);
}

static void
add_operator(struct out_table *t, const struct rowset *rows, size_t i)
{
	const struct cell *id = find(rows, i, "operator"),
			  *name = find(rows, i, "name"),
			  *at = find(rows, i, "busiest_at"),
			  *above = find(rows, i, "above_seconds");
	struct buf label = BUF_INIT;
	char text[CLOCK_TEXT];

	if (name->set)
		buf_addf(&label, "%.*s (%.*s)", TEXT_ARG(name->text),
		    TEXT_ARG(id->text));
	else
		buf_addf(&label, "%.*s", TEXT_ARG(id->text));
	out_table_cell(t, buf_str(&label));
	add_count(t, find(rows, i, "max_chats"));
	add_count(t, find(rows, i, "given"));
	add_count(t, find(rows, i, "had"));
	add_count(t, find(rows, i, "busiest"));
	if (at->set) {
		clock_format_sql(at->n, text);
		text[strlen("2026-11-20 10:00:00")] = '\0';
	}
	out_table_cell(t, at->set ? text : NULL);
	add_count(t, find(rows, i, "breaches"));
	out_table_cell(
	    t, above->n > 0 ? duration_format(above->n, text) : NULL);
	buf_release(&label);
}

static void
add_wait(struct buf *to, const struct rowset *totals, const char *what,
    const char *column)
{
	const struct cell *c = find(totals, 0, column);
	char text[CLOCK_TEXT];

	if (c->set)
		buf_addf(to, "%s %s", what, duration_format(c->n, text));
}

static void
add_totals(const char *tenant, const struct rowset *t, struct buf *to)
{
	buf_addf(to,
	    "%s: %lld chats came without an operator, %lld times one was "
	    "given, %lld ended\nwithout, %lld wait at the end\n",
	    tenant, (long long)find(t, 0, "chats")->n,
	    (long long)find(t, 0, "given")->n,
	    (long long)find(t, 0, "unserved")->n,
	    (long long)find(t, 0, "waiting")->n);
	if (find(t, 0, "avg_wait_seconds")->set) {
		add_wait(to, t, "Waited: mean", "avg_wait_seconds");
		add_wait(to, t, ", median", "median_wait_seconds");
		add_wait(to, t, ", 90 % below", "p90_wait_seconds");
		add_wait(to, t, ", longest", "longest_wait_seconds");
		buf_addc(to, '\n');
	}
	buf_addf(to, "Given to each: from %lld to %lld\n\n",
	    (long long)find(t, 0, "least_given")->n,
	    (long long)find(t, 0, "most_given")->n);
}

void
whatif_table(const struct whatif *w, struct buf *to)
{
	struct rowset operators = { .figure =
					figure_find("allocation_operators") };
	struct rowset totals = { .figure = figure_find("allocation_totals") };
	struct out_table t;
	size_t i;

	whatif_operators(w, &operators);
	whatif_totals(w, &totals);
	add_totals(whatif_tenant(w), &totals, to);
	out_table_init(&t, columns, ARRAY_LEN(columns));
	for (i = 0; i < operators.n; i++)
		add_operator(&t, &operators, i);
	out_table_show(&t, OUT_TABLE, to);
	out_table_release(&t);
	rowset_release(&operators);
	rowset_release(&totals);
}
