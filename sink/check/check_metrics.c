/*
 * check_metrics: see check_metrics.h.
 */
#include "sink/check/check_metrics.h"

#include <string.h>

#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/tables/tables.h"

static bool
is_selected(const struct check_report *r, const char *name)
{
	char *const *list = conf_list(r->conf, "aggregator", "metrics");

	return text_is_listed(name, list) || text_is_listed("all", list);
}

/* What response times over a range are made of. */
static void
check_responses(struct check_report *r)
{
	static const char *const needed[] = { "intervals", "histograms" };
	struct buf lacking = BUF_INIT;
	size_t i;

	for (i = 0; i < ARRAY_LEN(needed); i++)
		if (!is_selected(r, needed[i]))
			buf_addf(&lacking, "%s%s",
			    lacking.len > 0 ? ", " : "without ", needed[i]);
	check_report_item(r, lacking.len > 0 ? CHECK_ADVICE : CHECK_FINE,
	    "[aggregator] metrics",
	    lacking.len > 0 ? buf_str(&lacking) : "intervals, histograms",
	    "response times over a range, of the board and of the report are "
	    "unknown; see messaging-responses(7), WHAT IT NEEDS");
	buf_release(&lacking);
}

/* What only a stream adds up. */
static void
check_history(struct check_report *r)
{
	bool streams = conf_int(r->conf, "aggregator", "every") > 0;
	struct buf names = BUF_INIT;
	const char *name, *before = "";
	size_t i;

	for (i = 0; i < TABLES && !streams; i++) {
		name = tables[i].selector;
		if (name == NULL || !table_adds_up_chats(&tables[i]) ||
		    strcmp(name, before) == 0 || !is_selected(r, name))
			continue;
		buf_addf(&names, "%s%s", names.len > 0 ? ", " : "", name);
		before = name;
	}
	check_report_item(r, names.len > 0 ? CHECK_ADVICE : CHECK_FINE,
	    "[aggregator] every",
	    names.len > 0 ? buf_str(&names) : "as the metrics need it",
	    "made of snapshots these counts fall when a chat is closed; run a "
	    "stream (every = 50ms), or leave them out of metrics");
	buf_release(&names);
}

enum outcome
check_metrics(struct check_report *r)
{
	check_responses(r);
	check_history(r);
	return OUTCOME_DONE;
}
