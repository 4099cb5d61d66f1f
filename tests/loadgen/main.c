/*
 * load: a generator of streams for benchmarks and long tests; `load -h`
 * describes its output. The same seed and options give the same bytes,
 * however fast they are read.
 *
 * With --rate, the time of each message is fixed from the start: after a delay,
 * the generator catches up without drift. It reports its results as one line of
 * JSON on standard error.
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/conf/conf.h"
#include "common/endpoint/endpoint.h"
#include "common/os/stop.h"
#include "tests/loadgen/options.h"

struct load {
	struct options o;
	struct conf *conf;
	struct endpoint *out;
	struct story story;
	bool failed;
	uint64_t bytes, records; /* written */
	int64_t began_ms;
	int64_t behind_ms; /* the greatest delay behind --rate */
};

static void
take_line(void *ctx, const char *line, size_t len)
{
	struct load *l = ctx;

	if (!l->failed && endpoint_write(l->out, line, len) != 0) {
		log_error("%s", endpoint_why(l->out));
		l->failed = true;
	}
	l->bytes += len + 1;
	l->records++;
}

/* How many messages should have been written by now. */
static int64_t
due(const struct load *l)
{
	int64_t ms = clock_mono_ms() - l->began_ms;

	return l->o.rate == 0 ? INT64_MAX : ms * l->o.rate / 1000;
}

static bool
time_is_up(const struct load *l)
{
	return l->failed || stop_asked() ||
	       (l->o.seconds_ms > 0 &&
		   clock_mono_ms() - l->began_ms >= l->o.seconds_ms);
}

static void
nap(void)
{
	const struct timespec ms = { 0, 500000 };

	nanosleep(&ms, NULL);
}

/* Waits until message n + 1 is due. False if the time is up. */
static bool
wait_for(struct load *l, int64_t n)
{
	int64_t late;

	if (l->o.rate == 0)
		return n % 256 != 0 || !time_is_up(l);
	while (due(l) <= n) {
		if (time_is_up(l))
			return false;
		endpoint_pump(l->out);
		nap();
	}
	late = (due(l) - n) * 1000 / l->o.rate;
	if (late > l->behind_ms)
		l->behind_ms = late;
	return n % 256 != 0 || !time_is_up(l);
}

static void
tell_story(struct load *l)
{
	struct story *s = &l->story;
	uint64_t end = l->o.count > 0 ? (uint64_t)l->o.count : UINT64_MAX;

	story_begin(s);
	while (s->written + story_waiting(s) < end &&
	       wait_for(l, (int64_t)s->written))
		story_step(s);
	while (story_waiting(s) > 0 || s->delayed.n > 0) {
		if (s->written < end && !time_is_up(l))
			(void)wait_for(l, (int64_t)s->written);
		if (!story_drain(s))
			break;
	}
}

static int
finish(struct load *l)
{
	const struct story_totals *t = &l->story.totals;
	enum outcome o = OUTCOME_LATER;
	int64_t ms;

	while (!l->failed && o == OUTCOME_LATER) {
		o = endpoint_flush(l->out);
		l->failed =
		    o == OUTCOME_NEVER || (o == OUTCOME_LATER && stop_asked());
		if (l->failed)
			log_error("%s", endpoint_why(l->out));
	}
	ms = clock_mono_ms() - l->began_ms;
	fprintf(stderr,
	    "{\"records\":%" PRIu64 ",\"written\":%" PRIu64
	    ",\"messages\":%" PRIu64 ",\"counted\":%" PRIu64
	    ",\"duplicates\":%" PRIu64 ",\"read\":%" PRIu64
	    ",\"bytes\":%" PRIu64 ",\"seconds\":%.3f,\"behind_ms\":%" PRId64
	    "}\n",
	    l->records, l->story.written, t->messages, t->counted,
	    t->duplicates, t->read, l->bytes, (double)ms / 1000, l->behind_ms);
	if (l->failed && endpoint_code(l->out) != PROG_OK)
		return (int)endpoint_code(l->out);
	if (l->failed)
		return PROG_IO;
	return PROG_OK;
}

static int
run(struct load *l)
{
	struct buf why = BUF_INIT;
	struct endpoint_options opt = { .wait_forever = true };
	enum exit_code code;
	int rc;

	l->conf = conf_load(l->o.conf, &why);
	opt.conf = l->conf;
	if (l->conf != NULL)
		l->out = endpoint_open_write(l->o.to, &opt, &why, &code);
	else
		code = PROG_CONFIG;
	if (l->out == NULL) {
		log_error("%s", buf_str(&why));
		buf_release(&why);
		conf_free(l->conf);
		return (int)code;
	}
	l->began_ms = clock_mono_ms();
	tell_story(l);
	rc = finish(l);
	endpoint_close(l->out);
	conf_free(l->conf);
	return rc;
}

int
main(int argc, char **argv)
{
	static struct load l;
	int rc;

	prog_init(argv[0]);
	stop_init();
	rc = options_read(&l.o, argc, argv);
	if (rc >= 0)
		return rc;
	story_init(&l.story, &l.o.style, &l.o.world, &l.o.story);
	l.story.write = take_line;
	l.story.ctx = &l;
	rc = run(&l);
	story_release(&l.story);
	return rc;
}
