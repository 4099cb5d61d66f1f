/*
 * aggregator: turns records into rows. Options and wiring only; from a file
 * or a pipe batch.c works, from a queue stream.c or, where there is only a
 * snapshot now and then ([aggregator] every = 0), queue.c; eventcounter.c has
 * a queue of another kind.
 */
#define _DEFAULT_SOURCE /* getopt_long */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "common/amqp_plan.h"
#include "common/log.h"
#include "common/parse.h"
#include "common/prog.h"
#include "common/stop.h"
#include "common/xalloc.h"

#include "aggregator/eventcounter.h"
#include "aggregator/job.h"

static const char usage[] =
    "usage: aggregator [-hnqvV] [-a FIGURES] [-c FILE] [-f FROM] [-t TO]\n"
    "                  [-o FORMAT] [--definition NAME] [--table NAME]\n"
    "                  [--assign-to TO] [--limit N] [--tenant NAME]\n"
    "       aggregator --explain CHAT [--tenant NAME] ...\n"
    "       aggregator -f queue:NAME --state DIR [--every TIME]\n"
    "                  [--assign-to TO] [--part I/N] ...\n"
    "       aggregator --input eventcounter -f queue:NAME [--exchange NAME]\n"
    "                  [--idle-exit TIME] [--json-dir DIR] ...\n"
    "       aggregator --export --state DIR [-t TO]\n"
    "       aggregator --declare [-f FILE]\n"
    "       aggregator --publish [-f FILE] -t TO\n"
    "Turns records of operators, chats and messages into rows of figures.\n"
    "  -a, --figures LIST    which: operators,chats,...; all; allocation\n"
    "  -c, --config FILE     configuration\n"
    "      --definition NAME what the figures mean: ours or chatwoot\n"
    "      --every TIME      a queue's stream: rows so often, such as 50ms\n"
    "      --explain CHAT    its messages, and what they did to the clocks\n"
    "  -f FROM, -t TO        -, a file, queue:NAME; -o table, ndjson or csv\n"
    "      --part I/N        of N aggregators; --generation G\n"
    "      --state DIR       keeps what must survive, with a queue\n"
    "      --table NAME      the one that -o csv writes (operator_metrics)\n"
    "      --tenant NAME     only that tenant, by hand\n"
    "      --until-empty     end when a queue is; --window TIME: how late\n"
    "  -h, -n, -q, -v, -V    help, check only, say less, say more, version\n";

struct options {
	struct job job;
	struct eventcounter_job counter;
	const char *config, *definition, *table, *figures, *every, *window;
	const char *input, *part, *generation, *assign_to;
	bool check, declare, publish, quiet;
	int verbose;
};

enum {
	OPT_ASSIGN_TO = 256,
	OPT_DECLARE,
	OPT_DEFINITION,
	OPT_EVERY,
	OPT_EXCHANGE,
	OPT_EXPLAIN,
	OPT_EXPORT,
	OPT_GENERATION,
	OPT_IDLE_EXIT,
	OPT_INPUT,
	OPT_JSON_DIR,
	OPT_LIMIT,
	OPT_PART,
	OPT_PUBLISH,
	OPT_STATE,
	OPT_TABLE,
	OPT_TENANT,
	OPT_UNTIL_EMPTY,
	OPT_WINDOW,
};

