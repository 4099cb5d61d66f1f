/* options: see options.h. */
#include "tests/loadgen/options.h"

#include <string.h>

#include "common/base/prog.h"
#include "common/base/xalloc.h"
#include "tests/tools/option_rows.h"

static const char usage[] =
    "usage: load [options] [-t -|FILE|queue:NAME]\n"
    "Writes a stream of records as a busy house would make it.\n"
    "  -t, --to ENDPOINT   where to (-)\n"
    "  -n, --count N       messages, repetitions included (0: no end)\n"
    "  --seconds S         stop after so long\n"
    "  --rate N            messages a second, evenly (0: as fast as it goes)\n"
    "  -c FILE             the configuration, for the broker\n"
    "who there is:\n"
    "  --seed N            what it is all made from (1)\n"
    "  --tenants N         (4)    --users N      customers (1200)\n"
    "  --operators N       of each tenant (20)\n"
    "  --chats N           (5000) --active N     at a time (a tenth)\n"
    "  --ids KIND          mixed, number, uuid\n"
    "  --prefix TEXT       of chats and numbers of messages\n"
    "message time:\n"
    "  --start TIME        the first (2026-11-20T10:00:00Z)\n"
    "  --gap MS            the mean between two messages (20)\n"
    "how many, to a million messages:\n"
    "  --views N (200000)  --events N (50000)  --duplicates N (10000)\n"
    "  --latecomers N (5000)  --late N (100), older than 24h\n"
    "how records look:\n"
    "  --shuffle           keys in any order    --spaces   behind : and ,\n"
    "  --extra             fields that nobody knows\n";

static int
take_ids(void *to, char *text)
{
	struct world_options *w = to;
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
take_prefix(void *to, char *text)
{
	*(const char **)to = text;
	return strlen(text) <= 16 ? 0 : -1;
}

/* What depends on other options. */
static int
complete(struct options *o)
{
	if (o->story.active == 0)
		o->story.active = (o->world.chats + 9) / 10;
	if (o->story.active > o->world.chats)
		o->story.active = o->world.chats;
	if (o->world.users < o->world.tenants)
		return prog_usage_error("fewer users than tenants");
	if (o->count == 0 && o->seconds_ms == 0 &&
	    strncmp(o->to, "queue:", 6) == 0)
		return prog_usage_error("a queue wants --count or --seconds");
	return -1;
}

int
options_read(struct options *o, int argc, char **argv)
{
	struct world_options *w = &o->world;
	struct story_options *s = &o->story;
	const struct option_row rows[] = {
		OPTION("to", TEXT, &o->to),
		OPTION("t", TEXT, &o->to),
		OPTION("c", TEXT, &o->conf),
		OPTION_RANGE("count", &o->count, 0, INT64_MAX),
		OPTION_RANGE("n", &o->count, 0, INT64_MAX),
		OPTION("seconds", DURATION, &o->seconds_ms),
		OPTION_RANGE("rate", &o->rate, 0, 100000000),
		OPTION_RANGE("seed", &w->seed, 0, INT64_MAX),
		OPTION_COUNT("tenants", &w->tenants, 1, 1000),
		OPTION_COUNT("users", &w->users, 1, 10000000),
		OPTION_COUNT("operators", &w->operators, 1, 10000),
		OPTION_COUNT("chats", &w->chats, 1, 50000000),
		OPTION_BY("ids", w, take_ids),
		OPTION_BY("prefix", &w->prefix, take_prefix),
		OPTION("start", TIME, &s->start_ms),
		OPTION_COUNT("active", &s->active, 1, 50000000),
		OPTION_COUNT("gap", &s->gap_ms, 1, 3600000),
		OPTION_COUNT("views", &s->views, 0, 1000000),
		OPTION_COUNT("events", &s->events, 0, 1000000),
		OPTION_COUNT("duplicates", &s->duplicates, 0, 1000000),
		OPTION_COUNT("latecomers", &s->latecomers, 0, 1000000),
		OPTION_COUNT("late", &s->late, 0, 1000000),
		OPTION("shuffle", FLAG, &o->style.shuffle),
		OPTION("spaces", FLAG, &o->style.spaces),
		OPTION("extra", FLAG, &o->style.extra),
	};
	int code;

	*o = (struct options){
		.world = { .seed = 1,
		    .tenants = 4,
		    .users = 1200,
		    .operators = 20,
		    .chats = 5000,
		    .prefix = "" },
		.story = { .start_ms = 1795168800000, /* 2026-11-20T10:00Z */
		    .gap_ms = 20,
		    .views = 200000,
		    .events = 50000,
		    .duplicates = 10000,
		    .latecomers = 5000,
		    .late = 100 },
		.to = "-",
	};
	if (option_is_help(argc, argv))
		return prog_help(usage);
	code = option_rows_read(rows, ARRAY_LEN(rows), argc, argv);
	o->style.dice.state = o->world.seed + 7;
	return code >= 0 ? code : complete(o);
}
