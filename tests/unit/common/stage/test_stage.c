/*
 * Tests of common/stage/stage: what is acknowledged when, and how a run ends.
 *
 * Input, handler and flush follow scripts with one letter per call; what
 * happens is written down with one letter each:
 *   h handled  f flushed  c, C confirmed, waiting  p input pumped
 *   w dead letter written  d dead letters flushed  u outputs pumped  i idle
 *   A2 acknowledged up to the second line
 */
#include "tests/unit/tmpdir.h"

#include "common/base/buf.h"
#include "common/endpoint/endpoint_impl.h"
#include "common/os/stop.h"
#include "common/stage/stage.h"

struct play {
	struct endpoint base;    /* first member: the stage uses it as an
				  * endpoint */
	struct endpoint letters; /* where dead letters go, if it has ops */
	const char *input, *handle, *flush, *confirm, *letters_flush;
	unsigned lines; /* that were read */
	char line[80];
	struct buf events;
	struct stage stage;
};

static struct play *
play(struct endpoint *e)
{
	return (struct play *)(void *)e;
}

/* r record, t too long, w nothing now, s the same after SIGTERM; then the
 * ends: E end, e empty, c cut, x failed. */
static enum endpoint_status
fake_read(
    struct endpoint *e, bool blocks, char **line, size_t *len, int timeout_ms)
{
	struct play *p = play(e);

	assert_false(blocks);
	assert_true(timeout_ms >= 0);
	*line = p->line;
	*len = 5;
	memcpy(p->line, "hello", 6);
	switch (*p->input != '\0' ? *p->input++ : 'E') {
	case 'r':
		p->lines++;
		return ENDPOINT_RECORD;
	case 't':
		p->lines++;
		return ENDPOINT_TOOLONG;
	case 's':
		stop_set(true);
		return ENDPOINT_WAIT;
	case 'w':
		return ENDPOINT_WAIT;
	case 'e':
		return ENDPOINT_EMPTY;
	case 'c':
		return ENDPOINT_CUT;
	case 'x':
		e->code = PROG_IO;
		buf_setf(&e->why, "the disk is gone");
		return ENDPOINT_FAILED;
	default:
		return ENDPOINT_END;
	}
}

static struct endpoint_mark
fake_mark(const struct endpoint *e)
{
	const struct play *p = (const struct play *)(const void *)e;

	return (struct endpoint_mark){ .tag = p->lines };
}

static void
fake_ack_to(struct endpoint *e, const struct endpoint_mark *mark)
{
	buf_addf(&play(e)->events, "A%u", (unsigned)mark->tag);
}

static void
fake_pump(struct endpoint *e)
{
	buf_addc(&play(e)->events, 'p');
}

static void
fake_where(const struct endpoint *e, uint64_t behind, struct buf *where)
{
	(void)behind;
	(void)e;
	buf_adds(where, "line 7");
}

static const struct endpoint_ops fake_ops = {
	.read = fake_read,
	.mark = fake_mark,
	.ack_to = fake_ack_to,
	.pump = fake_pump,
	.where = fake_where,
};

/* d done, z the same after half a second, l later, n never, S: later, and
 * SIGTERM comes; done at the end. */
static enum outcome
answer(struct play *p, const char **script)
{
	switch (**script != '\0' ? *(*script)++ : 'd') {
	case 'z':
		(void)stop_sleep(500);
		return OUTCOME_DONE;
	case 'l':
		return OUTCOME_LATER;
	case 'S':
		stop_set(true);
		return OUTCOME_LATER;
	case 'n':
		p->stage.code = PROG_NOPERM;
		return OUTCOME_NEVER;
	case 'N':
		return OUTCOME_NEVER;
	default:
		return OUTCOME_DONE;
	}
}

static struct play *
play_of_letters(struct endpoint *e)
{
	return (
	    struct play *)(void *)((char *)e - offsetof(struct play, letters));
}

static int
write_letter(struct endpoint *e, const char *line, size_t len)
{
	(void)line;
	(void)len;
	buf_addc(&play_of_letters(e)->events, 'w');
	return 0;
}

static enum outcome
flush_letters(struct endpoint *e)
{
	struct play *p = play_of_letters(e);

	buf_addc(&p->events, 'd');
	e->code = PROG_IO;
	return answer(p, &p->letters_flush);
}

static void
close_letters(struct endpoint *e)
{
	(void)e;
}

static const struct endpoint_ops letters_ops = {
	.write = write_letter,
	.flush = flush_letters,
	.close = close_letters,
};

