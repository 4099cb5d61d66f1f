/*
 * one_shot: the aggregator as a filter, run by a person or by cron. It reads
 * all input before it writes anything or opens an output file. If a poller
 * fails halfway, the next program therefore gets no input instead of half of
 * it.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/fault.h"
#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/base/xalloc.h"
#include "common/os/stop.h"
#include "common/stage/deadletter.h"

#include "aggregator/input/intake.h"
#include "aggregator/metrics/metric.h"
#include "aggregator/modes/explain.h"
#include "aggregator/modes/modes.h"
#include "aggregator/simulation/simulation.h"

/* The largest value of --limit. */
enum { MOST_LIMIT = 1000000 };

struct one_shot {
	const struct aggregator_job *job;
	struct keyed_state_cache cache;
	struct pipeline_setup setup;
	struct future future;
	struct intake intake;
	struct deadletter dead;
	bool cut;     /* the input ended inside a line */
	bool stopped; /* stopped by a signal */
	bool bad;     /* some input was bad, which has been logged */
	struct intake_tenant **tenants; /* sorted by name */
	size_t tenants_n;
	struct tenant_rows *reports;
	size_t reports_n;
	size_t undated; /* tenants without rows, whose records are passed
			 * through */
	struct simulation **simulations; /* one per tenant, if selected */
	size_t simulations_n;
	struct explain explained;
};

static enum exit_code
report_endpoint_error(const struct endpoint *e)
{
	/* A closed pipe is a normal end. */
	if (endpoint_code(e) != PROG_OK)
		log_error("%s", endpoint_why(e));
	return endpoint_code(e);
}

/* Returns PROG_OK even if the input is bad, which is recorded in *b. */
static enum exit_code
read_to_end(struct one_shot *b, struct endpoint *in)
{
	char *block;
	size_t len;

	for (;;) {
		switch (endpoint_read_block(in, &block, &len, -1)) {
		case ENDPOINT_RECORD:
			intake_add_block(&b->intake, block, len);
			break;
		case ENDPOINT_TOOLONG:
			b->intake.lines++;
			intake_refuse(
			    &b->intake, NULL, 0, endpoint_refusal(in));
			break;
		case ENDPOINT_WAIT:
			b->stopped = stop_asked();
			if (b->stopped)
				return PROG_OK;
			break;
		case ENDPOINT_CUT:
			b->cut = true;
			return PROG_OK;
		case ENDPOINT_END:
		case ENDPOINT_EMPTY:
			return PROG_OK;
		case ENDPOINT_FAILED:
			return report_endpoint_error(in);
		}
	}
}

static enum exit_code
read_one_shot_input(struct one_shot *b)
{
	struct endpoint_options opt = { .conf = b->job->conf,
		.uncounted = true };
	struct buf why = BUF_INIT;
	enum exit_code code = PROG_OK;
	struct endpoint *in =
	    endpoint_open_read(b->job->from, &opt, &why, &code);

	if (in == NULL) {
		log_error("%s", buf_str(&why));
	} else {
		deadletter_open(&b->dead, in, &opt);
		code = read_to_end(b, in);
	}
	endpoint_close(in);
	buf_release(&why);
	return code;
}

/* True if the tenant's records count. If the input was cut off, records outside
 * a snapshot may be missing, so only tenants with complete snapshots have
 * rows. */
static bool
counts(const struct one_shot *b, const struct intake_tenant *t)
{
	const char *only = b->job->tenant;

	return !(b->cut && t->pipeline.model.stream) &&
	       (only == NULL || strcmp(only, t->name) == 0);
}

/* True if no record of the tenant has a time, so the tenant has no rows. */
static bool
is_undated(const struct intake_tenant *t)
{
	return t->pipeline.model.as_of == CLOCK_NONE;
}

/* Counts a tenant without rows. Its records are still passed through. */
static void
count_undated(struct one_shot *b, const struct intake_tenant *t)
{
	const struct aggregator_job *job = b->job;
	bool rows = job->selection.n > 0 || job->format != OUTPUT_NDJSON ||
		    job->explain != NULL;

	b->undated += !rows || t->pass_through.len > 0;
	if (!rows)
		return;
	log_error("records of tenant '%s' outside a snapshot have no time, so "
		  "their rows have no date; add 'at' to the records",
	    t->name);
	b->bad = true;
}

