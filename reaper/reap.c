/*
 * reap: see modes.h.
 */
#include "reaper/modes.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/db/db.h"
#include "common/os/notify.h"
#include "common/os/stop.h"
#include "common/stage/stage.h"
#include "reaper/close/close.h"

#define BATCH_MS 1000
#define EXPIRY_EVERY_MS HOUR_MS

/* The context of the stage's functions. */
struct reap_run {
	struct close close; /* must be first: its functions get this address */
	const struct reaper *options;
	int64_t expired_at; /* monotonic */
};

static const struct option_row rows[] = {
	OPTION_TAKE('f', "from", "FROM", struct reaper, from,
	    endpoint_take_from,
	    "where chat records come from: -, a file, queue:NAME"),
	OPTION_FORMAT(struct reaper, format),
	REAPER_ARCHIVE,
	REAPER_DRY_RUN,
	OPTION_FLAG("force", struct reaper, force,
	    "delete even if very many chats are gone at once"),
	OPTION_FLAG("until-empty", struct reaper, until_empty,
	    "from a queue: end when it is empty"),
};

static enum exit_code
expire_old_rows(struct reap_run *r)
{
	r->expired_at = clock_mono_ms();
	return age_expire(r->options);
}

/* A reaper that reads a queue runs for days, and also deletes old rows. */
static void
expire_when_due(void *ctx)
{
	struct reap_run *r = ctx;

	if (clock_mono_ms() - r->expired_at > EXPIRY_EVERY_MS && !stop_asked())
		(void)expire_old_rows(r); /* errors are logged */
}

static void
show_chat(struct output_table *to, const struct answer *one)
{
	char at[CLOCK_TEXT];

	clock_format(one->at, at);
	output_table_cell(to, one->tenant);
	output_table_cell(to, one->chat);
	output_table_cell(to, record_status_name(one->status));
	output_table_cell(to, at);
}

/* Shows the chats that would be deleted. */
static enum exit_code
show_dry_run(const struct reaper *r, const struct answers *answers)
{
	static const struct output_column columns[] = {
		{ "tenant", OUTPUT_TEXT },
		{ "chat", OUTPUT_TEXT },
		{ "status", OUTPUT_TEXT },
		{ "asked", OUTPUT_TEXT },
	};
	enum output_format f = output_format_resolve(r->format);
	struct output_table table;
	struct buf text = BUF_INIT;
	enum exit_code code;
	size_t i;

	output_table_init(&table, columns, ARRAY_LEN(columns));
	for (i = 0; i < answers->n; i++) {
		if (!answer_deletes(&answers->list[i]))
			continue;
		show_chat(&table, &answers->list[i]);
		if (f != OUTPUT_NDJSON)
			continue;
		answer_write(&text, &answers->list[i]);
		buf_addc(&text, '\n');
	}
	if (f != OUTPUT_NDJSON)
		output_table_show(&table, f, &text);
	code = reaper_print(&text);
	output_table_release(&table);
	buf_release(&text);
	return code;
}

static void
add_tenants(struct counts *to, const struct summary *summary)
{
	const struct summary_tenant *n;
	struct strmap_entry *e;
	size_t i = 0;

	while ((e = strmap_next(&summary->tenants, &i)) != NULL) {
		n = e->value;
		counts_add(to, e->key,
		    (const uint64_t[]){ n->open, n->closed, n->gone, n->deleted,
			n->newer, n->refused });
	}
}

static enum exit_code
show_summary(const struct reaper *r, struct close *c)
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
	add_tenants(&counts, &c->summary);
	code = counts_print(&counts);
	counts_release(&counts);
	return code;
}

