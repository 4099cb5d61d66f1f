/*
 * check_metrics: see check_metrics.h.
 */
#include "sink/check/check_metrics.h"

#include "common/base/text.h"
#include "common/base/xalloc.h"

static bool
is_selected(const struct check_report *r, const char *name)
{
	char *const *list = conf_list(r->conf, "aggregator", "metrics");

	return *list == NULL || text_is_listed(name, list) ||
	       text_is_listed("all", list);
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

enum outcome
check_metrics(struct check_report *r)
{
	check_responses(r);
	return OUTCOME_DONE;
}