static const struct option longs[] = {
	{ "assign-to", required_argument, NULL, OPT_ASSIGN_TO },
	{ "config", required_argument, NULL, 'c' },
	{ "declare", no_argument, NULL, OPT_DECLARE },
	{ "definition", required_argument, NULL, OPT_DEFINITION },
	{ "every", required_argument, NULL, OPT_EVERY },
	{ "exchange", required_argument, NULL, OPT_EXCHANGE },
	{ "explain", required_argument, NULL, OPT_EXPLAIN },
	{ "export", no_argument, NULL, OPT_EXPORT },
	{ "figures", required_argument, NULL, 'a' },
	{ "from", required_argument, NULL, 'f' },
	{ "generation", required_argument, NULL, OPT_GENERATION },
	{ "help", no_argument, NULL, 'h' },
	{ "idle-exit", required_argument, NULL, OPT_IDLE_EXIT },
	{ "input", required_argument, NULL, OPT_INPUT },
	{ "json-dir", required_argument, NULL, OPT_JSON_DIR },
	{ "limit", required_argument, NULL, OPT_LIMIT },
	{ "part", required_argument, NULL, OPT_PART },
	{ "publish", no_argument, NULL, OPT_PUBLISH },
	{ "state", required_argument, NULL, OPT_STATE },
	{ "table", required_argument, NULL, OPT_TABLE },
	{ "tenant", required_argument, NULL, OPT_TENANT },
	{ "to", required_argument, NULL, 't' },
	{ "until-empty", no_argument, NULL, OPT_UNTIL_EMPTY },
	{ "version", no_argument, NULL, 'V' },
	{ "window", required_argument, NULL, OPT_WINDOW },
	{ NULL, 0, NULL, 0 },
};

/* -1: go on; else the exit code. */
static int
take_option(struct options *o, int opt, char **argv)
{
	switch (opt) {
	case OPT_ASSIGN_TO:
		o->assign_to = optarg;
		return -1;
	case OPT_DECLARE:
		o->declare = true;
		return -1;
	case OPT_DEFINITION:
		o->definition = optarg;
		return -1;
	case OPT_EVERY:
		o->every = optarg;
		return -1;
	case OPT_EXPLAIN:
		o->job.explain = optarg;
		return -1;
	case OPT_EXPORT:
		o->job.export = true;
		return -1;
	case OPT_EXCHANGE:
		o->counter.exchange = optarg;
		return -1;
	case OPT_IDLE_EXIT:
		if (parse_duration(optarg, &o->counter.idle_exit_ms) == 0)
			return -1;
		return prog_usage_error("'%s' is no time; write 5s", optarg);
	case OPT_INPUT:
		o->input = optarg;
		return -1;
	case OPT_JSON_DIR:
		o->counter.json_dir = optarg;
		return -1;
	case OPT_LIMIT:
		if (parse_int(optarg, 0, 1000000, &o->job.limit) == 0)
			return -1;
		return prog_usage_error("'%s' is no limit; write 3", optarg);
	case OPT_PART:
		o->part = optarg;
		return -1;
	case OPT_PUBLISH:
		o->publish = true;
		return -1;
	case OPT_GENERATION:
		o->generation = optarg;
		return -1;
	case OPT_STATE:
		o->job.state = optarg;
		return -1;
	case OPT_TABLE:
		o->table = optarg;
		return -1;
	case OPT_TENANT:
		o->job.tenant = optarg;
		return -1;
	case OPT_UNTIL_EMPTY:
		o->job.until_empty = true;
		return -1;
	case OPT_WINDOW:
		o->window = optarg;
		return -1;
	case 'a':
		o->figures = optarg;
		return -1;
	case 'c':
		o->config = optarg;
		return -1;
	case 'f':
		o->job.from = optarg;
		return -1;
	case 'n':
		o->check = true;
		return -1;
	case 'o':
		if (out_format_parse(optarg, &o->job.format) == 0)
			return -1;
		return prog_usage_error("unknown format '%s'", optarg);
	case 'q':
		o->quiet = true;
		return -1;
	case 't':
		o->job.to = o->counter.to = optarg;
		return -1;
	case 'v':
		o->verbose++;
		return -1;
	case 'h':
		return prog_help(usage);
	case 'V':
		return prog_show_version();
	default:
		return prog_bad_option(opt, argv);
	}
}