/* Replays the tenant's day. */
static struct simulation *
simulate_day(struct one_shot *b, struct intake_tenant *t)
{
	struct allocation_settings set;

	allocation_settings_read(&set, b->job->conf);
	return simulation_run(t->name, &t->replay, &set, b->job->limit);
}

/* Adds the report of one tenant. The rows of a tenant with a snapshot stand
 * between its markers, even if later records have changed them, so that the
 * database deletes what is no longer there. */
static void
make_report(struct one_shot *b, struct intake_tenant *t)
{
	struct tenant_rows *r = &b->reports[b->reports_n++];

	tenant_rows_init(r, &t->pipeline, t->snapshot);
	if (b->job->selection.allocation)
		r->simulation = b->simulations[b->simulations_n++] =
		    simulate_day(b, t);
}

static void
make_reports(struct one_shot *b)
{
	size_t n, i;

	b->tenants = intake_tenants(&b->intake, &n);
	b->tenants_n = n;
	b->reports = xcalloc(n + 1, sizeof *b->reports);
	b->simulations = xcalloc(n + 1, sizeof(struct simulation *));
	for (i = 0; i < n; i++) {
		if (!counts(b, b->tenants[i]))
			continue;
		if (is_undated(b->tenants[i]))
			count_undated(b, b->tenants[i]);
		else
			make_report(b, b->tenants[i]);
	}
}

/* Shows people only the metrics that they selected. */
static void
show_reports(const struct aggregator_job *job, struct tenant_rows *reports,
    size_t n, struct buf *to)
{
	size_t i;

	if (job->selection.overview || tenant_rows_has_plain(&job->selection))
		tenant_rows_table(reports, n, to);
	for (i = 0; i < n; i++) {
		if (reports[i].simulation == NULL)
			continue;
		if (to->len > 0)
			buf_addc(to, '\n');
		simulation_table(reports[i].simulation, to);
	}
}

static int
write_reports(const struct aggregator_job *job, struct endpoint *out,
    struct tenant_rows *reports, size_t n)
{
	struct buf text = BUF_INIT;
	size_t i;
	int ret = 0;

	switch (job->format) {
	case OUTPUT_NDJSON:
		for (i = 0; i < n && ret == 0; i++)
			ret = tenant_rows_ndjson(
			    &reports[i], aggregator_write_line, out);
		break;
	case OUTPUT_CSV:
		tenant_rows_csv(reports, n, job->table, &text);
		ret = buf_each_line(&text, aggregator_write_line, out);
		break;
	case OUTPUT_TABLE:
	case OUTPUT_AUTO:
		show_reports(job, reports, n, &text);
		ret = buf_each_line(&text, aggregator_write_line, out);
		break;
	}
	buf_release(&text);
	return ret;
}

/* Writes the records that are passed through, before all rows. */
static int
write_passed(struct one_shot *b, struct endpoint *out)
{
	size_t i;
	int ret = 0;

	for (i = 0; i < b->tenants_n && ret == 0; i++)
		if (counts(b, b->tenants[i]))
			ret = buf_each_line(&b->tenants[i]->pass_through,
			    aggregator_write_line, out);
	return ret;
}

static int
write_one_shot_answer(struct one_shot *b, struct endpoint *out)
{
	const struct aggregator_job *job = b->job;
	struct buf text = BUF_INIT;
	int ret;

	if (job->explain == NULL)
		return write_passed(b, out) == -1
			   ? -1
			   : write_reports(job, out, b->reports, b->reports_n);
	if (job->format == OUTPUT_NDJSON)
		return explain_ndjson(
		    &b->explained, aggregator_write_line, out);
	explain_text(&b->explained, job->format, &text);
	ret = buf_each_line(&text, aggregator_write_line, out);
	buf_release(&text);
	return ret;
}

/* Writes the assignments of the simulated days. */
static int
write_assignments(const struct one_shot *b, struct endpoint *to)
{
	size_t i;
	int ret = 0;

	for (i = 0; i < b->simulations_n && ret == 0; i++)
		ret = simulation_assignments(
		    b->simulations[i], aggregator_write_line, to);
	return ret;
}

static enum exit_code
write_output(struct one_shot *b)
{
	struct endpoint_options opt = { .conf = b->job->conf };
	struct buf why = BUF_INIT;
	enum exit_code code = PROG_OK;
	struct endpoint *out =
	    endpoint_open_write(b->job->to, &opt, &why, &code);

	FAULT_POINT("aggregator.input_read");
	if (out == NULL)
		log_error("%s", buf_str(&why));
	else if ((b->job->format == OUTPUT_NDJSON &&
		     write_assignments(b, out) == -1) ||
		 write_one_shot_answer(b, out) == -1 ||
		 endpoint_flush(out) != OUTCOME_DONE)
		code = report_endpoint_error(out);
	FAULT_POINT("aggregator.rows_written");
	endpoint_close(out);
	buf_release(&why);
	return code;
}

