/*
 * sink: rows in, tables up to date. Options and wiring; the path of a row is
 * consume.c -> inlet.c -> row.c -> load.c -> worker.c -> store.c.
 */
#define _DEFAULT_SOURCE /* getopt_long */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "common/db.h"
#include "common/endpoint.h"
#include "common/log.h"
#include "common/out.h"
#include "common/prog.h"
#include "common/stop.h"
#include "sink/check.h"
#include "sink/consume.h"
#include "sink/migrate.h"

static const char usage[] =
    "usage: sink [-nqvhV] [-c FILE] [-f ENDPOINT] [--until-empty]\n"
    "            [--accept-loss]\n"
    "       sink --migrate [-qv] [-c FILE]\n"
    "       sink --check [-c FILE] [-o FORMAT]\n"
    "\n"
    "Stores rows, as aggregator writes them, in MariaDB or MySQL.\n"
    "\n"
    "  -c FILE        configuration\n"
    "  -f ENDPOINT    where rows come from: -, a file, queue:NAME\n"
    "  -n             check the configuration and exit\n"
    "  -o FORMAT      of --check: table, ndjson or csv\n"
    "  -q             errors only\n"
    "  -v             say what is done; twice: everything\n"
    "  -h, -V         this help, the version\n"
    "  --until-empty  end when the queue is empty, instead of waiting\n"
    "  --accept-loss  run although the server does not flush at a commit\n"
    "  --migrate      make or upgrade the tables, write the thresholds\n"
    "  --check        examine server, tables, thresholds and rights\n";

enum { OPT_UNTIL_EMPTY = 256, OPT_ACCEPT_LOSS, OPT_MIGRATE, OPT_CHECK };

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "from", required_argument, NULL, 'f' },
	{ "until-empty", no_argument, NULL, OPT_UNTIL_EMPTY },
	{ "accept-loss", no_argument, NULL, OPT_ACCEPT_LOSS },
	{ "migrate", no_argument, NULL, OPT_MIGRATE },
	{ "check", no_argument, NULL, OPT_CHECK },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

struct options {
	const char *conf_path, *from;
	enum out_format format;
	bool dry, until_empty, accept_loss, migrate, check;
	int verbose;
	bool quiet;
};

/* What the options say together: none is ignored in silence. */
static int
check_options(const struct options *o)
{
	if (o->migrate && o->check)
		return prog_usage_error("--migrate and --check exclude each "
					"other");
	if (o->format != OUT_AUTO && !o->check)
		return prog_usage_error("-o is for --check");
	if ((o->migrate || o->check) &&
	    (o->from != NULL || o->until_empty || o->accept_loss))
		return prog_usage_error("--migrate and --check store no rows");
	return -1;
}

/* -1 to go on, else the exit code. */
static int
read_options(struct options *o, int argc, char **argv)
{
	int c;

	while ((c = getopt_long(
		    argc, argv, ":c:f:hno:qvV", long_options, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->conf_path = optarg;
			break;
		case 'f':
			o->from = optarg;
			break;
		case 'h':
			return prog_help(usage);
		case 'n':
			o->dry = true;
			break;
		case 'o':
			if (out_format_parse(optarg, &o->format) != 0)
				return prog_usage_error(
				    "unknown format '%s'", optarg);
			break;
		case 'q':
			o->quiet = true;
			break;
		case 'v':
			o->verbose++;
			break;
		case 'V':
			return prog_show_version();
		case OPT_UNTIL_EMPTY:
			o->until_empty = true;
			break;
		case OPT_ACCEPT_LOSS:
			o->accept_loss = true;
			break;
		case OPT_MIGRATE:
			o->migrate = true;
			break;
		case OPT_CHECK:
			o->check = true;
			break;
		default:
			return prog_bad_option(c, argv);
		}
	}
	if (optind < argc)
		return prog_usage_error(
		    "unexpected argument '%s'", argv[optind]);
	return check_options(o);
}

static const char *
input(const struct conf *conf, const struct options *o)
{
	return o->from != NULL ? o->from : conf_text(conf, "sink", "from");
}

struct start {
	bool accept_loss;
	struct buf why;
};

static enum outcome
start_work(struct db *db, void *ctx)
{
	struct start *s = ctx;

	return check_start(db, s->accept_loss, &s->why);
}

/* Whether this database can be worked with; waits for it as long as work
 * itself would. */
static enum exit_code
start(struct db *db, const struct options *o, bool patient)
{
	struct start s = { o->accept_loss, BUF_INIT };
	enum exit_code code = PROG_OK;

	if (db_transaction(db, start_work, &s, patient) != OUTCOME_DONE) {
		code = s.why.len > 0 ? PROG_CONFIG : db_code(db);
		if (stop_asked() && code == PROG_TEMPFAIL)
			code = PROG_OK;
		else if (s.why.len > 0)
			log_error("%s", buf_str(&s.why));
		else
			log_error("%s%s", db_why(db),
			    code == PROG_TEMPFAIL
				? "; nothing is lost, run it again"
				: "");
	}
	buf_release(&s.why);
	return code;
}

/* Takes *db when it comes to storing. */
static enum exit_code
consume(struct db **db, const struct conf *conf, const struct options *o)
{
	const char *from = input(conf, o);
	struct endpoint_options opt = { .conf = conf,
		.until_empty = o->until_empty,
		.patient = endpoint_is_queue(from) && !o->until_empty };
	struct endpoint *in;
	struct consume c;
	struct buf why = BUF_INIT;
	enum exit_code code;

	if (opt.patient)
		log_stamp(true);
	code = start(*db, o, opt.patient);
	if (code != PROG_OK || stop_asked())
		return code;
	in = endpoint_open_read(from, &opt, &why, &code);
	if (in == NULL) {
		log_error("%s", buf_str(&why));
		buf_release(&why);
		return code;
	}
	consume_init(&c, in, *db, conf, &opt);
	*db = NULL;
	code = consume_run(&c);
	consume_release(&c);
	endpoint_close(in);
	buf_release(&why);
	return code;
}

static enum exit_code
run(const struct options *o)
{
	struct buf why = BUF_INIT;
	struct conf *conf = conf_load(o->conf_path, &why);
	struct db *db = NULL;
	enum exit_code code = PROG_CONFIG;
	char *dir;

	if (conf != NULL && o->until_empty &&
	    !endpoint_is_queue(input(conf, o))) {
		code = (enum exit_code)prog_usage_error(
		    "--until-empty is for -f queue:NAME");
		conf_free(conf);
		return code;
	}
	if (conf != NULL)
		db = db_open(conf, &why, &code);
	if (db == NULL) {
		log_error("%s", buf_str(&why));
	} else if (o->dry) {
		code = PROG_OK;
	} else if (o->migrate) {
		dir = prog_data("migrations", "sink/migrations");
		code = migrate_run(db, conf, dir);
		free(dir);
	} else if (o->check) {
		code = check_run(db, conf, o->format);
	} else {
		code = consume(&db, conf, o);
	}
	db_close(db);
	conf_free(conf);
	buf_release(&why);
	return code;
}

int
main(int argc, char **argv)
{
	struct options o = { .format = OUT_AUTO };
	int code;

	prog_init(argv[0]);
	stop_init();
	code = read_options(&o, argc, argv);
	if (code >= 0)
		return code;
	log_set_verbosity(o.quiet, o.verbose);
	return (int)run(&o);
}
