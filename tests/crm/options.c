/* options: see options.h. */
#define _GNU_SOURCE
#include "tests/crm/options.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/parse.h"
#include "common/base/prog.h"
#include "tests/crm/control.h"

static const char usage[] =
    "usage: crm-sim [options]\n"
    "Speaks Chat2Desk's API on http://127.0.0.1:PORT/v1, and Qiscus's on\n"
    "http://127.0.0.1:PORT, from a made-up world.\n"
    "  --port N            listen there (0: any free port, the default)\n"
    "  --port-file FILE    write the port there once it listens\n"
    "  --seed N            what the world is made from (1)\n"
    "  --operators N       human operators (8); ids from 501; also a robot\n"
    "                      (10900), a disabled and a deleted account\n"
    "  --dialogs N         open dialogs at the start (50)\n"
    "  --messages N        mean number of messages in a dialog's past (20)\n"
    "  --pace SECONDS      mean time between events of an open dialog (300);\n"
    "                      0: nothing happens by itself\n"
    "  --hours A-B         operators work from A to B o'clock UTC (6-22)\n"
    "  --start RFC3339     the clock at the start (2026-11-20T09:00:00Z)\n"
    "  --speed X           simulated seconds a second (0: frozen)\n"
    "  --latency MS        each answer takes that long (0)\n"
    "  --lag SECONDS       until /messages shows a new message (0)\n"
    "  --token T           the account's token (sim-token); admin-T is that "
    "of an\n"
    "                      admin of Qiscus\n"
    "  --crm qiscus        a world as Qiscus has it: resolving takes the "
    "agent\n"
    "                      away, comments tell of all that happens, webhooks\n"
    "  --crm chatwoot      a world as Chatwoot has it: the account is 1\n"
    "  --app A             Qiscus's app id (sim-app)\n"
    "  --by-us             only the API gives dialogs to operators\n"
    "  --apart             each agent of Qiscus serves one channel; each of\n"
    "                      Chatwoot is a member of one inbox and one team\n"
    "  --webhooks URL      webhooks of Qiscus or Chatwoot are sent there from\n"
    "                      the start; Chatwoot's are signed\n"
    "  --webhook-secret S  with this secret (sim-secret)\n"
    "  --account TOKEN:SEED[:DIALOGS]  an account of its own; may be "
    "repeated,\n"
    "                      then --token, --seed count no more\n"
    "  --big-ids           ids above 2^53\n"
    "  --no-request-ids    an older API, without request ids\n"
    "  --tells             service lines tell of closings and transfers\n"
    "  --honour-offset     offset works on /messages\n"
    "  --no-reverse        direction_reverse does not work on /messages\n"
    "  --quota N           calls an account has\n"
    "  --per-minute N      calls an account may make a minute\n"
    "  --tls-cert FILE --tls-key FILE   speak TLS\n"
    "  --die-with-parent   end when the parent process does\n"
    "  --until-eof         end when standard input ends\n";

enum option_key {
	OPT_PORT = 256,
	OPT_PORT_FILE,
	OPT_SEED,
	OPT_OPERATORS,
	OPT_DIALOGS,
	OPT_MESSAGES,
	OPT_PACE,
	OPT_HOURS,
	OPT_START,
	OPT_SPEED,
	OPT_LATENCY,
	OPT_LAG,
	OPT_TOKEN,
	OPT_ACCOUNT,
	OPT_CRM,
	OPT_APP,
	OPT_BY_US,
	OPT_APART,
	OPT_WEBHOOKS,
	OPT_WEBHOOK_SECRET,
	OPT_BIG_IDS,
	OPT_NO_REQUEST_IDS,
	OPT_TELLS,
	OPT_HONOUR_OFFSET,
	OPT_NO_REVERSE,
	OPT_QUOTA,
	OPT_PER_MINUTE,
	OPT_TLS_CERT,
	OPT_TLS_KEY,
	OPT_DIE_WITH_PARENT,
	OPT_UNTIL_EOF,
};

