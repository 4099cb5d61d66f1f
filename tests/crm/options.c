/* options: see options.h. */
#include "tests/crm/options.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/xalloc.h"
#include "tests/crm/control.h"
#include "tests/tools/option_rows.h"

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
    "  --tls-cert FILE --tls-key FILE   speak TLS\n"
    "  --die-with-parent   end when the parent process does\n";

static int
take_hours(void *to, char *text)
{
	struct world_options *w = to;
	char extra;

	w->hour_from = (int)strtol(text, NULL, 10);
	text = strchr(text, '-');
	extra = text == NULL ? 'x' : '\0';
	w->hour_to = text == NULL ? 0 : (int)strtol(text + 1, NULL, 10);
	return extra == '\0' && w->hour_from >= 0 && w->hour_to <= 24 ? 0 : -1;
}

static int
take_account(void *to, char *text)
{
	struct settings *s = to;

	if (s->accounts_n == ACCOUNTS_MAX || strchr(text, ':') == NULL)
		return -1;
	s->accounts[s->accounts_n++] = text;
	return 0;
}

static int
take_crm(void *to, char *text)
{
	struct world_options *w = to;

	w->qiscus = strcmp(text, "qiscus") == 0;
	w->chatwoot = strcmp(text, "chatwoot") == 0;
	w->tells |= w->qiscus || w->chatwoot;
	return w->qiscus || w->chatwoot || strcmp(text, "chat2desk") == 0 ? 0
									  : -1;
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
	struct world_options *w = &s->world;
	bool big_ids = false, no_request_ids = false;
	const struct option_row rows[] = {
		OPTION_RANGE("port", &s->port, 0, 65535),
		OPTION("port-file", TEXT, &s->port_file),
		OPTION_RANGE("seed", &w->seed, 0, INT64_MAX),
		OPTION_RANGE("operators", &w->operators, 1, 5000),
		OPTION_RANGE("dialogs", &w->dialogs, 0, 1000000),
		OPTION_RANGE("messages", &w->messages, 1, 100000),
		OPTION("pace", MILLI, &w->pace_ms),
		OPTION_BY("hours", w, take_hours),
		OPTION("start", TIME, &w->start_ms),
		OPTION("speed", MILLI, &s->sim.speed_milli),
		OPTION("lag", MILLI, &w->lag_ms),
		OPTION("token", TEXT, &w->token),
		OPTION_BY("account", s, take_account),
		OPTION_BY("crm", w, take_crm),
		OPTION("app", TEXT, &w->app),
		OPTION("by-us", FLAG, &w->by_us),
		OPTION("apart", FLAG, &w->apart),
		OPTION("webhooks", TEXT, &s->webhooks),
		OPTION("webhook-secret", TEXT, &w->webhook_secret),
		OPTION("big-ids", FLAG, &big_ids),
		OPTION("no-request-ids", FLAG, &no_request_ids),
		OPTION("tells", FLAG, &w->tells),
		OPTION("honour-offset", FLAG, &s->sim.honour_offset),
		OPTION("tls-cert", TEXT, &s->cert),
		OPTION("tls-key", TEXT, &s->key),
		OPTION("die-with-parent", FLAG, &s->die_with_parent),
	};
	int code;

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
	if (option_is_help(argc, argv))
		return help();
	code = option_rows_read(rows, ARRAY_LEN(rows), argc, argv);
	w->id_base = big_ids ? (int64_t)1 << 53 : 0;
	w->request_ids = !no_request_ids;
	return code;
}