/* Returns PROG_OK if there is something to write. Errors are logged once. */
static enum exit_code
prepare_answer(struct one_shot *b)
{
	const struct aggregator_job *job = b->job;

	intake_end(&b->intake, b->cut);
	make_reports(b);
	b->bad = b->bad || b->intake.staging.failed > 0 || b->dead.count > 0 ||
		 b->cut;
	/* If the program was stopped, a simulated day may be incomplete. */
	b->stopped = b->simulations_n > 0 && stop_asked();
	if (b->reports_n + b->undated > 0 && job->explain == NULL)
		return PROG_OK;
	if (b->reports_n > 0)
		return explain_find(
		    &b->explained, job, b->reports, b->reports_n);
	if (b->bad)
		return PROG_DATA;
	log_error("no input: %s has no snapshot and no records%s%s",
	    strcmp(job->from, "-") == 0 ? "standard input" : job->from,
	    job->tenant != NULL ? " of tenant " : "",
	    job->tenant != NULL ? job->tenant : "");
	return PROG_NOINPUT;
}

/* Logs the result of the run, as the other programs do; "incomplete" counts
 * snapshots. People see it in their table instead. */
static void
log_one_shot_summary(const struct one_shot *b)
{
	if (b->job->format == OUTPUT_TABLE)
		return;
	log_info("aggregator_done",
	    "lines=%" PRIu64 " refused=%" PRIu64
	    " tenants=%zu incomplete=%" PRIu64,
	    b->intake.lines, b->dead.count, b->tenants_n,
	    b->intake.staging.failed);
}

static void
release_one_shot(struct one_shot *b)
{
	size_t i;

	for (i = 0; i < b->simulations_n; i++)
		simulation_free(b->simulations[i]);
	free(b->simulations);
	free(b->reports);
	free(b->tenants);
	deadletter_close(&b->dead);
	intake_release(&b->intake);
}

static enum exit_code
run_one_shot(const struct aggregator_job *job)
{
	struct one_shot b = { .job = job };
	enum exit_code code;

	b.setup.job = job;
	b.setup.cache = &b.cache;
	future_init(&b.future, job->conf);
	b.setup.future = &b.future;
	intake_init(&b.intake, &b.setup);
	b.intake.dead = &b.dead;
	code = read_one_shot_input(&b);
	if (code == PROG_OK && !b.stopped) {
		code = prepare_answer(&b);
		if (code == PROG_OK && !b.stopped)
			code = write_output(&b);
		log_one_shot_summary(&b);
		if (code == PROG_OK && b.bad)
			code = PROG_DATA;
	}
	release_one_shot(&b);
	return code;
}

static int
take_limit(const char *value, void *to)
{
	if (parse_int(value, 0, MOST_LIMIT, to) == 0)
		return -1;
	return prog_usage_error(
	    "'%s' is not a limit from 0 to %d", value, MOST_LIMIT);
}

static const struct option_row rows[] = {
	AGGREGATOR_FROM,
	AGGREGATOR_TO,
	AGGREGATOR_FORMAT,
	AGGREGATOR_METRICS,
	AGGREGATOR_CLOCK,
	AGGREGATOR_DEFINITION,
	AGGREGATOR_GENERATION,
	OPTION_TAKE(0, "limit", "N", struct aggregator, job.limit, take_limit,
	    "simulated allocation: the limit for every operator"),
	AGGREGATOR_PART,
	AGGREGATOR_TABLE,
	AGGREGATOR_TENANT,
};

enum exit_code
aggregator_run_once(void *options)
{
	struct aggregator *a = options;
	enum exit_code code;

	if (!aggregator_configure(a, &code))
		return code;
	if (!a->job.selection.allocation && a->job.limit != RECORD_NO_NUMBER) {
		(void)prog_usage_error("--limit is for -a allocation");
		return PROG_USAGE;
	}
	return run_one_shot(&a->job);
}

const struct option_mode aggregator_mode_once = {
	.title = "a file or standard input",
	.about =
	    "Computes metrics from records of operators, chats and messages.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.check = aggregator_check_rows,
	.run = aggregator_run_once,
};
