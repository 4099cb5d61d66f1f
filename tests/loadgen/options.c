/* options: see options.h. */
#define _GNU_SOURCE
#include "tests/loadgen/options.h"

#include <getopt.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/base/prog.h"
#include "common/base/xalloc.h"

static const char usage[] =
    "usage: load [options] [-t -|FILE|queue:NAME]\n"
    "Writes a stream of records as a busy house would make it.\n"
    "  -t, --to ENDPOINT   where to (-)\n"
    "  -n, --count N       messages, repetitions included (0: no end)\n"
    "  --seconds S         stop after so long\n"
    "  --rate N            messages a second, evenly (0: as fast as it goes)\n"
    "  --single            a record a message of the broker\n"
    "  --totals FILE       what a database must hold then, as JSON\n"
    "  -i, --input FILE    write that file's records instead\n"
    "  -c FILE             the configuration, for the broker\n"
    "who there is:\n"
    "  --seed N            what it is all made from (1)\n"
    "  --tenants N         (4)    --users N      customers (1200)\n"
    "  --operators N       of each tenant (20)\n"
    "  --chats N           (5000) --active N     at a time (a tenth)\n"
    "  --turnover N        changes of the active ones, a million messages\n"
    "                      (25000)\n"
    "  --sweep             write into each chat in turn\n"
    "  --ids KIND          mixed, number, uuid\n"
    "  --prefix TEXT       of chats and numbers of messages\n"
    "message time:\n"
    "  --start TIME        the first (2026-11-20T10:00:00Z)\n"
    "  --gap MS            the mean between two messages (20)\n"
    "  --stamp             it is now\n"
    "  --window DURATION   what is older than that is late (24h)\n"
    "how many, to a million messages:\n"
    "  --views N (200000)  --events N (50000)  --duplicates N (10000)\n"
    "  --latecomers N (5000)  --late N (100), beyond the window\n"
    "  --leave-late        the same, but those are not written\n"
    "how records look:\n"
    "  --shuffle           keys in any order    --spaces   behind : and ,\n"
    "  --extra             fields that nobody knows\n";

enum option_key {
	OPT_SECONDS = 256,
	OPT_RATE,
	OPT_SINGLE,
	OPT_TOTALS,
	OPT_SEED,
	OPT_TENANTS,
	OPT_USERS,
	OPT_OPERATORS,
	OPT_CHATS,
	OPT_ACTIVE,
	OPT_TURNOVER,
	OPT_SWEEP,
	OPT_IDS,
	OPT_PREFIX,
	OPT_START,
	OPT_GAP,
	OPT_STAMP,
	OPT_WINDOW,
	OPT_VIEWS,
	OPT_EVENTS,
	OPT_DUPLICATES,
	OPT_LATECOMERS,
	OPT_LATE,
	OPT_LEAVE_LATE,
	OPT_SHUFFLE,
	OPT_SPACES,
	OPT_EXTRA,
};

static const struct option long_options[] = {
	{ "to", required_argument, NULL, 't' },
	{ "count", required_argument, NULL, 'n' },
	{ "input", required_argument, NULL, 'i' },
	{ "seconds", required_argument, NULL, OPT_SECONDS },
	{ "rate", required_argument, NULL, OPT_RATE },
	{ "single", no_argument, NULL, OPT_SINGLE },
	{ "totals", required_argument, NULL, OPT_TOTALS },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "tenants", required_argument, NULL, OPT_TENANTS },
	{ "users", required_argument, NULL, OPT_USERS },
	{ "operators", required_argument, NULL, OPT_OPERATORS },
	{ "chats", required_argument, NULL, OPT_CHATS },
	{ "active", required_argument, NULL, OPT_ACTIVE },
	{ "turnover", required_argument, NULL, OPT_TURNOVER },
	{ "sweep", no_argument, NULL, OPT_SWEEP },
	{ "ids", required_argument, NULL, OPT_IDS },
	{ "prefix", required_argument, NULL, OPT_PREFIX },
	{ "start", required_argument, NULL, OPT_START },
	{ "gap", required_argument, NULL, OPT_GAP },
	{ "stamp", no_argument, NULL, OPT_STAMP },
	{ "window", required_argument, NULL, OPT_WINDOW },
	{ "views", required_argument, NULL, OPT_VIEWS },
	{ "events", required_argument, NULL, OPT_EVENTS },
	{ "duplicates", required_argument, NULL, OPT_DUPLICATES },
	{ "latecomers", required_argument, NULL, OPT_LATECOMERS },
	{ "late", required_argument, NULL, OPT_LATE },
	{ "leave-late", no_argument, NULL, OPT_LEAVE_LATE },
	{ "shuffle", no_argument, NULL, OPT_SHUFFLE },
	{ "spaces", no_argument, NULL, OPT_SPACES },
	{ "extra", no_argument, NULL, OPT_EXTRA },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* Options that are a number, with their limits. */