/* What a run is asked for, and how people know it. */
enum mode {
	MODE_DECLARE = 1,
	MODE_EXPORT = 2,
	MODE_COUNTER = 4,
	MODE_EXPLAIN = 8,
	MODE_QUEUE = 16,
	MODE_HAND = 32,
	MODE_PUBLISH = 64,
	MODES_TABLES = MODE_QUEUE | MODE_HAND,
	MODES_CHATS = MODES_TABLES | MODE_EXPLAIN,
};

static enum mode
mode_of(const struct options *o)
{
	return o->declare                       ? MODE_DECLARE
	       : o->publish                     ? MODE_PUBLISH
	       : o->job.export                  ? MODE_EXPORT
	       : o->input != NULL               ? MODE_COUNTER
	       : o->job.explain != NULL         ? MODE_EXPLAIN
	       : endpoint_is_queue(o->job.from) ? MODE_QUEUE
						: MODE_HAND;
}

static const char *
mode_text(unsigned mode)
{
	switch (mode) {
	case MODE_DECLARE:
		return "--declare";
	case MODE_PUBLISH:
		return "--publish";
	case MODE_EXPORT:
		return "--export";
	case MODE_COUNTER:
		return "--input eventcounter";
	case MODE_EXPLAIN:
		return "--explain";
	case MODE_QUEUE:
		return "-f queue:NAME";
	default:
		return "a file or standard input";
	}
}

/* No option is ignored in silence. */
static int
check_use(const struct options *o)
{
	const struct {
		const char *name;
		bool given;
		unsigned modes;
	} uses[] = {
		{ "-a", o->figures != NULL, MODES_TABLES },
		{ "--assign-to", o->assign_to != NULL, MODES_TABLES },
		{ "-o", o->job.format != OUT_AUTO, MODES_CHATS },
		{ "--definition", o->definition != NULL,
		    MODES_CHATS | MODE_EXPORT },
		{ "--every", o->every != NULL, MODE_QUEUE },
		{ "--exchange", o->counter.exchange != NULL, MODE_COUNTER },
		{ "--explain", o->job.explain != NULL,
		    MODE_EXPLAIN | MODE_HAND },
		{ "--generation", o->generation != NULL, MODES_TABLES },
		{ "--idle-exit", o->counter.idle_exit_ms >= 0, MODE_COUNTER },
		{ "--json-dir", o->counter.json_dir != NULL, MODE_COUNTER },
		{ "--limit", o->job.limit != RECORD_NO_NUMBER, MODE_HAND },
		{ "--part", o->part != NULL, MODES_TABLES },
		{ "--state", o->job.state != NULL,
		    MODE_QUEUE | MODE_COUNTER | MODE_EXPORT },
		{ "--table", o->table != NULL, MODES_TABLES },
		{ "--tenant", o->job.tenant != NULL,
		    MODE_HAND | MODE_EXPLAIN | MODE_COUNTER },
		{ "--until-empty", o->job.until_empty,
		    MODE_QUEUE | MODE_COUNTER },
		{ "--window", o->window != NULL, MODE_QUEUE | MODE_EXPORT },
	};
	enum mode mode = mode_of(o);
	size_t i;

	for (i = 0; i < ARRAY_LEN(uses); i++) {
		if (!uses[i].given || (uses[i].modes & mode) != 0)
			continue;
		if ((uses[i].modes & (uses[i].modes - 1)) == 0)
			return prog_usage_error("%s is for %s", uses[i].name,
			    mode_text(uses[i].modes));
		return prog_usage_error(
		    "%s is not for %s", uses[i].name, mode_text(mode));
	}
	return -1;
}