static void
init_stage(struct reap_run *r, struct stage *s)
{
	const struct conf *conf = r->options->common.conf;
	struct close *c = &r->close;

	c->stage = s;
	c->db = r->options->db;
	c->all = conf_text(conf, "reaper", "on_close")[0] == 'a';
	c->force = r->options->force;
	c->dry_run = r->options->dry_run;
	c->from_queue = endpoint_is_queue(r->options->from);
	c->percent = conf_int(conf, "reaper", "gone_percent");
	c->least = conf_int(conf, "reaper", "gone_least");
	if (strcmp(conf_text(conf, "aggregator", "clock"), "system") == 0) {
		c->ahead_ms = conf_int(conf, "aggregator", "ahead");
		/* A rejected answer would not be requested again soon. */
		if (c->ahead_ms < DAY_MS)
			c->ahead_ms = DAY_MS;
	}
	s->ctx = r;
	s->batch_records = CLOSE_BATCH;
	s->batch_ms = BATCH_MS;
	s->handle = close_handle;
	s->flush = close_flush;
	s->pump = r->options->dry_run ? NULL : expire_when_due;
}

/* Reads the open input. Chats that are gone are deleted only if the whole
 * input was read. */
static enum exit_code
read_and_delete(struct reap_run *r, struct stage *s)
{
	enum exit_code code = stage_run(s), late;
	enum outcome o;

	if (code == PROG_OK || code == PROG_DATA) {
		o = close_finish(&r->close, s->ended);
		if (o != OUTCOME_DONE)
			code = stage_refusal(o, s->code);
		else if (code == PROG_OK && r->close.refused &&
			 !s->wait_forever)
			code = PROG_DATA;
	}
	if (deadletter_flush(s->dead) != OUTCOME_DONE && code == PROG_OK)
		code = s->dead->code;
	if (code == PROG_OK)
		code = deadletter_code(s->dead);
	if ((code == PROG_OK || code == PROG_DATA) && !r->options->dry_run &&
	    !stop_asked()) {
		late = expire_old_rows(r);
		code = code != PROG_OK ? code : late;
	}
	late = show_summary(r->options, &r->close);
	return code != PROG_OK ? code : late;
}

static enum exit_code
reap_input(const struct reaper *asked)
{
	struct reap_run r = { .options = asked, .expired_at = clock_mono_ms() };
	struct deadletter dead = { .count = 0 };
	struct stage s = { .dead = &dead };
	bool dry_run = asked->dry_run;
	struct endpoint_options opt = { .conf = asked->common.conf,
		.until_empty = asked->until_empty || dry_run };
	struct buf why = BUF_INIT;
	enum exit_code code;

	s.dry_run = dry_run;
	if (dry_run) /* nothing is acknowledged */
		opt.prefetch = ENDPOINT_NO_PREFETCH_LIMIT;
	s.wait_forever = opt.wait_forever =
	    endpoint_is_queue(asked->from) && !opt.until_empty;
	if (s.wait_forever)
		daemon_init();
	close_init(&r.close);
	code = reaper_open_archive(asked, &r.close.archive);
	if (code != PROG_OK)
		goto out;
	s.in = endpoint_open_read(asked->from, &opt, &why, &code);
	if (s.in == NULL) {
		log_error("%s", buf_str(&why));
		goto out;
	}
	if (!dry_run)
		deadletter_open(&dead, s.in, &opt);
	init_stage(&r, &s);
	if (s.wait_forever)
		s.metrics = daemon_metrics_open(asked->common.conf,
		    endpoint_amqp_name(asked->from), summary_add_metrics,
		    &r.close.summary);
	code = read_and_delete(&r, &s);
	daemon_metrics_close(s.metrics);
	deadletter_close(&dead);
	endpoint_close(s.in);
out:
	append_file_close(&r.close.archive);
	close_release(&r.close);
	buf_release(&why);
	return code;
}

static int
check_reap_options(void *options)
{
	struct reaper *r = options;

	if (r->from == NULL)
		r->from = "-";
	if (r->until_empty && !endpoint_is_queue(r->from))
		return prog_usage_error("--until-empty needs -f queue:NAME");
	return -1;
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
	.check = check_reap_options,
	.run = run_reap,
};
