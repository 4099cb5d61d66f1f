/*
 * poller: the edge to the CRM. Options and wiring only.
 */
#define _DEFAULT_SOURCE /* getopt_long */
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
    "       poller --assign [-f ENDPOINT] [-t ENDPOINT] [--dry-run]\n"
    "       poller --listen ADDRESS [-t ENDPOINT] [--state DIR] "
    "[--port-file FILE]\n"
    "       poller --register URL | --unregister URL | --registered\n"
    "\n"
    "Writes a snapshot of each tenant's operators, open chats and messages.\n"
    "\n"
    "  -c FILE        configuration\n"
    "  -f ENDPOINT    what --status, --assign read; -, a file, queue:NAME\n"
    "  -t ENDPOINT    where records go (-)\n"
    "  -o FORMAT      --check, --dry-run: table, ndjson or csv\n"
    "  -n             check the configuration and exit\n"
    "  -q, -v, -h, -V say less, say more, help, version\n"
    "  --state DIR    keep what was read: the next poll asks for changes only\n"
    "  --tenant NAME  this tenant only; may be repeated\n"
    "  --with-text    with what was written\n"
    "  --status       say which chats are open, closed or gone\n"
    "  --check        does it work, what does it see, what will it cost\n"
    "  --listen       take webhooks, messages and events over HTTP\n"
    "  --assign       carry out what was promised; --dry-run: only show it\n"
    "  --register URL tell the CRMs where --listen is; --registered: show it\n";

enum {
	OPT_STATE = 256,
	OPT_TENANT,
	OPT_TEXT,
	OPT_STATUS,
	OPT_CHECK,
	OPT_ASSIGN,
	OPT_DRY,
	OPT_LISTEN,
	OPT_PORT_FILE,
	OPT_REGISTER,
	OPT_REGISTERED,
	OPT_UNREGISTER
};

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "from", required_argument, NULL, 'f' },
	{ "to", required_argument, NULL, 't' },
	{ "state", required_argument, NULL, OPT_STATE },
	{ "tenant", required_argument, NULL, OPT_TENANT },
	{ "with-text", no_argument, NULL, OPT_TEXT },
	{ "status", no_argument, NULL, OPT_STATUS },
	{ "check", no_argument, NULL, OPT_CHECK },
	{ "assign", no_argument, NULL, OPT_ASSIGN },
	{ "dry-run", no_argument, NULL, OPT_DRY },
	{ "listen", required_argument, NULL, OPT_LISTEN },
	{ "port-file", required_argument, NULL, OPT_PORT_FILE },
	{ "register", required_argument, NULL, OPT_REGISTER },
	{ "registered", no_argument, NULL, OPT_REGISTERED },
	{ "unregister", required_argument, NULL, OPT_UNREGISTER },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/* -1: go on. */
static int
read_option(struct poller *p, int c, char **argv)
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
			return prog_usage_error("unknown format '%s'", optarg);
		break;
	case 'n':
		p->only_check_config = true;
		break;
	case 'q':
		p->quiet = true;
		break;
	case 'v':
		p->verbose++;
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
	case OPT_ASSIGN:
		p->mode = POLLER_ASSIGN;
		break;
	case OPT_DRY:
		p->dry_run = true;
		break;
	case OPT_LISTEN:
		p->mode = POLLER_LISTEN;
		p->address = optarg;
		break;
	case OPT_PORT_FILE:
		p->port_file = optarg;
		break;
	case OPT_REGISTER:
		p->mode = POLLER_REGISTER;
		p->hook_url = optarg;
		break;
	case OPT_REGISTERED:
		p->mode = POLLER_REGISTERED;
		break;
	case OPT_UNREGISTER:
		p->mode = POLLER_UNREGISTER;
		p->hook_url = optarg;
		break;
	default:
		return prog_bad_option(c, argv);
	}
	return -1;
}

/* What the options say together. */
static int
check_options(const struct poller *p)
{
	if (p->from != NULL && p->mode != POLLER_STATUS &&
	    p->mode != POLLER_ASSIGN)
		return prog_usage_error("-f is for --status and --assign");
	if (p->dry_run && p->mode != POLLER_ASSIGN)
		return prog_usage_error("--dry-run is for --assign");
	if (p->format != OUT_AUTO && p->mode != POLLER_CHECK && !p->dry_run)
		return prog_usage_error("-o is for --check and --dry-run");
	if (p->port_file != NULL && p->mode != POLLER_LISTEN)
		return prog_usage_error("--port-file is for --listen");
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
	while (code < 0 && (c = getopt_long(argc, argv, ":c:f:t:o:nqvhV",
				options, NULL)) != -1)
		code = read_option(&p, c, argv);
	if (code < 0 && optind < argc)
		code =
		    prog_usage_error("unexpected argument '%s'", argv[optind]);
	if (code < 0)
		code = check_options(&p);
	log_set_verbosity(p.quiet, p.verbose);
	if (code < 0)
		code = (int)poller_run(&p);
	poller_release(&p);
	return code;
}