/* The event counter has options of its own, and few of the others. */
static int
check_counter(struct options *o)
{
	struct eventcounter_job *c = &o->counter;

	if (strcmp(o->input, "eventcounter") != 0)
		return prog_usage_error(
		    "unknown input '%s'; there is eventcounter", o->input);
	if (!endpoint_is_queue(o->job.from))
		return prog_usage_error(
		    "--input eventcounter is for -f queue:NAME");
	if (c->json_dir == NULL && c->to == NULL)
		return prog_usage_error(
		    "where to? give --json-dir DIR, or -t TO for rows");
	c->from = o->job.from;
	c->state = o->job.state;
	c->until_empty = o->job.until_empty;
	c->tenant = o->job.tenant != NULL ? o->job.tenant : "default";
	if (!parse_is_name(c->tenant, RECORD_MAX_TENANT))
		return prog_usage_error("'%s' names no tenant", c->tenant);
	if (c->exchange == NULL)
		c->exchange = EVENTCOUNTER_EXCHANGE;
	return -1;
}

/* What the options say together. */
static int
check_options(struct options *o)
{
	struct job *job = &o->job;
	bool from_queue = endpoint_is_queue(job->from);
	bool to_stdout = strcmp(job->to, "-") == 0;
	int code = check_use(o);

	if (code != -1)
		return code;
	if (o->declare && (from_queue || !to_stdout || o->input != NULL))
		return prog_usage_error("--declare reads a list, from standard "
					"input or -f FILE");
	if (o->publish && (from_queue || o->input != NULL || job->export))
		return prog_usage_error("--publish reads records, from "
					"standard input or -f FILE");
	if (o->declare || o->publish)
		return -1;
	if (job->export && (o->input != NULL || strcmp(job->from, "-") != 0))
		return prog_usage_error(
		    "--export reads the state of a stream and nothing else");
	if (job->export)
		return -1;
	if (o->input != NULL)
		return check_counter(o);
	job->table =
	    figure_find(o->table != NULL ? o->table : "operator_metrics");
	if (job->table == NULL)
		return prog_usage_error("there is no table '%s'", o->table);
	if (job->format == OUT_AUTO && o->table != NULL)
		job->format = OUT_CSV;
	if (o->table != NULL && job->format != OUT_CSV)
		return prog_usage_error("--table is for -o csv");
	if (job->format == OUT_AUTO)
		job->format =
		    to_stdout ? out_format_resolve(OUT_AUTO) : OUT_NDJSON;
	if (from_queue && job->explain != NULL)
		return prog_usage_error(
		    "--explain reads a file or standard input");
	if (from_queue || endpoint_is_queue(job->to)) {
		if (o->job.format != OUT_NDJSON && !to_stdout)
			return prog_usage_error("a queue takes -o ndjson only");
		job->format = OUT_NDJSON;
	}
	return -1;
}

static int
read_options(struct options *o, int argc, char **argv)
{
	int opt, code;

	while ((opt = getopt_long(
		    argc, argv, ":a:c:f:hno:qt:vV", longs, NULL)) != -1) {
		code = take_option(o, opt, argv);
		if (code != -1)
			return code;
	}
	if (optind < argc)
		return prog_usage_error(
		    "unexpected argument '%s'", argv[optind]);
	log_set_verbosity(o->quiet, o->verbose);
	return check_options(o);
}

/* Flags stand above the file. */
static int
set_flags(const struct options *o, struct conf *conf, struct buf *why)
{
	const struct {
		const char *key, *value;
	} flags[] = {
		{ "assign_to", o->assign_to },
		{ "definition", o->definition },
		{ "every", o->every },
		{ "figures", o->figures },
		{ "generation", o->generation },
		{ "part", o->part },
		{ "window", o->window },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(flags); i++)
		if (flags[i].value != NULL &&
		    conf_set(conf, "aggregator", flags[i].key, flags[i].value,
			why) == -1)
			return prog_usage_error(
			    "--%s: %s", flags[i].key, buf_str(why));
	return -1;
}

/* A table and an explanation show what they show; one of allocation alone is
 * another. */
