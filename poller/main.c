/*
 * poller: the edge to the CRM. Options and wiring only.
 */
#define _GNU_SOURCE /* getopt_long */

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "common/log.h"
#include "common/prog.h"
#include "common/stop.h"
#include "poller/poller.h"

static const char usage[] =
    "usage: poller [-hnqvV] [-c FILE] [-t ENDPOINT] [--state DIR]\n"
    "              [--tenant NAME] [--with-text]\n"
    "       poller --status [-f ENDPOINT] [-t ENDPOINT]\n"
    "       poller --check [-o FORMAT]\n"
    "\n"
    "Writes a snapshot of each tenant's operators, open chats and messages.\n"
    "\n"
    "  -c FILE        configuration\n"
    "  -f ENDPOINT    --status: chats to ask about; -, a file, queue:NAME\n"
    "  -t ENDPOINT    where records go (-)\n"
    "  -o FORMAT      --check: table, ndjson or csv\n"
    "  -n             check the configuration and exit\n"
    "  -q, -v         say less, say more\n"
    "  -h, -V         help, version\n"
    "  --state DIR    keep what was read: the next poll asks for changes only\n"
    "  --tenant NAME  this tenant only; may be repeated\n"
    "  --with-text    with what was written\n"
    "  --status       say which chats are open, closed or gone\n"
    "  --check        does it work, what does it see, what will it cost\n";

enum { OPT_STATE = 256, OPT_TENANT, OPT_TEXT, OPT_STATUS, OPT_CHECK };

static const struct option options[] = {
	{ "state", required_argument, NULL, OPT_STATE },
	{ "tenant", required_argument, NULL, OPT_TENANT },
	{ "with-text", no_argument, NULL, OPT_TEXT },
	{ "status", no_argument, NULL, OPT_STATUS },
	{ "check", no_argument, NULL, OPT_CHECK },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/* -1: go on. */
static int
read_option(struct poller *p, int c)
{
	switch (c) {
	case 'c':
		p->config = optarg;
		break;
	case 'f':
		p->from = optarg;
		break;
	case 't':
		p->to = optarg;
		break;
	case 'o':
		if (out_format_parse(optarg, &p->format) != 0)
			return prog_usage_error(
			    "-o takes table, ndjson or csv, not '%s'", optarg);
		break;
	case 'n':
		p->only_check_config = true;
		break;
	case 'q':
		log_set_level(LOG_LEVEL_ERROR);
		break;
	case 'v':
		log_set_level(log_get_level() >= LOG_LEVEL_INFO && p->verbose
				  ? LOG_LEVEL_DEBUG
				  : LOG_LEVEL_INFO);
		p->verbose = true;
		break;
	case 'h':
		return prog_help(usage);
	case 'V':
		return prog_show_version();
	case OPT_STATE:
		p->state = optarg;
		break;
	case OPT_TENANT:
		poller_add_tenant(p, optarg);
		break;
	case OPT_TEXT:
		p->with_text = true;
		break;
	case OPT_STATUS:
		p->mode = POLLER_STATUS;
		break;
	case OPT_CHECK:
		p->mode = POLLER_CHECK;
		break;
	default:
		return prog_usage_error("that is not how it is called");
	}
	return -1;
}

int
main(int argc, char **argv)
{
	struct poller p;
	int c, code = -1;

	prog_init(argv[0]);
	stop_init();
	poller_init(&p);
	while (code < 0 && (c = getopt_long(argc, argv, "c:f:t:o:nqvhV",
				options, NULL)) != -1)
		code = read_option(&p, c);
	if (code < 0 && optind < argc)
		code =
		    prog_usage_error("unexpected argument '%s'", argv[optind]);
	if (code < 0)
		code = (int)poller_run(&p);
	poller_release(&p);
	return code;
}