static int
set_number(struct options *o, int key, const char *text)
{
	const struct {
		int key;
		uint32_t *to;
		int64_t min, max;
	} numbers[] = {
		{ OPT_TENANTS, &o->world.tenants, 1, 1000 },
		{ OPT_USERS, &o->world.users, 1, 10000000 },
		{ OPT_OPERATORS, &o->world.operators, 1, 10000 },
		{ OPT_CHATS, &o->world.chats, 1, 50000000 },
		{ OPT_ACTIVE, &o->story.active, 1, 50000000 },
		{ OPT_TURNOVER, &o->story.turnover, 0, 1000000 },
		{ OPT_GAP, &o->story.gap_ms, 1, 3600000 },
		{ OPT_VIEWS, &o->story.views, 0, 1000000 },
		{ OPT_EVENTS, &o->story.events, 0, 1000000 },
		{ OPT_DUPLICATES, &o->story.duplicates, 0, 1000000 },
		{ OPT_LATECOMERS, &o->story.latecomers, 0, 1000000 },
		{ OPT_LATE, &o->story.late, 0, 1000000 },
	};
	int64_t n;
	size_t i;

	for (i = 0; i < ARRAY_LEN(numbers); i++) {
		if (numbers[i].key != key)
			continue;
		if (parse_int(text, numbers[i].min, numbers[i].max, &n) != 0)
			return -1;
		*numbers[i].to = (uint32_t)n;
		return 0;
	}
	return -1;
}

static int
set_ids(struct world_options *w, const char *text)
{
	static const char *const kinds[] = { "mixed", "number", "uuid" };
	size_t i;

	for (i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(text, kinds[i]) == 0) {
			w->ids = (enum world_ids)i;
			return 0;
		}
	return -1;
}

static int
set_text(struct options *o, int key, char *text)
{
	int64_t n;

	switch (key) {
	case 't':
		o->to = text;
		return 0;
	case 'i':
		o->from = text;
		return 0;
	case 'c':
		o->conf = text;
		return 0;
	case OPT_TOTALS:
		o->totals = text;
		return 0;
	case OPT_PREFIX:
		o->world.prefix = text;
		return strlen(text) <= 16 ? 0 : -1;
	case OPT_IDS:
		return set_ids(&o->world, text);
	case OPT_SECONDS:
		return parse_duration(text, &o->seconds_ms);
	case OPT_WINDOW:
		return parse_duration(text, &o->story.window_ms);
	case OPT_START:
		return clock_parse(text, strlen(text), &o->story.start_ms);
	case 'n':
		return parse_int(text, 0, INT64_MAX, &o->count);
	case OPT_RATE:
		return parse_int(text, 0, 100000000, &o->rate);
	case OPT_SEED:
		if (parse_int(text, 0, INT64_MAX, &n) != 0)
			return -1;
		o->world.seed = (uint64_t)n;
		return 0;
	default:
		return set_number(o, key, text);
	}
}

static bool
set_flag(struct options *o, int key)
{
	switch (key) {
	case OPT_SINGLE:
		return o->single = true;
	case OPT_STAMP:
		return o->story.stamp = true;
	case OPT_SWEEP:
		return o->story.sweep = true;
	case OPT_LEAVE_LATE:
		return o->story.leave_late = true;
	case OPT_SHUFFLE:
		return o->style.shuffle = true;
	case OPT_SPACES:
		return o->style.spaces = true;
	case OPT_EXTRA:
		return o->style.extra = true;
	default:
		return false;
	}
}

/* What depends on other options. */
static int
complete(struct options *o)
{
	if (o->story.stamp && o->rate > 0)
		o->story.gap_ms = (uint32_t)(1000 / o->rate);
	if (o->story.active == 0)
		o->story.active = (o->world.chats + 9) / 10;
	if (o->story.active > o->world.chats)
		o->story.active = o->world.chats;
	if (o->world.users < o->world.tenants)
		return prog_usage_error("fewer users than tenants");
	if (o->from == NULL && o->count == 0 && o->seconds_ms == 0 &&
	    strncmp(o->to, "queue:", 6) == 0)
		return prog_usage_error("a queue wants --count or --seconds");
	return -1;
}

int
options_read(struct options *o, int argc, char **argv)
{
	int key;

	*o = (struct options){
		.world = { .seed = 1,
		    .tenants = 4,
		    .users = 1200,
		    .operators = 20,
		    .chats = 5000,
		    .prefix = "" },
		.story = { .start_ms = 1795168800000, /* 2026-11-20T10:00Z */
		    .window_ms = 24 * INT64_C(3600000),
		    .gap_ms = 20,
		    .turnover = 25000,
		    .views = 200000,
		    .events = 50000,
		    .duplicates = 10000,
		    .latecomers = 5000,
		    .late = 100 },
		.to = "-",
	};
	while ((key = getopt_long(
		    argc, argv, ":ht:n:i:c:", long_options, NULL)) != -1) {
		if (key == 'h')
			return prog_help(usage);
		if (key == '?' || key == ':')
			return prog_bad_option(key, argv);
		if (!set_flag(o, key) && set_text(o, key, optarg) != 0)
			return prog_usage_error(
			    "an option does not take '%s'", optarg);
	}
	if (optind < argc)
		return prog_usage_error("unexpected '%s'", argv[optind]);
	o->style.dice.state = o->world.seed + 7;
	return complete(o);
}
