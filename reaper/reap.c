/*
 * reap: see reap.h.
 */
#include "reaper/reap.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/stop.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/endpoint/stage.h"
#include "common/os/daemon.h"
#include "reaper/closed.h"
#include "reaper/expiry.h"
#include "reaper/retention.h"

#define BATCH_MS 1000
#define EXPIRY_EVERY_MS HOUR_MS

/* What the stage's functions are given. */
struct run {
	struct closed closed; /* first: its functions take it for their own */
	const struct reap *reap;
	int64_t aged_at;     /* monotonic */
	enum exit_code aged; /* logged already */
};

static const struct option_row rows[] = {
	OPTION_TEXT('f', "from", "FROM", struct reap, from,
	    "where chat records come from: -, a file, queue:NAME"),
	OPTION_FORMAT(struct reap, format),
	REAPER_ARCHIVE,
	REAPER_DRY_RUN,
	OPTION_FLAG("force", struct reap, force,
	    "delete although very many chats are gone at once"),
	OPTION_FLAG("until-empty", struct reap, until_empty,
	    "with a queue: end when it is empty"),
};

static enum exit_code
age(struct run *r)
{
	const struct conf *conf = r->reap->common.conf;
	int64_t keep_ms = conf_int(conf, "reaper", "retention");
	enum exit_code code;
	uint64_t deleted;

	r->aged_at = clock_mono_ms();
	code = expiry_run(
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

	if (clock_mono_ms() - r->aged_at > EXPIRY_EVERY_MS)
		r->aged = age(r);
}

/* Options stand above the file. */
static int
set_keys(const struct reap *r, struct buf *why)
{
	const struct {
		const char *key, *value;
	} keys[] = {
		{ "archive", r->archive },
		{ "retention", r->retention },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(keys); i++)
		if (keys[i].value != NULL &&
		    conf_set(r->common.conf, "reaper", keys[i].key,
			keys[i].value, why) == -1)
			return prog_usage_error(
			    "--%s: %s", keys[i].key, buf_str(why));
	return -1;
}

enum exit_code
reap_with_db(struct reap *r, enum exit_code (*work)(const struct reap *r))
{
	struct buf why = BUF_INIT;
	enum exit_code code = PROG_USAGE;

	if (set_keys(r, &why) == -1) {
		r->db = db_open(r->common.conf, &why, &code);
		if (r->db == NULL)
			log_error("%s", buf_str(&why));
		else
			code = r->common.only_check ? PROG_OK : work(r);
		db_close(r->db);
	}
	buf_release(&why);
	return code;
}

enum exit_code
reap_print(struct buf *text)
{
	bool ok = fwrite(buf_str(text), 1, text->len, stdout) == text->len &&
		  fflush(stdout) == 0;
	struct buf why = BUF_INIT;
	enum exit_code code;

	buf_clear(text);
	if (ok || errno == EPIPE)
		return PROG_OK;
	code = syserr_explain(&why, PROG_IO, "cannot write standard output");
	log_error("%s", buf_str(&why));
	buf_release(&why);
	return code;
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
		run_summary_show(&c->tally, f, &text);
	else
		run_summary_log(&c->tally);
	if (text.len > 0)
		code = reap_print(&text);
	buf_release(&text);
	return code;
}

enum exit_code
reap_open_archive(const struct reap *r, struct archive **a)
{
	const char *path = conf_text(r->common.conf, "reaper", "archive");
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
	const struct conf *conf = r->reap->common.conf;
	struct closed *c = &r->closed;

	c->stage = s;
	c->db = r->reap->db;
	c->all = conf_text(conf, "reaper", "on_close")[0] == 'a';
	c->force = r->reap->force;
	c->dry_run = r->reap->dry_run;
	c->endless = endpoint_is_queue(r->reap->from);
	c->wait_forever = s->wait_forever;
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
		else if (code == PROG_OK && r->closed.refused &&
			 !s->wait_forever)
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

static enum exit_code
reap(const struct reap *asked)
{
	struct run r = { .reap = asked, .aged_at = clock_mono_ms() };
	struct deadletter dead = { .count = 0 };
	struct stage s = { .dead = &dead };
	struct endpoint_options opt = { .conf = asked->common.conf,
		.until_empty = asked->until_empty };
	struct buf why = BUF_INIT;
	enum exit_code code;

	s.wait_forever = opt.wait_forever =
	    endpoint_is_queue(asked->from) && !asked->until_empty;
	if (s.wait_forever)
		daemon_init();
	closed_init(&r.closed);
	code = reap_open_archive(asked, &r.closed.archive);
	if (code != PROG_OK)
		goto out;
	s.in = endpoint_open_read(asked->from, &opt, &why, &code);
	if (s.in == NULL) {
		log_error("%s", buf_str(&why));
		goto out;
	}
	deadletter_open(&dead, s.in, &opt);
	set_up(&r, &s);
	code = work(&r, &s);
	deadletter_close(&dead);
	endpoint_close(s.in);
out:
	archive_close(r.closed.archive);
	closed_release(&r.closed);
	buf_release(&why);
	return code;
}

static int
check(void *options)
{
	struct reap *r = options;

	if (r->from == NULL)
		r->from = "-";
	if (r->until_empty && !endpoint_is_queue(r->from))
		return prog_usage_error("--until-empty is for -f queue:NAME");
	return -1;
}

static enum exit_code
run(void *options)
{
	return reap_with_db(options, reap);
}

const struct option_mode reaper_mode_reap = {
	.title = "deleting closed chats",
	.about = "Deletes what belongs to chats that are closed or gone. Reads "
		 "chat records:\n"
		 "  reaper --list | poller --status | reaper\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.check = check,
	.run = run,
};