static const struct option long_options[] = {
	{ "port", required_argument, NULL, OPT_PORT },
	{ "port-file", required_argument, NULL, OPT_PORT_FILE },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "operators", required_argument, NULL, OPT_OPERATORS },
	{ "dialogs", required_argument, NULL, OPT_DIALOGS },
	{ "messages", required_argument, NULL, OPT_MESSAGES },
	{ "pace", required_argument, NULL, OPT_PACE },
	{ "hours", required_argument, NULL, OPT_HOURS },
	{ "start", required_argument, NULL, OPT_START },
	{ "speed", required_argument, NULL, OPT_SPEED },
	{ "latency", required_argument, NULL, OPT_LATENCY },
	{ "lag", required_argument, NULL, OPT_LAG },
	{ "token", required_argument, NULL, OPT_TOKEN },
	{ "account", required_argument, NULL, OPT_ACCOUNT },
	{ "crm", required_argument, NULL, OPT_CRM },
	{ "app", required_argument, NULL, OPT_APP },
	{ "by-us", no_argument, NULL, OPT_BY_US },
	{ "apart", no_argument, NULL, OPT_APART },
	{ "webhooks", required_argument, NULL, OPT_WEBHOOKS },
	{ "webhook-secret", required_argument, NULL, OPT_WEBHOOK_SECRET },
	{ "big-ids", no_argument, NULL, OPT_BIG_IDS },
	{ "no-request-ids", no_argument, NULL, OPT_NO_REQUEST_IDS },
	{ "tells", no_argument, NULL, OPT_TELLS },
	{ "honour-offset", no_argument, NULL, OPT_HONOUR_OFFSET },
	{ "no-reverse", no_argument, NULL, OPT_NO_REVERSE },
	{ "quota", required_argument, NULL, OPT_QUOTA },
	{ "per-minute", required_argument, NULL, OPT_PER_MINUTE },
	{ "tls-cert", required_argument, NULL, OPT_TLS_CERT },
	{ "tls-key", required_argument, NULL, OPT_TLS_KEY },
	{ "die-with-parent", no_argument, NULL, OPT_DIE_WITH_PARENT },
	{ "until-eof", no_argument, NULL, OPT_UNTIL_EOF },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* Parses seconds with up to three decimal places as milliseconds. */
static int
parse_milli(const char *text, int64_t *milli)
{
	char *rest;
	double x = strtod(text, &rest);

	if (rest == text || *rest != '\0' || !(x >= 0 && x < 1e9))
		return -1;
	*milli = (int64_t)(x * 1000 + 0.5);
	return 0;
}

static int
parse_hours(const char *text, struct world_options *w)
{
	char extra;

	w->hour_from = (int)strtol(text, NULL, 10);
	text = strchr(text, '-');
	extra = text == NULL ? 'x' : '\0';
	w->hour_to = text == NULL ? 0 : (int)strtol(text + 1, NULL, 10);
	return extra == '\0' && w->hour_from >= 0 && w->hour_to <= 24 ? 0 : -1;
}

static int
set_account(struct settings *s, char *text)
{
	if (s->accounts_n == ACCOUNTS_MAX || strchr(text, ':') == NULL)
		return -1;
	s->accounts[s->accounts_n++] = text;
	return 0;
}

static int
set_number(struct settings *s, int key, const char *text)
{
	int64_t n;

	if (parse_int(text, 0, INT64_MAX / 2, &n) != 0)
		return -1;
	switch (key) {
	case OPT_PORT:
		s->port = (int)n;
		return n < 65536 ? 0 : -1;
	case OPT_SEED:
		s->world.seed = (uint64_t)n;
		return 0;
	case OPT_OPERATORS:
		s->world.operators = n;
		return n >= 1 && n <= 5000 ? 0 : -1;
	case OPT_DIALOGS:
		s->world.dialogs = n;
		return n <= 1000000 ? 0 : -1;
	case OPT_MESSAGES:
		s->world.messages = n;
		return n >= 1 && n <= 100000 ? 0 : -1;
	case OPT_LATENCY:
		s->sim.latency_ms = n;
		return 0;
	case OPT_QUOTA:
		s->sim.quota = n;
		return 0;
	default:
		s->sim.per_minute = n;
		return 0;
	}
}

