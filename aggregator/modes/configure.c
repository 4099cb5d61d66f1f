/*
 * configure: prepares the modes that compute metrics: turns options and
 * configuration into the job, and refuses settings that cannot work. It also
 * has the function with which modes write lines. See modes.h.
 */
#include <string.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/os/file.h"

#include "aggregator/metrics/metric.h"
#include "aggregator/modes/modes.h"
#include "aggregator/notices/notice_rules.h"

int
aggregator_write_line(void *endpoint, const char *line, size_t len)
{
	return endpoint_write(endpoint, line, len);
}

/* The error also lists the tables that exist. */
static int
refuse_table(const char *name)
{
	struct buf names = BUF_INIT;
	size_t i;
	int code;

	for (i = 0; i < metrics_n; i++)
		buf_addf(
		    &names, "%s%s", i > 0 ? ", " : "", metrics[i]->table->name);
	code = prog_usage_error(
	    "unknown table '%s'; tables of metrics: %s", name, buf_str(&names));
	buf_release(&names);
	return code;
}

int
aggregator_check_rows(void *options)
{
	struct aggregator *a = options;
	struct aggregator_job *job = &a->job;
	bool to_stdout = strcmp(job->to, "-") == 0;

	job->table =
	    metric_find(a->table != NULL ? a->table : "operator_metrics");
	if (job->table == NULL)
		return refuse_table(a->table);
	if (job->format == OUTPUT_AUTO && a->table != NULL)
		job->format = OUTPUT_CSV;
	if (endpoint_is_queue(job->from) || endpoint_is_queue(job->to)) {
		if (job->format != OUTPUT_AUTO && job->format != OUTPUT_NDJSON)
			return prog_usage_error("a queue needs -o ndjson");
		job->format = OUTPUT_NDJSON;
	}
	if (a->table != NULL && job->format != OUTPUT_CSV)
		return prog_usage_error("--table needs -o csv");
	if (job->format == OUTPUT_AUTO)
		job->format = to_stdout ? output_format_resolve(OUTPUT_AUTO)
					: OUTPUT_NDJSON;
	return endpoint_check_ends(job->from, job->to, "-t");
}

/* Options override the configuration file. */
static bool
set_option_keys(const struct aggregator *a, struct buf *why)
{
	const struct {
		const char *key, *value;
	} keys[] = {
		{ "assign_to", a->assign_to },
		{ "clock", a->clock },
		{ "definition", a->definition },
		{ "every", a->every },
		{ "keep_state", a->keep_state },
		{ "metrics", a->metrics },
		{ "window", a->window },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(keys); i++) {
		if (keys[i].value == NULL ||
		    conf_set(a->common.conf, "aggregator", keys[i].key,
			keys[i].value, why) == 0)
			continue;
		(void)prog_usage_error("--%s: %s", keys[i].key, buf_str(why));
		return false;
	}
	return true;
}

/* Reports an unusable value with its option or configuration key. */
static enum exit_code
refuse_value(const char *key, const char *of_option, const struct buf *why)
{
	if (of_option == NULL) {
		log_error("[aggregator] %s: %s", key, buf_str(why));
		return PROG_CONFIG;
	}
	(void)prog_usage_error("--%s: %s", key, buf_str(why));
	return PROG_USAGE;
}

/* True if the configuration applies only to the stream. With a file or a pipe,
 * allocation is a simulation, which must be requested. */
static bool
is_of_stream_only(const struct aggregator *a)
{
	return a->metrics == NULL && a->job.limit == RECORD_NO_NUMBER &&
	       !endpoint_is_queue(a->job.from);
}

/* An array of char *, as returned by conf_list(). */
static char *const all_metrics[] = { (char[]){ "all" }, NULL };
static char *const present_metrics[] = { (char[]){ "operators" },
	(char[]){ "chats" }, (char[]){ "tenant" }, (char[]){ "events" }, NULL };

/* The metrics without a choice: all for a queue, because its state has history;
 * for other inputs, the present ones. */