static void
choose_for_people(struct job *job)
{
	bool other = !job->choice.allocation ||
		     choice_has(&job->choice, "operator_metrics");

	if (job->format == OUT_CSV)
		choice_add(&job->choice, job->table->table);
	if ((job->format != OUT_TABLE || !other) && job->explain == NULL)
		return;
	choice_add(&job->choice, "operator_metrics");
	choice_add(&job->choice, "chat_metrics");
	choice_add(&job->choice, "tenant_metrics");
}

/* Allocation sees all chats of a tenant, as they come. */
static bool
can_allocate(const struct job *job)
{
	if (job->part.of > 0) {
		log_error("allocation needs all chats of a tenant in one "
			  "place; leave out --part, or -a allocation");
		return false;
	}
	if (!endpoint_is_queue(job->from) || job->export)
		return true;
	if (conf_int(job->conf, "aggregator", "every") == 0) {
		log_error("allocation is for a stream; give --every 50ms");
		return false;
	}
	if (job->assign_to == NULL) {
		log_error("where do allocation's promises go? give "
			  "--assign-to queue:assignments, which poller "
			  "--assign reads");
		return false;
	}
	return true;
}

static int
run(struct options *o, struct conf *conf, struct buf *why)
{
	struct job *job = &o->job;
	int code = set_flags(o, conf, why);

	if (code != -1)
		return code;
	if (o->declare)
		return o->check ? PROG_OK : (int)amqp_plan_run(conf, job->from);
	if (o->publish) {
		job->conf = conf;
		return o->check ? PROG_OK : (int)publish_run(job);
	}
	if (o->input != NULL) {
		o->counter.conf = conf;
		return o->check ? PROG_OK : (int)eventcounter_run(&o->counter);
	}
	job->conf = conf;
	if (choice_parse(&job->choice, conf_list(conf, "aggregator", "figures"),
		why) == -1) {
		log_error("%s", buf_str(why));
		return o->figures != NULL ? PROG_USAGE : PROG_CONFIG;
	}
	if (part_read(&job->part, conf, why) == -1) {
		log_error("%s", buf_str(why));
		return o->part != NULL ? PROG_USAGE : PROG_CONFIG;
	}
	if (job->part.of > 0)
		choice_set_part(&job->choice);
	choose_for_people(job);
	if (job->state == NULL)
		job->state = conf_text(conf, "aggregator", "state");
	job->rules = rules_find(conf_text(conf, "aggregator", "definition"));
	if ((endpoint_is_queue(job->from) || job->export) &&
	    job->state == NULL) {
		log_error("reading a queue needs a folder that keeps what "
			  "must survive; give --state DIR or [aggregator] "
			  "state");
		return PROG_CONFIG;
	}
	if (job->part.of > 0 && endpoint_is_queue(job->from) &&
	    conf_int(conf, "aggregator", "every") == 0) {
		log_error("--part is for a stream; give --every 50ms");
		return PROG_CONFIG;
	}
	job->assign_to = conf_text(conf, "aggregator", "assign_to");
	if (job->choice.allocation && !can_allocate(job))
		return PROG_CONFIG;
	if (o->check)
		return PROG_OK;
	if (job->export)
		return (int)stream_export(job);
	if (!endpoint_is_queue(job->from))
		return (int)batch_run(job);
	if (conf_int(conf, "aggregator", "every") > 0)
		return (int)stream_run(job);
	return (int)queue_run(job);
}

int
main(int argc, char **argv)
{
	struct options o = {
		.job = { .from = "-", .to = "-", .limit = RECORD_NO_NUMBER },
		.counter = { .idle_exit_ms = -1 }
	};
	struct buf why = BUF_INIT;
	struct conf *conf;
	int code;

	prog_init(argv[0]);
	stop_init();
	code = read_options(&o, argc, argv);
	if (code != -1)
		return code;
	conf = conf_load(o.config, &why);
	if (conf == NULL) {
		log_error("%s", buf_str(&why));
		code = PROG_CONFIG;
	} else {
		code = run(&o, conf, &why);
	}
	conf_free(conf);
	buf_release(&why);
	return code;
}