static int
set_option(struct settings *s, int key, char *text)
{
	switch (key) {
	case OPT_PORT_FILE:
		s->port_file = text;
		return 0;
	case OPT_PACE:
		return parse_milli(text, &s->world.pace_ms);
	case OPT_HOURS:
		return parse_hours(text, &s->world);
	case OPT_START:
		return clock_parse(text, strlen(text), &s->world.start_ms);
	case OPT_SPEED:
		return parse_milli(text, &s->sim.speed_milli);
	case OPT_LAG:
		return parse_milli(text, &s->world.lag_ms);
	case OPT_TOKEN:
		s->world.token = text;
		return 0;
	case OPT_ACCOUNT:
		return set_account(s, text);
	case OPT_CRM:
		s->world.qiscus = strcmp(text, "qiscus") == 0;
		s->world.chatwoot = strcmp(text, "chatwoot") == 0;
		s->world.tells |= s->world.qiscus || s->world.chatwoot;
		return s->world.qiscus || s->world.chatwoot ||
			       strcmp(text, "chat2desk") == 0
			   ? 0
			   : -1;
	case OPT_APP:
		s->world.app = text;
		return 0;
	case OPT_BY_US:
		s->world.by_us = true;
		return 0;
	case OPT_WEBHOOKS:
		s->webhooks = text;
		return 0;
	case OPT_WEBHOOK_SECRET:
		s->world.webhook_secret = text;
		return 0;
	case OPT_BIG_IDS:
		s->world.id_base = (int64_t)1 << 53;
		return 0;
	case OPT_NO_REQUEST_IDS:
		s->world.request_ids = false;
		return 0;
	case OPT_APART:
		s->world.apart = true;
		return 0;
	case OPT_TELLS:
		s->world.tells = true;
		return 0;
	case OPT_HONOUR_OFFSET:
		s->sim.honour_offset = true;
		return 0;
	case OPT_NO_REVERSE:
		s->sim.ignore_reverse = true;
		return 0;
	case OPT_TLS_CERT:
		s->cert = text;
		return 0;
	case OPT_TLS_KEY:
		s->key = text;
		return 0;
	case OPT_DIE_WITH_PARENT:
		s->die_with_parent = true;
		return 0;
	case OPT_UNTIL_EOF:
		s->until_eof = true;
		return 0;
	default:
		return set_number(s, key, text);
	}
}

static int
help(void)
{
	struct buf text = BUF_INIT;
	int code;

	buf_adds(&text, usage);
	buf_adds(&text, control_help);
	buf_adds(&text, "Faults:\n");
	fault_help(&text);
	code = prog_help(buf_str(&text));
	buf_release(&text);
	return code;
}

int
options_read(struct settings *s, int argc, char **argv)
{
	int key;

	*s = (struct settings){
		.world = { .token = "sim-token",
		    .app = "sim-app",
		    .webhook_secret = "sim-secret",
		    .seed = 1,
		    .dialogs = 50,
		    .operators = 8,
		    .messages = 20,
		    .pace_ms = 300000,
		    .start_ms = 1795165200000, /* 2026-11-20T09:00:00Z */
		    .hour_from = 6,
		    .hour_to = 22,
		    .request_ids = true },
	};
	while ((key = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (key == 'h')
			return help();
		if (key == '?')
			return PROG_USAGE;
		if (set_option(s, key, optarg) != 0)
			return prog_usage_error(
			    "an option does not take '%s'", optarg);
	}
	if (optind < argc)
		return prog_usage_error("unexpected '%s'", argv[optind]);
	return -1;
}