static enum outcome
handle(void *ctx, char *line, size_t len)
{
	struct play *p = ctx;

	assert_int_equal(len, 5);
	assert_string_equal(line, "hello");
	buf_addc(&p->events, 'h');
	return answer(p, &p->handle);
}

static enum outcome
flush(void *ctx)
{
	struct play *p = ctx;

	buf_addc(&p->events, 'f');
	return answer(p, &p->flush);
}

static enum outcome
confirm(void *ctx, bool wait)
{
	struct play *p = ctx;

	buf_addc(&p->events, wait ? 'C' : 'c');
	return answer(p, &p->confirm);
}

static void
idle(void *ctx)
{
	struct play *p = ctx;

	buf_addc(&p->events, 'i');
}

static void
pump(void *ctx)
{
	struct play *p = ctx;

	buf_addc(&p->events, 'u');
}

static const struct {
	const char *name;
	const char *input, *handle, *flush;
	bool wait_forever;
	size_t batch;
	const char *events;
	enum exit_code code;
	bool ended;
	const char *says; /* on stderr; NULL: nothing */
} cases[] = {
	{ "an empty input is flushed all the same", "E", "", "", false, 9,
	    "fA0", PROG_OK, true, NULL },
	{ "acknowledged after the flush", "rrE", "", "", false, 9, "hhfA2",
	    PROG_OK, true, NULL },
	{ "a full batch", "rrrE", "", "", false, 2, "hhfA2hfA3", PROG_OK, true,
	    NULL },
	{ "a pause of the input ends a batch", "rwrE", "", "", false, 9,
	    "hfA1hfA2", PROG_OK, true, NULL },
	{ "an empty queue", "rre", "", "", false, 9, "hhfA2", PROG_OK, true,
	    NULL },
	{ "waiting, the others are looked after", "wwrE", "", "", false, 9,
	    "A0piA0pihfA1", PROG_OK, true, NULL },
	{ "in a long batch, too", "rrrE", "z", "", false, 9, "hphhfA3", PROG_OK,
	    true, NULL },
	{ "a cut input", "rrc", "", "", false, 9, "hhfA2", PROG_DATA, false,
	    "the input '-' ends inside line 7" },
	{ "an input that fails", "rx", "", "", false, 9, "hfA1", PROG_IO, false,
	    "the disk is gone" },
	{ "a line that is too long by hand", "rtrE", "", "", false, 9, "hhfA3",
	    PROG_DATA, true, "line 7: the line is too long" },
	{ "SIGTERM: what is in hand is finished", "rrs", "", "", false, 9,
	    "hhfA2", PROG_OK, false, NULL },
	{ "flush later: not acknowledged", "rrE", "", "l", false, 9, "hhf",
	    PROG_TEMPFAIL, false, NULL },
	{ "flush later, patient: again", "rrE", "", "ll", true, 9,
	    "hhfpifpifA2", PROG_OK, true, NULL },
	{ "flush never", "rrE", "", "n", true, 9, "hhf", PROG_NOPERM, false,
	    NULL },
	{ "flush never, and no code is a bug", "rrE", "", "N", true, 9, "hhf",
	    PROG_SOFTWARE, false, NULL },
	{ "handle later: stops", "rrE", "dl", "", false, 9, "hh", PROG_TEMPFAIL,
	    false, NULL },
	{ "handle later, patient: stops, too", "rrE", "dl", "", true, 9, "hh",
	    PROG_TEMPFAIL, false, NULL },
	{ "handle never", "rrrE", "dn", "", true, 9, "hh", PROG_NOPERM, false,
	    NULL },
	{ "SIGTERM while flush is tried again", "rrE", "", "lS", true, 9,
	    "hhfpif", PROG_OK, false, NULL },
};

/* Runs p->stage after setting its ends and common callbacks; p->events lists
 * what was done. */
static enum exit_code
run_play(struct play *p)
{
	struct endpoint_options opt = { 0 };
	struct deadletter dead;
	enum exit_code code;

	p->base.ops = &fake_ops;
	p->base.name = xstrdup("-");
	deadletter_open(&dead, &p->base, &opt);
	if (p->letters.ops != NULL) {
		dead.to = xstrdup("queue:dead");
		dead.out = &p->letters;
	}
	p->stage.in = &p->base;
	p->stage.dead = &dead;
	p->stage.ctx = p;
	p->stage.batch_ms = 1000;
	p->stage.handle = handle;
	p->stage.flush = flush;
	code = stage_run(&p->stage);
	stop_set(false);
	deadletter_close(&dead);
	free(p->base.name);
	return code;
}

