/*
 * mode_recompute: sink --recompute: recomputes all sums that the sink
 * maintains; with --since, it first judges intervals again by the hours and
 * targets of now.
 */
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/hours/date.h"
#include "common/os/stop.h"
#include "sink/modes/modes.h"
#include "sink/rollup/sums_due.h"
#include "sink/store/rejudge.h"

/* Returns PROG_OK, or the code after a message. */
static enum exit_code
judge_again(const struct sink *s, struct db *db)
{
	struct rejudge r = { .terms = s->terms, .tenant = s->tenant };
	enum outcome o = OUTCOME_NEVER;

	if (date_read_all(s->since, &r.from_day))
		o = rejudge_run(db, &r);
	log_info("judged again", "rows=%zu", r.rows);
	if (o == OUTCOME_DONE)
		return PROG_OK;
	log_error("%s; run it again", db_why(db));
	return db_code(db);
}

static enum exit_code
recompute(struct sink *s, struct db **db)
{
	enum exit_code code;
	size_t hours = 0;
	enum outcome o;

	sink_allow_long_statements(*db);
	code = sink_find_tenant(s, *db);
	if (code == PROG_OK && s->since != NULL)
		code = judge_again(s, *db);
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

static int
check_recompute(void *options)
{
	const struct sink *s = options;
	int64_t day;

	if (s->since == NULL || date_read_all(s->since, &day))
		return sink_check_tenant(options);
	return prog_usage_error(
	    "--since '%s' is not a day such as 2026-11-16", s->since);
}

static enum exit_code
run_recompute(void *options)
{
	return sink_with_schema(options, recompute);
}

static const struct option_row rows[] = {
	OPTION_TEXT(
	    0, "tenant", "NAME", struct sink, tenant, "only this tenant"),
	OPTION_TEXT(0, "since", "DAY", struct sink, since,
	    "judge intervals again that ended on this day or later"),
};

const struct option_mode sink_mode_recompute = {
	.choice = OPTION_MODE("recompute", "rebuild the sums of history"),
	.about = "Rebuilds response_rollups, the sums of hours and days, "
		 "and\nmessage_analytics_hours from stored rows. Sinks may run "
		 "meanwhile.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.check = check_recompute,
	.run = run_recompute,
};