static char *const *
chosen_metrics(const struct aggregator_job *job)
{
	char *const *chosen = conf_list(job->conf, "aggregator", "metrics");

	if (*chosen != NULL)
		return chosen;
	return endpoint_is_queue(job->from) ? all_metrics : present_metrics;
}

static enum exit_code
select_metrics(struct aggregator *a, struct buf *why)
{
	struct aggregator_job *job = &a->job;

	if (metric_selection_parse(&job->selection, chosen_metrics(job), why) ==
	    -1)
		return refuse_value("metrics", a->metrics, why);
	if (is_of_stream_only(a) &&
	    !metric_selection_leave_out_allocation(&job->selection)) {
		buf_setf(why, "names only allocation, which needs a stream; to "
			      "simulate it, use -a allocation");
		return refuse_value("metrics", NULL, why);
	}
	/* Without it, readers of rows would not know which are complete. */
	if (job->format == OUTPUT_NDJSON && job->counter == NULL &&
	    job->selection.n > 0)
		metric_selection_add(&job->selection, "coverage");
	return PROG_OK;
}

/* Adds the metrics that the table for people and --explain both show. A user
 * who has named other metrics gets only those. */
static void
select_metrics_for_people(struct aggregator_job *job)
{
	struct metric_selection *c = &job->selection;
	bool any = false;
	size_t i;

	if (job->format == OUTPUT_CSV)
		metric_selection_add(c, job->table->table->name);
	for (i = 0; i < c->n; i++)
		any |= c->metrics[i]->in_overview;
	if ((job->format == OUTPUT_TABLE && any) || job->explain != NULL)
		metric_selection_add_overview(c);
}

/* True if allocation can be simulated: nothing may store its result. */
static bool
can_simulate(const struct aggregator_job *job)
{
	if (!endpoint_is_queue(job->to))
		return true;
	log_error("allocation over a file or a pipe is only simulated, and "
		  "'%s' would store the result; remove -a allocation, or add "
		  "-t FILE",
	    job->to);
	return false;
}

/* True if chats can be assigned, which requires all chats of a tenant as they
 * arrive. */
static bool
can_allocate(const struct aggregator_job *job)
{
	if (!endpoint_is_queue(job->from))
		return can_simulate(job);
	if (job->assign_to == NULL) {
		log_error("allocation needs an output for reservations; use "
			  "--assign-to queue:assignments, which poller "
			  "--assign reads");
		return false;
	}
	return true;
}

/* Chooses the folder of the state if none is configured. */
static bool
find_state(struct aggregator_job *job)
{
	static char *chosen; /* owned until the program ends */
	struct buf why = BUF_INIT;

	if (job->state == NULL)
		job->state = chosen = state_folder("aggregator", &why);
	if (job->state == NULL)
		log_error("no state folder: %s; set --state DIR or "
			  "[aggregator] state",
		    buf_str(&why));
	buf_release(&why);
	return job->state != NULL;
}

/* The database has the state only together with the rows, which a queue brings
 * there. A run until the queue is empty may precede the sink's, so it begins no
 * such state by itself; it goes on with one. */
static bool
choose_keep(struct aggregator_job *job)
{
	const char *keep = conf_text(job->conf, "aggregator", "keep_state");
	bool database = strcmp(keep, "database") == 0;
	bool can = endpoint_is_queue(job->to) &&
		   conf_text(job->conf, "mysql", "url") != NULL;

	if (strcmp(keep, "auto") == 0 && can)
		job->keep = job->until_empty && !job->rewrite
				? KEEP_AS_BEFORE
				: KEEP_IN_DATABASE;
	else
		job->keep = database ? KEEP_IN_DATABASE : KEEP_LOCAL;
	if (database && !endpoint_is_queue(job->to))
		log_error(
		    "[aggregator] keep_state = database needs rows that go "
		    "to a queue, not to '%s'; use -t queue:rows, or "
		    "keep_state = local",
		    job->to);
	else if (job->rewrite && job->keep == KEEP_LOCAL)
		log_error("--rewrite needs [aggregator] keep_state = database");
	else
		return true;
	return false;
}

