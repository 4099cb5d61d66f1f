/*
 * count_events: aggregator --input eventcounter, which counts events from other
 * publishers (aggregator/stream/stream_eventcounter.c).
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/parse.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"

#include "aggregator/modes/modes.h"
#include "aggregator/stream/stream.h"

static int
take_idle_exit(const char *value, void *to)
{
	if (parse_duration(value, to) == 0)
		return -1;
	return prog_usage_error(
	    "'%s' is not a duration; write it like 5s", value);
}

static const struct option_row rows[] = {
	OPTION_REQUIRED_TAKE('f', "from", "queue:NAME", struct aggregator,
	    job.from, endpoint_take, "where publishers put events"),
	OPTION_TAKE('t', "to", "TO", struct aggregator, counter.to,
	    endpoint_take, "where rows go: -, a file, queue:NAME"),
	OPTION_TEXT(0, "exchange", "NAME", struct aggregator, counter.exchange,
	    "the topic exchange (user-events)"),
	OPTION_TAKE(0, "idle-exit", "TIME", struct aggregator,
	    counter.idle_exit_ms, take_idle_exit,
	    "end after this long without a message, such as 5s"),
	OPTION_TEXT(0, "json-dir", "DIR", struct aggregator, counter.json_dir,
	    "where created.json, updated.json, deleted.json go"),
	AGGREGATOR_STATE,
	OPTION_TEXT(0, "tenant", "NAME", struct aggregator, job.tenant,
	    "the tenant in the rows (default)"),
	AGGREGATOR_UNTIL_EMPTY,
};

static int
check_count_events(void *options)
{
	struct aggregator *a = options;
	struct eventcounter_job *c = &a->counter;

	if (strcmp(a->input, "eventcounter") != 0)
		return prog_usage_error(
		    "unknown input '%s'; use eventcounter", a->input);
	if (!endpoint_is_queue(a->job.from))
		return prog_usage_error(
		    "--input eventcounter needs -f queue:NAME");
	if (c->json_dir == NULL && c->to == NULL)
		return prog_usage_error("no output is named; use --json-dir "
					"DIR, or -t TO for rows");
	if (a->job.tenant == NULL)
		a->job.tenant = "default";
	if (!parse_is_name(a->job.tenant, RECORD_MAX_TENANT))
		return prog_usage_error("'%s' names no tenant", a->job.tenant);
	return endpoint_check_ends(a->job.from, c->to, "-t");
}

/* Creates the folder for the files with the counts. */
static enum exit_code
make_json_dir(const char *dir)
{
	struct stat st;

	if (dir == NULL || mkdir(dir, 0777) == 0)
		return PROG_OK;
	if (errno == EEXIST && stat(dir, &st) == 0 && !S_ISDIR(st.st_mode))
		errno = ENOTDIR;
	if (errno == EEXIST && access(dir, W_OK | X_OK) == 0)
		return PROG_OK;
	return syserr_log(
	    PROG_CANTCREATE, "cannot write into --json-dir '%s'", dir);
}

static enum exit_code
run_count_events(void *options)
{
	struct aggregator *a = options;
	struct definition counting = definition_ours;
	struct aggregator_job *job = &a->job;
	struct eventcounter_job *c = &a->counter;
	enum exit_code code;

	if (a->common.only_check)
		return PROG_OK;
	code = make_json_dir(c->json_dir);
	if (code == PROG_OK)
		code = aggregator_load_terms(a);
	if (code != PROG_OK)
		return code;
	/* The state of a stream is refused because its definition has another
	 * name. */
	counting.name = "eventcounter";
	if (job->until_empty)
		c->idle_exit_ms = -1;
	job->conf = a->common.conf;
	job->definition = &counting;
	job->counter = c;
	job->to = c->to != NULL ? c->to : "/dev/null";
	job->until_empty = job->until_empty || c->idle_exit_ms >= 0;
	metric_selection_add(&job->selection, "event_counts");
	return stream_run(job);
}

const struct option_mode aggregator_mode_eventcounter = {
	.choice = OPTION_TEXT(0, "input", "eventcounter", struct aggregator,
	    input, "count events that other programs publish"),
	.title = "--input eventcounter",
	.about = "Counts the events that other programs publish: how many each "
		 "user created,\nupdated and deleted.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.check = check_count_events,
	.run = run_count_events,
};