static void
run_case(size_t i)
{
	struct play p = { .input = cases[i].input,
		.handle = cases[i].handle,
		.flush = cases[i].flush,
		.stage = { .batch_records = cases[i].batch,
		    .wait_forever = cases[i].wait_forever,
		    .idle = idle } };
	enum exit_code code;
	char said[4096];
	int saved;

	saved = tmpdir_catch_stderr();
	code = run_play(&p);
	tmpdir_stderr(saved, said, sizeof said);
	buf_addc(&p.events, '\0');
	if (strcmp(p.events.data, cases[i].events) != 0)
		fail_msg("%s: got %s, want %s", cases[i].name, p.events.data,
		    cases[i].events);
	if (code != cases[i].code || p.stage.ended != cases[i].ended)
		fail_msg("%s: ends with %d, ended %d", cases[i].name, (int)code,
		    p.stage.ended);
	if (cases[i].says == NULL ? said[0] != '\0'
				  : strstr(said, cases[i].says) == NULL)
		fail_msg("%s: says %s", cases[i].name, said);
	buf_release(&p.events);
	buf_release(&p.base.why);
	buf_release(&p.base.where);
}

static void
acknowledges_last(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++)
		run_case(i);
}

/* A flush is acknowledged when it is confirmed: before the next flush unless
 * they overlap, and before the end. */
static void
reads_on_until_confirmed(void **state)
{
	static const struct {
		const char *input, *handle, *confirm, *events;
		enum exit_code code;
		bool overlaps;
	} runs[] = {
		{ "rwrE", "", "d", "hfcA1hfcA2", PROG_OK, false },
		{ "rwrE", "", "lll", "hfcchcCA1fcA2", PROG_OK, false },
		{ "rwwwrE", "", "ll", "hfccCA1hfcA2", PROG_OK, false },
		{ "rwrE", "", "llll", "hfcchcC", PROG_TEMPFAIL, false },
		{ "rwrE", "dn", "ll", "hfcch", PROG_NOPERM, false },
		{ "rwrE", "", "ln", "hfcc", PROG_NOPERM, false },
		{ "rrE", "", "l", "hhfcCA2", PROG_OK, false },
		{ "rrs", "", "l", "hhfcCA2", PROG_OK, false },
		{ "rwrE", "", "llldld", "hfcchcfccA1CA2", PROG_OK, true },
		{ "rwrE", "", "llln", "hfcchcfc", PROG_NOPERM, true },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(runs); i++) {
		struct play p = { .input = runs[i].input,
			.handle = runs[i].handle,
			.flush = "",
			.confirm = runs[i].confirm,
			.stage = { .batch_records = 9,
			    .confirm = confirm,
			    .overlaps = runs[i].overlaps } };

		assert_int_equal(run_play(&p), runs[i].code);
		assert_string_equal(buf_str(&p.events), runs[i].events);
		buf_release(&p.events);
	}
}

/* A bad record is no longer in the input when that is acknowledged, so its dead
 * letter must be safe before. */
static void
flushes_dead_letters_first(void **state)
{
	static const struct {
		const char *input, *letters_flush, *confirm, *events;
		enum exit_code code;
		bool wait_forever, overlaps;
	} runs[] = {
		{ "rtrE", "", "", "hwhfcdA3", PROG_OK, false, false },
		{ "trwrE", "", "lll", "whfcchcCdA2fcdA3", PROG_OK, false,
		    false },
		{ "tE", "ll", "", "wfcdpidpidA1", PROG_OK, true, false },
		{ "tE", "l", "", "wfcd", PROG_TEMPFAIL, false, false },
		{ "trE", "n", "", "whfcd", PROG_IO, true, false },
		{ "twrE", "", "llldld", "wfcchcfccdA1CdA2", PROG_OK, false,
		    true },
	};
	char said[4096];
	int saved;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(runs); i++) {
		struct play p = { .letters = { .ops = &letters_ops },
			.input = runs[i].input,
			.handle = "",
			.flush = "",
			.confirm = runs[i].confirm,
			.letters_flush = runs[i].letters_flush,
			.stage = { .batch_records = 9,
			    .wait_forever = runs[i].wait_forever,
			    .overlaps = runs[i].overlaps,
			    .confirm = confirm,
			    .idle = idle } };

		saved = tmpdir_catch_stderr();
		assert_int_equal(run_play(&p), runs[i].code);
		tmpdir_stderr(saved, said, sizeof said);
		assert_string_equal(buf_str(&p.events), runs[i].events);
		buf_release(&p.events);
		buf_release(&p.base.where);
	}
}

