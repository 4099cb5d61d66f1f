/*
 * reap: see modes.h.
 */
#include "reaper/modes.h"

#include <string.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/db/db.h"
#include "common/os/stop.h"
#include "common/stage/stage.h"
#include "reaper/close/close.h"

#define BATCH_MS 1000

static const struct option_row rows[] = {
	OPTION_TAKE('f', "from", "FROM", struct reaper, from, endpoint_take,
	    "where chat records come from: -, a file, queue:NAME"),
	OPTION_FORMAT(struct reaper, format),
	OPTION_TEXT(0, "archive", "FILE", struct reaper, archive,
	    "first append deleted rows to this file"),
	REAPER_DRY_RUN,
	OPTION_FLAG("force", struct reaper, force,
	    "delete even if very many chats are gone at once"),
};

/* Shows the chats that would be deleted. */
static enum exit_code
show_dry_run(const struct reaper *r, const struct answers *answers)
{
	static const struct output_column columns[] = {
		{ "tenant", OUTPUT_TEXT },
		{ "chat", OUTPUT_TEXT },
		{ "status", OUTPUT_TEXT },
		{ "at", OUTPUT_TEXT },
	};
	struct buf records = BUF_INIT, text = BUF_INIT;
	enum exit_code code;
	size_t i;

	for (i = 0; i < answers->n; i++) {
		if (!answer_deletes(&answers->list[i]))
			continue;
		answer_write(&records, &answers->list[i]);
		buf_addc(&records, '\n');
	}
	output_records(columns, ARRAY_LEN(columns),
	    output_format_resolve(r->format), &records, &text);
	code = reaper_print(&text);
	buf_release(&records);
	buf_release(&text);
	return code;
}

static void
add_tenants(struct counts *to, const struct strmap *tenants)
{
	const struct close_counts *n;
	struct strmap_entry *e;
	size_t i = 0;

	while ((e = strmap_next(tenants, &i)) != NULL) {
		n = e->value;
		counts_add(to, e->key,
		    (const uint64_t[]){ n->open, n->closed, n->gone, n->deleted,
			n->newer, n->refused });
	}
}

static enum exit_code
show_summary(const struct reaper *r, struct close_run *c)
{
	static const struct output_column columns[] = {
		{ "tenant", OUTPUT_TEXT },
		{ "open", OUTPUT_NUMBER },
		{ "closed", OUTPUT_NUMBER },
		{ "gone", OUTPUT_NUMBER },
		{ "deleted", OUTPUT_NUMBER },
		{ "newer", OUTPUT_NUMBER },
		{ "refused", OUTPUT_NUMBER },
	};
	struct counts counts;
	enum exit_code code;

	if (r->dry_run)
		return show_dry_run(r, &c->answers);
	counts_init(&counts, r, "reaped", NULL, columns, ARRAY_LEN(columns));
	add_tenants(&counts, &c->counts);
	code = counts_print(&counts);
	counts_release(&counts);
	return code;
}

static void
init_stage(const struct reaper *r, struct close_run *c, struct stage *s)
{
	const struct conf *conf = r->common.conf;

	c->stage = s;
	c->db = r->db;
	c->all = conf_text(conf, "reaper", "on_close")[0] == 'a';
	c->force = r->force;
	c->dry_run = r->dry_run;
	c->from_queue = endpoint_is_queue(r->from);
	c->percent = conf_int(conf, "reaper", "gone_percent");
	c->least = conf_int(conf, "reaper", "gone_least");
	if (strcmp(conf_text(conf, "aggregator", "clock"), "system") == 0) {
		c->ahead_ms = conf_int(conf, "aggregator", "ahead");
		/* A rejected answer would not be requested again soon. */
		if (c->ahead_ms < DAY_MS)
			c->ahead_ms = DAY_MS;
	}
	s->ctx = c;
	s->batch_records = CLOSE_BATCH;
	s->batch_ms = BATCH_MS;
	s->handle = close_handle;
	s->flush = close_flush;
}

/* Reads the open input. Chats that are gone are deleted only if the whole
 * input was read. */
static enum exit_code
read_and_delete(const struct reaper *r, struct close_run *c, struct stage *s)
{
	enum exit_code code = stage_run(s), late;
	enum outcome o;

	if (code == PROG_OK || code == PROG_DATA) {
		o = close_finish(c, s->ended);
		if (o != OUTCOME_DONE)
			code = stage_refusal(o, s->code);
		else if (code == PROG_OK && c->refused)
			code = PROG_DATA;
	}
	if (deadletter_flush(s->dead) != OUTCOME_DONE && code == PROG_OK)
		code = s->dead->code;
	if (code == PROG_OK)
		code = deadletter_code(s->dead);
	if ((code == PROG_OK || code == PROG_DATA) && !r->dry_run &&
	    !stop_asked()) {
		late = age_expire(r);
		code = code != PROG_OK ? code : late;
	}
	late = show_summary(r, c);
	return code != PROG_OK ? code : late;
}

static enum exit_code
reap_input(const struct reaper *r)
{
	struct close_run c;
	struct deadletter dead = { .count = 0 };
	struct stage s = { .dead = &dead, .dry_run = r->dry_run };
	struct endpoint_options opt = { .conf = r->common.conf,
		.until_empty = true };
	struct buf why = BUF_INIT;
	enum exit_code code;

	if (r->dry_run) /* nothing is acknowledged */
		opt.prefetch = ENDPOINT_NO_PREFETCH_LIMIT;
	close_init(&c);
	code = reaper_open_archive(r, &c.archive);
	if (code != PROG_OK)
		goto out;
	s.in = endpoint_open_read(r->from, &opt, &why, &code);
	if (s.in == NULL) {
		log_error("%s", buf_str(&why));
		goto out;
	}
	if (!r->dry_run)
		deadletter_open(&dead, s.in, &opt);
	init_stage(r, &c, &s);
	code = read_and_delete(r, &c, &s);
	deadletter_close(&dead);
	endpoint_close(s.in);
out:
	append_file_close(&c.archive);
	close_release(&c);
	buf_release(&why);
	return code;
}

static enum exit_code
run_reap(void *options)
{
	return reaper_with_db(options, reap_input);
}

const struct option_mode reaper_mode_reap = {
	.title = "deleting closed chats",
	.about = "Deletes the data of chats that are closed or gone. Reads "
		 "chat records:\n"
		 "  reaper --list | poller --status | reaper\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.run = run_reap,
};
