/*
 * mode_recompute: sink --recompute: recomputes all sums that the sink
 * maintains.
 */
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/os/stop.h"
#include "sink/modes/modes.h"
#include "sink/rollup/sums_due.h"

static enum exit_code
recompute(struct sink *s, struct db **db)
{
	enum exit_code code;
	size_t hours = 0;
	enum outcome o;

	sink_allow_long_statements(*db);
	code = sink_find_tenant(s, *db);
	if (code != PROG_OK)
		return code;
	o = sums_recompute(*db, s->tenant, &hours);
	log_info("recomputed", "hours=%zu", hours);
	if (o != OUTCOME_DONE) {
		log_error("%s; run it again", db_why(*db));
		return db_code(*db);
	}
	if (!stop_asked())
		return PROG_OK;
	log_warn(
	    "stopped by a signal after %zu hours; sinks compute the others",
	    hours);
	return PROG_TEMPFAIL;
}

static enum exit_code
run_recompute(void *options)
{
	return sink_with_schema(options, recompute);
}

static const struct option_row rows[] = {
	OPTION_TEXT(
	    0, "tenant", "NAME", struct sink, tenant, "only this tenant"),
};

const struct option_mode sink_mode_recompute = {
	.choice = OPTION_MODE("recompute", "rebuild the sums of history"),
	.about = "Rebuilds response_rollups, the sums of hours and days, "
		 "and\nmessage_analytics_hours from stored rows. Sinks may run "
		 "meanwhile.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.check = sink_check_tenant,
	.run = run_recompute,
};