/* Links are served and idle work is done while there is no input, and between
 * the repeats of a flush. */
static void
serves_others_while_it_waits(void **state)
{
	struct play p = { .input = "wrE",
		.handle = "",
		.flush = "l",
		.stage = { .batch_records = 1,
		    .wait_forever = true,
		    .idle = idle,
		    .pump = pump } };

	(void)state;
	(void)run_play(&p);
	assert_string_equal(buf_str(&p.events), "A0puihfpuifA1fA1");
	buf_release(&p.events);
}

/* A dry run leaves everything in the queue, even messages without a line. */
static void
acknowledges_nothing_when_dry(void **state)
{
	static const struct {
		const char *input, *events;
	} runs[] = { { "rrE", "hhf" }, { "rwre", "hfhf" }, { "wre", "phf" } };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(runs); i++) {
		struct play p = { .input = runs[i].input,
			.handle = "",
			.flush = "",
			.stage = { .batch_records = 9, .dry_run = true } };

		assert_int_equal(run_play(&p), PROG_OK);
		assert_string_equal(buf_str(&p.events), runs[i].events);
		buf_release(&p.events);
	}
}

/* A person sees bad records, but a million of them do not flood the
 * terminal. */
static void
letters_by_hand(void **state)
{
	struct endpoint in = { .ops = &fake_ops };
	struct endpoint_options opt = { 0 };
	struct deadletter d;
	char said[8192];
	int saved, i;

	(void)state;
	in.name = xstrdup("day.ndjson");
	deadletter_open(&d, &in, &opt);
	assert_int_equal(deadletter_code(&d), PROG_OK);
	saved = tmpdir_catch_stderr();
	for (i = 0; i < 1000; i++)
		assert_int_equal(
		    deadletter_add(&d, "line 3", "{", 1, "it is not JSON"),
		    OUTCOME_DONE);
	assert_int_equal(deadletter_flush(&d), OUTCOME_DONE);
	assert_int_equal(d.count, 1000);
	assert_int_equal(deadletter_code(&d), PROG_DATA);
	deadletter_close(&d);
	tmpdir_stderr(saved, said, sizeof said);
	assert_non_null(strstr(said, "line 3: it is not JSON\n"));
	assert_non_null(strstr(said, "and 980 more bad records\n"));
	free(in.name);
}

static void
add_letters(struct deadletter *d, int n, const char *where, const char *reason)
{
	for (; n > 0; n--)
		assert_int_equal(
		    deadletter_add(d, where, "{", 1, reason), OUTCOME_DONE);
}

/* A run with dead letters ends with 0, and warns once per cause. */
static void
warns_once_a_cause(void **state)
{
	static const char *const wanted[] = {
		"line 1: it is not JSON; 3 records went to './s.dead'\n",
		"line 4: no such table; 1 record went to './s.dead'\n",
		"line 1: it is not JSON; 2 more records went to './s.dead'\n",
	};
	struct endpoint in = { .ops = &fake_ops, .name = xstrdup("unused") };
	struct endpoint_options opt = { 0 };
	struct deadletter d;
	char said[8192], *at;
	int saved, lines = 0;
	size_t i;

	(void)state;
	deadletter_open(&d, &in, &opt);
	d.to = xstrdup("./s.dead"); /* of a queue it would be one */
	saved = tmpdir_catch_stderr();
	add_letters(&d, 3, "line 1", "it is not JSON");
	assert_int_equal(deadletter_flush(&d), OUTCOME_DONE);
	add_letters(&d, 2, "line 5", "it is not JSON");
	add_letters(&d, 1, "line 4", "no such table");
	assert_int_equal(deadletter_flush(&d), OUTCOME_DONE);
	assert_int_equal(deadletter_code(&d), PROG_OK);
	deadletter_close(&d);
	tmpdir_stderr(saved, said, sizeof said);
	for (i = 0; i < ARRAY_LEN(wanted); i++)
		assert_non_null(strstr(said, wanted[i]));
	for (at = said; (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	assert_int_equal(lines, ARRAY_LEN(wanted));
	free(in.name);
}

int
test_stage(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(acknowledges_last),
		cmocka_unit_test(reads_on_until_confirmed),
		cmocka_unit_test(flushes_dead_letters_first),
		cmocka_unit_test(serves_others_while_it_waits),
		cmocka_unit_test(acknowledges_nothing_when_dry),
		cmocka_unit_test(letters_by_hand),
		cmocka_unit_test(warns_once_a_cause),
	};

	return cmocka_run_group_tests(tests, tmpdir_enter, tmpdir_leave);
}