static bool
can_run(struct aggregator_job *job)
{
	if (endpoint_is_queue(job->from) && !choose_keep(job))
		return false;
	if (endpoint_is_queue(job->from) && !find_state(job))
		return false;
	return !job->selection.allocation || can_allocate(job);
}

/* Refuses reservations that would go to the input, or among the rows. */
static enum exit_code
check_assign_to(const struct aggregator *a)
{
	const struct aggregator_job *job = &a->job;
	const char *to = job->assign_to, *also = NULL;

	if (endpoint_check_key(to, "aggregator", "assign_to") != 0)
		return PROG_CONFIG;
	if (strcmp(to, job->from) == 0)
		also = "the input";
	else if (strcmp(to, job->to) == 0 && strcmp(to, "-") != 0)
		also = "the output of rows";
	if (also == NULL || !job->selection.allocation)
		return PROG_OK;
	if (a->assign_to != NULL) {
		(void)prog_usage_error(
		    "'%s' is also %s; choose another --assign-to", to, also);
		return PROG_USAGE;
	}
	log_error(
	    "[aggregator] assign_to: '%s' is also %s; choose another queue", to,
	    also);
	return PROG_CONFIG;
}

/* Checks the rules of notices. Only a stream evaluates them: a snapshot does
 * not know what has already fired. */
static enum exit_code
configure_notices(struct aggregator_job *job)
{
	const char *to = conf_text(job->conf, "aggregator", "notices_to");
	struct buf why = BUF_INIT;
	enum exit_code code = PROG_OK;

	if (notice_rules_check(job->conf, job->terms, &why) == -1) {
		log_error("%s", buf_str(&why));
		code = PROG_CONFIG;
	} else if (endpoint_check_key(to, "aggregator", "notices_to") != 0) {
		code = PROG_CONFIG;
	} else if (endpoint_is_queue(job->from) &&
		   notice_rules_exist(job->conf)) {
		if (strcmp(to, job->from) == 0 || strcmp(to, job->to) == 0) {
			log_error("[aggregator] notices_to: '%s' is also the "
				  "input or the output of rows; choose another "
				  "queue",
			    to);
			code = PROG_CONFIG;
		} else if (metric_selection_has(&job->selection, "notices")) {
			job->notices_to = to;
		} else {
			log_warn("the rules of notices are ignored, because "
				 "'notices' is not among the metrics");
		}
	}
	buf_release(&why);
	return code;
}

enum exit_code
aggregator_load_terms(struct aggregator *a)
{
	struct buf why = BUF_INIT;

	a->terms =
	    terms_load(a->common.conf, hours_read_if_possible, NULL, &why);
	if (a->terms == NULL)
		log_error("%s", buf_str(&why));
	buf_release(&why);
	a->job.terms = a->terms;
	return a->terms != NULL ? PROG_OK : PROG_CONFIG;
}

bool
aggregator_configure(struct aggregator *a, enum exit_code *code)
{
	struct aggregator_job *job = &a->job;
	struct buf why = BUF_INIT;

	job->conf = a->common.conf;
	job->config = a->common.config;
	*code = set_option_keys(a, &why) ? select_metrics(a, &why) : PROG_USAGE;
	buf_release(&why);
	/* A file or a pipe is only simulated, and the result is among the
	 * rows. */
	if (endpoint_is_queue(job->from))
		job->assign_to =
		    conf_text(job->conf, "aggregator", "assign_to");
	if (*code == PROG_OK && job->assign_to != NULL)
		*code = check_assign_to(a);
	if (*code == PROG_OK)
		*code = aggregator_load_terms(a);
	if (*code == PROG_OK)
		*code = configure_notices(job);
	if (*code != PROG_OK)
		return false;
	select_metrics_for_people(job);
	if (job->state == NULL)
		job->state = conf_text(job->conf, "aggregator", "state");
	job->definition =
	    definition_find(conf_text(job->conf, "aggregator", "definition"));
	if (!can_run(job))
		*code = PROG_CONFIG;
	return *code == PROG_OK && !a->common.only_check;
}
