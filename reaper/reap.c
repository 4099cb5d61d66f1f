/*
 * reap: see reap.h.
 */
#include "reaper/reap.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/stage.h"
#include "common/stop.h"
#include "reaper/age.h"
#include "reaper/closed.h"
#include "reaper/retention.h"

#define BATCH_MS 1000
#define AGE_EVERY_MS (INT64_C(3600) * 1000)

/* What the stage's functions are given. */
struct run {
	struct closed closed; /* first: its functions take it for their own */
	const struct reap *reap;
	int64_t aged_at;     /* monotonic */
	enum exit_code aged; /* logged already */
};

static enum exit_code
age(struct run *r)
{
	const struct conf *conf = r->reap->conf;
	int64_t keep_ms = conf_int(conf, "reaper", "retention");
	enum exit_code code;
	uint64_t deleted;

	r->aged_at = clock_mono_ms();
	code = age_run(
	    r->reap->db, conf_int(conf, "reaper", "tombstones"), &deleted);
	if (code == PROG_OK && keep_ms > 0)
		code = retention_run(r->reap, keep_ms, false);
	return code;
}

/* A reaper that waits at a queue for days ages things in between. */
static void
idle(void *ctx)
{
	struct run *r = ctx;

	if (clock_mono_ms() - r->aged_at > AGE_EVERY_MS)
		r->aged = age(r);
}

enum exit_code
reap_print(struct buf *text)
{
	bool ok = fwrite(buf_str(text), 1, text->len, stdout) == text->len &&
		  fflush(stdout) == 0;

	buf_clear(text);
	if (ok || errno == EPIPE)
		return PROG_OK;
	log_error("cannot write to standard output: %s", log_errno(errno));
	return PROG_IO;
}

static enum exit_code
show(const struct reap *r, struct closed *c)
{
	enum out_format f = out_format_resolve(r->format);
	struct buf text = BUF_INIT;
	enum exit_code code = PROG_OK;

	if (r->dry_run && f == OUT_NDJSON)
		buf_add(&text, buf_str(&c->would_go), c->would_go.len);
	else if (r->dry_run)
		out_table_show(&c->would_table, f, &text);
	else if (r->format != OUT_AUTO || f == OUT_TABLE)
		tally_show(&c->tally, f, &text);
	else
		tally_log(&c->tally);
	if (text.len > 0)
		code = reap_print(&text);
	buf_release(&text);
	return code;
}

enum exit_code
reap_open_archive(const struct reap *r, struct archive **a)
{
	const char *path = conf_text(r->conf, "reaper", "archive");
	struct buf why = BUF_INIT;
	enum exit_code code = PROG_OK;

	if (path == NULL || r->dry_run)
		return PROG_OK;
	*a = archive_open(path, &why, &code);
	if (*a != NULL)
		code = PROG_OK;
	else
		log_error("%s", buf_str(&why));
	buf_release(&why);
	return code;
}

static void
set_up(struct run *r, struct stage *s)
{
	const struct conf *conf = r->reap->conf;
	struct closed *c = &r->closed;

	c->stage = s;
	c->db = r->reap->db;
	c->all = conf_text(conf, "reaper", "on_close")[0] == 'a';
	c->force = r->reap->force;
	c->dry_run = r->reap->dry_run;
	c->endless = endpoint_is_queue(r->reap->from);
	c->patient = s->patient;
	c->percent = conf_int(conf, "reaper", "gone_percent");
	c->least = conf_int(conf, "reaper", "gone_least");
	s->ctx = r;
	s->batch_records = CLOSED_BATCH;
	s->batch_ms = BATCH_MS;
	s->handle = closed_handle;
	s->flush = closed_flush;
	s->idle = idle;
}

/* The input is open. What the CRM said of gone chats counts only when all of
 * it was heard. */
static enum exit_code
work(struct run *r, struct stage *s)
{
	enum exit_code code = stage_run(s), late;

	if (code == PROG_OK || code == PROG_DATA) {
		if (closed_finish(&r->closed, s->ended) != OUTCOME_DONE)
			code = s->code;
		else if (code == PROG_OK && r->closed.refused && !s->patient)
			code = PROG_DATA;
	}
	if (deadletter_flush(s->dead) != OUTCOME_DONE && code == PROG_OK)
		code = s->dead->code;
	if (code == PROG_OK)
		code = deadletter_code(s->dead);
	if ((code == PROG_OK || code == PROG_DATA) && !r->reap->dry_run &&
	    !stop_asked()) {
		late = age(r);
		code = code != PROG_OK ? code : late;
	}
	late = show(r->reap, &r->closed);
	return code != PROG_OK ? code : late;
}

enum exit_code
reap_run(const struct reap *reap)
{
	struct run r = { .reap = reap, .aged_at = clock_mono_ms() };
	struct deadletter dead = { .count = 0 };
	struct stage s = { .dead = &dead };
	struct endpoint_options opt = { .conf = reap->conf,
		.until_empty = reap->until_empty };
	struct buf why = BUF_INIT;
	enum exit_code code;

	s.patient = opt.patient =
	    endpoint_is_queue(reap->from) && !reap->until_empty;
	if (s.patient)
		log_stamp(true);
	closed_init(&r.closed);
	code = reap_open_archive(reap, &r.closed.archive);
	if (code != PROG_OK)
		goto out;
	s.in = endpoint_open_read(reap->from, &opt, &why, &code);
	if (s.in == NULL) {
		log_error("%s", buf_str(&why));
		goto out;
	}
	deadletter_open(&dead, s.in, &opt);
	set_up(&r, &s);
	if (!endpoint_is_queue(reap->from) && isatty(STDIN_FILENO) &&
	    reap->from[0] == '-')
		log_info("reading", "from=\"standard input\"");
	code = work(&r, &s);
	deadletter_close(&dead);
	endpoint_close(s.in);
out:
	archive_close(r.closed.archive);
	closed_release(&r.closed);
	buf_release(&why);
	return code;
}
