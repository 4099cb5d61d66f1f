/*
 * reaper: removes what must not be kept. Options and wiring only; what is
 * deleted and when is in closed.h, rules.h, age.h, retention.h and purge.h.
 */
#define _DEFAULT_SOURCE /* getopt_long */
#include <getopt.h>

#include "common/conf.h"
#include "common/db.h"
#include "common/endpoint.h"
#include "common/log.h"
#include "common/out.h"
#include "common/prog.h"
#include "common/stop.h"
#include "reaper/list.h"
#include "reaper/purge.h"
#include "reaper/reap.h"
#include "reaper/retention.h"

static const char usage[] =
    "usage: reaper [-hnqvV] [-c FILE] [-f FROM] [-o FORMAT] [--archive FILE]\n"
    "              [--dry-run] [--force] [--until-empty]\n"
    "       reaper --list [-c FILE] [-o FORMAT] [-t TO]\n"
    "       reaper --purge TENANT [--archive FILE] [--dry-run] [--force]\n"
    "       reaper --retention AGE [--dry-run] [--force] [-o FORMAT]\n"
    "Deletes what belongs to chats that are closed or gone. Reads chat "
    "records:\n"
    "  reaper --list | poller --status | reaper\n"
    "      --archive FILE  append there first what is deleted\n"
    "  -c, --config FILE   configuration\n"
    "      --dry-run       show what would go, delete nothing\n"
    "  -f, --from FROM     where records come from: -, a file, queue:NAME\n"
    "      --force         delete although very many chats are gone at once\n"
    "      --list          write the chats that the CRM has to be asked about\n"
    "  -n                  check the configuration and exit\n"
    "  -o FORMAT           table, ndjson or csv\n"
    "      --purge TENANT  delete all of a tenant that was removed\n"
    "      --retention AGE  delete history that is older, such as 30d\n"
    "  -q, -v              say less, say more\n"
    "  -t, --to TO         where --list writes: -, a file, queue:NAME\n"
    "      --until-empty   with a queue: end when it is empty\n"
    "  -h, -V              help, version\n";

struct options {
	const char *config, *archive, *purge, *retention, *to;
	struct reap reap;
	bool list, check, quiet;
	int verbose;
};

enum {
	OPT_ARCHIVE = 256,
	OPT_DRY_RUN,
	OPT_FORCE,
	OPT_LIST,
	OPT_PURGE,
	OPT_RETENTION,
	OPT_UNTIL_EMPTY,
};

static const struct option longs[] = {
	{ "archive", required_argument, NULL, OPT_ARCHIVE },
	{ "config", required_argument, NULL, 'c' },
	{ "dry-run", no_argument, NULL, OPT_DRY_RUN },
	{ "force", no_argument, NULL, OPT_FORCE },
	{ "from", required_argument, NULL, 'f' },
	{ "help", no_argument, NULL, 'h' },
	{ "list", no_argument, NULL, OPT_LIST },
	{ "purge", required_argument, NULL, OPT_PURGE },
	{ "retention", required_argument, NULL, OPT_RETENTION },
	{ "to", required_argument, NULL, 't' },
	{ "until-empty", no_argument, NULL, OPT_UNTIL_EMPTY },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/* -1: go on; else the exit code. */
static int
take_option(struct options *o, int opt, char **argv)
{
	switch (opt) {
	case OPT_ARCHIVE:
		o->archive = optarg;
		return -1;
	case OPT_DRY_RUN:
		o->reap.dry_run = true;
		return -1;
	case OPT_FORCE:
		o->reap.force = true;
		return -1;
	case OPT_LIST:
		o->list = true;
		return -1;
	case OPT_PURGE:
		o->purge = optarg;
		return -1;
	case OPT_RETENTION:
		o->retention = optarg;
		return -1;
	case OPT_UNTIL_EMPTY:
		o->reap.until_empty = true;
		return -1;
	case 'c':
		o->config = optarg;
		return -1;
	case 'f':
		o->reap.from = optarg;
		return -1;
	case 'n':
		o->check = true;
		return -1;
	case 'o':
		if (out_format_parse(optarg, &o->reap.format) == 0)
			return -1;
		return prog_usage_error("unknown format '%s'", optarg);
	case 'q':
		o->quiet = true;
		return -1;
	case 't':
		o->to = optarg;
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

/* What the options say together: none is ignored in silence. */
static int
check_options(struct options *o)
{
	if (o->list + (o->purge != NULL) + (o->retention != NULL) > 1)
		return prog_usage_error("--list, --purge and --retention "
					"exclude each other");
	if (o->list && (o->reap.dry_run || o->reap.force || o->archive != NULL))
		return prog_usage_error("--list deletes nothing");
	if (o->reap.from != NULL &&
	    (o->list || o->purge != NULL || o->retention != NULL))
		return prog_usage_error("--list, --purge and --retention read "
					"no records");
	if (o->retention != NULL && o->archive != NULL)
		return prog_usage_error("--retention archives nothing");
	if (o->to != NULL && !o->list)
		return prog_usage_error("-t is for --list");
	if (o->to != NULL && o->reap.format != OUT_AUTO &&
	    o->reap.format != OUT_NDJSON)
		return prog_usage_error("-t takes records: -o ndjson");
	if (o->reap.from == NULL)
		o->reap.from = "-";
	if (o->reap.until_empty && !endpoint_is_queue(o->reap.from))
		return prog_usage_error("--until-empty is for -f queue:NAME");
	return -1;
}

static int
read_options(struct options *o, int argc, char **argv)
{
	int opt, code;

	while ((opt = getopt_long(argc, argv, ":c:f:hno:qt:vV", longs, NULL)) !=
	       -1) {
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

static enum exit_code
run(struct options *o, struct conf *conf, struct buf *why)
{
	enum exit_code code = PROG_OK;

	o->reap.conf = conf;
	if (o->archive != NULL &&
	    conf_set(conf, "reaper", "archive", o->archive, why) == -1)
		return (enum exit_code)prog_usage_error(
		    "--archive: %s", buf_str(why));
	if (o->retention != NULL &&
	    conf_set(conf, "reaper", "retention", o->retention, why) == -1)
		return (enum exit_code)prog_usage_error(
		    "--retention: %s", buf_str(why));
	o->reap.db = db_open(conf, why, &code);
	if (o->reap.db == NULL) {
		log_error("%s", buf_str(why));
		return code;
	}
	if (o->check)
		code = PROG_OK;
	else if (o->list)
		code = list_run(&o->reap, o->to);
	else if (o->purge != NULL)
		code = purge_run(&o->reap, o->purge);
	else if (o->retention != NULL)
		code = retention_run(
		    &o->reap, conf_int(conf, "reaper", "retention"), true);
	else
		code = reap_run(&o->reap);
	db_close(o->reap.db);
	return code;
}

int
main(int argc, char **argv)
{
	struct options o = { .reap = { .format = OUT_AUTO } };
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
		code = (int)run(&o, conf, &why);
	}
	conf_free(conf);
	buf_release(&why);
	return code;
}
