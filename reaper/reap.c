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
#include "common/text/jsonw.h"
#include "reaper/close/close.h"

#define BATCH_MS 1000
#define EXPIRY_EVERY_MS HOUR_MS
#define PAD 64 /* bytes that must be readable after a line */

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

/* The record reports that the chat is gone now. */
static void
write_gone_record(struct buf *line, const char *tenant, const char *chat)
{
	buf_clear(line);
	jsonw_open(line);
	jsonw_str(line, "type", "chat");
	jsonw_str(line, "tenant", tenant);
	jsonw_str(line, "chat", chat);
	jsonw_time(line, "at", clock_now_ms());
	jsonw_str(line, "status", record_status_name(CHAT_GONE));
	jsonw_close(line);
}

/* Returns the destination of the records of a stream: -t, otherwise [poller] to
 * if that is at a broker. NULL: nowhere. */
static const char *
find_stream(const struct reaper *r)
{
	const char *to = conf_text(r->common.conf, "poller", "to");

	if (r->to != NULL)
		return r->to;
	return to != NULL && endpoint_amqp_name(to) != NULL ? to : NULL;
}

/* Informs the aggregator of the stream, which would otherwise continue to count
 * the chat. */
static enum exit_code
publish_gone_record(const struct reaper *r, const struct buf *line)
{
	struct endpoint_options opt = { .conf = r->common.conf };
	const char *to = find_stream(r);
	struct buf why = BUF_INIT;
	enum exit_code code = PROG_OK;
	struct endpoint *out;

	if (to == NULL || r->dry_run)
		return PROG_OK;
	out = endpoint_open_write(to, &opt, &why, &code);
	if (out == NULL) {
		log_error("%s", buf_str(&why));
	} else if (endpoint_write(out, line->data, line->len) == -1 ||
		   endpoint_flush(out) != OUTCOME_DONE) {
		code = endpoint_code(out);
		log_error("%s", endpoint_why(out));
	}
	endpoint_close(out);
	buf_release(&why);
	return code;
}

/* Publishes first, so that rows which the aggregator writes about the chat
 * until it reads the record are older than the tombstone. */
static enum exit_code
delete_record_chat(struct reap_run *r, struct stage *s, struct buf *line)
{
	enum outcome o;

	memset(buf_room(line, PAD), 0, PAD);
	o = close_handle(&r->close, line->data, line->len);
	if (o == OUTCOME_DONE)
		o = close_finish(&r->close, true);
	if (o != OUTCOME_DONE)
		return stage_refusal(o, s->code);
	if (s->dead->count > 0)
		return deadletter_code(s->dead);
	return show_summary(r->options, &r->close);
}

/* No row was deleted, and none was kept because it is newer. */
static enum exit_code
check_known(struct reap_run *r, const char *tenant)
{
	const struct summary_tenant *t =
	    summary_of(&r->close.summary, tenant, strlen(tenant));

	if (t->deleted > 0 || t->newer > 0)
		return PROG_OK;
	log_error("tenant %s has no rows of chat '%s'; check its id", tenant,
	    r->options->gone);
	return PROG_NOINPUT;
}

static enum exit_code
delete_gone_chat(const struct reaper *asked)
{
	struct reap_run r = { .options = asked };
	struct deadletter dead = { .count = 0 };
	struct stage s = { .dead = &dead, .code = PROG_SOFTWARE };
	const char *tenant = reaper_choose_tenant(asked, "chat");
	struct buf line = BUF_INIT;
	enum exit_code code;

	if (tenant == NULL)
		return PROG_USAGE;
	close_init(&r.close);
	init_stage(&r, &s);
	code = reaper_open_archive(asked, &r.close.archive);
	if (code == PROG_OK) {
		write_gone_record(&line, tenant, asked->gone);
		code = publish_gone_record(asked, &line);
	}
	if (code == PROG_OK) {
		write_gone_record(&line, tenant, asked->gone);
		code = delete_record_chat(&r, &s, &line);
	}
	if (code == PROG_OK)
		code = check_known(&r, tenant);
	deadletter_close(&dead);
	append_file_close(&r.close.archive);
	close_release(&r.close);
	buf_release(&line);
	return code;
}

static const struct option_row gone_rows[] = {
	OPTION_FORMAT(struct reaper, format),
	OPTION_TAKE('t', "to", "TO", struct reaper, to, endpoint_take_to,
	    "where records for the stream go; default: [poller] to"),
	REAPER_ARCHIVE,
	REAPER_DRY_RUN,
	OPTION_TEXT(0, "tenant", "NAME", struct reaper, tenant,
	    "the chat's tenant; needed unless one tenant is configured"),
};

static int
check_gone(void *options)
{
	struct reaper *r = options;

	r->from = "-"; /* not a queue: there is a single answer */
	return reaper_check_tenant("tenant", r->tenant);
}

static enum exit_code
run_gone(void *options)
{
	return reaper_with_db(options, delete_gone_chat);
}

const struct option_mode reaper_mode_gone = {
	.choice = OPTION_TEXT(0, "gone", "CHAT", struct reaper, gone,
	    "delete a chat that no longer exists in the CRM"),
	.about = "Deletes CHAT, which was deleted in a CRM that does not "
		 "report that.\n",
	.rows = gone_rows,
	.rows_n = ARRAY_LEN(gone_rows),
	.check = check_gone,
	.run = run_gone,
};
