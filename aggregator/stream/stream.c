/*
 * stream: a run over an endless stream, from its opening to its end. It splits
 * the blocks that a queue delivers into records and adds each record to the
 * model of its tenant. Lines of snapshots go into the staging, and a complete
 * snapshot corrects its tenant. common/stage/stage.h has the loop itself, which
 * acknowledges last.
 */
#include "aggregator/stream/stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/fault.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/json/jsonw.h"
#include "common/os/notify.h"
#include "common/os/stop.h"

/* A flush is made early after this many records. The broker never sends more
 * than this ahead; see endpoint_amqp_read.c. */
#define BATCH_RECORDS 600000
/* The pause of the stage after a flush, as a percentage of the flush's
 * duration, and the minimum pause. Readers of metrics do not notice this:
 * records that are passed through do not wait for it, and fewer flushes write
 * fewer rows. Reservations are written without delay. */
#define REST 400
#define REST_MS 60
#define ALLOCATION_REST 25
#define EXPIRE_EVERY_MS HOUR_MS
#define PAUSE_MS 1000
/* A reservation expires at most this much too late. */
#define ALLOCATION_IDLE_MS 100
/* A notice fires at most this much too late. */
#define NOTICES_IDLE_MS 250

void
stream_fail(struct stream *s, enum exit_code code)
{
	s->stage.code = code;
	s->failed = true;
}

void
stream_touch(struct stream_tenant *t)
{
	t->stream->touched_n += !t->touched;
	t->touched = t->aged = true;
}

static enum outcome
refuse_stream_line(void *ctx, const char *line, size_t len, const char *reason)
{
	struct stream *s = ctx;
	const char *where =
	    endpoint_where_in(s->in, s->job->counter == NULL ? line : NULL);
	enum outcome o = deadletter_add(&s->dead, where, line, len, reason);

	if (o == OUTCOME_NEVER)
		s->stage.code = s->dead.code;
	return o;
}

enum outcome
stream_refuse_record(struct stream *s, const char *reason, uint64_t *count)
{
	enum outcome o =
	    refuse_stream_line(s, s->scan.line, s->scan.len, reason);

	*count += o == OUTCOME_DONE;
	return o;
}

static enum outcome
refuse_late_record(struct stream *s)
{
	char reason[96];

	(void)snprintf(reason, sizeof reason,
	    "late: it is more than %" PRId64
	    " s older than the newest record of its tenant",
	    s->setup.window_ms / 1000);
	return stream_refuse_record(s, reason, &s->counts.late);
}

/* Passes the line of the record that was last added through. */
static enum outcome
pass_through(struct stream *s, const struct model *m, const struct record *r,
    const char *line, size_t len)
{
	buf_clear(&s->scratch);
	if (staging_restate(&s->scratch, m, r, line, len)) {
		line = s->scratch.data;
		len = s->scratch.len - 1; /* The newline is left out. */
	}
	if (endpoint_write(s->out, line, len) == 0) {
		s->counts.passed++;
		return OUTCOME_DONE;
	}
	if (endpoint_code(s->out) != PROG_OK)
		log_error("%s", endpoint_why(s->out));
	stream_fail(s, endpoint_code(s->out));
	return OUTCOME_NEVER;
}

/* True if the record is passed through, which its type and the model's result
 * decide. A record that has already arrived is passed through again, because
 * its first copy may not have been confirmed. */
static bool
is_passed_through(const struct stream *s, const struct stream_tenant *t,
    enum model_result taken)
{
	const struct record *r = &s->record;

	return metric_selection_passes(&s->job->selection, r) &&
	       taken != MODEL_LATE &&
	       !(r->type == RECORD_MESSAGE &&
		   t->pipeline.model.known_at == CLOCK_NONE);
}

enum outcome
stream_add_record(struct stream *s)
{
	const struct record *r = &s->record;
	const char *ahead = future_refuses(&s->future, &s->record);
	struct stream_tenant *t;
	enum model_result taken;
	int64_t newest;
	bool passes;

	if (ahead != NULL)
		return stream_refuse_record(s, ahead, &s->counts.ahead);
	t = stream_tenant(s, r->tenant);
	if (t->pipeline.allocation != NULL)
		allocation_clock(t->pipeline.allocation, s->clock.now_ms);
	newest = t->pipeline.model.as_of;
	taken = pipeline_add(&t->pipeline, r);
	/* A commit has failed meanwhile, and the state finds nothing. */
	if (state_failed(s->state))
		return stream_finish_commit(s);
	passes = is_passed_through(s, t, taken);
	switch (taken) {
	case MODEL_LATE:
		return refuse_late_record(s);
	case MODEL_DUPLICATE:
		s->counts.again++;
		if (t->pipeline.model.as_of > newest)
			stream_touch(t);
		break;
	case MODEL_NEW:
	case MODEL_VERSION:
	case MODEL_SKIPPED:
		stream_touch(t);
		break;
	}
	return passes ? pass_through(
			    s, &t->pipeline.model, r, s->scan.line, s->scan.len)
		      : OUTCOME_DONE;
}

static uint32_t
number_of_tenant(void *ctx, struct text tenant)
{
	return stream_tenant(ctx, tenant)->number;
}

/* Callbacks of the staging, whose context is the stream: a complete snapshot
 * corrects a tenant.
 *
 * Messages of the snapshot that have not arrived in the stream are passed
 * through. They are confirmed before the commit that stores them and removes
 * the snapshot, and are written again after a crash before that commit. */

static void *
begin_snapshot(void *ctx, struct text tenant, int64_t at)
{
	struct stream *s = ctx;
	struct stream_tenant *t = stream_tenant(s, tenant);

	/* The last record may be old, but the snapshot's changes happen now. */
	if (t->pipeline.allocation != NULL)
		allocation_clock(t->pipeline.allocation, s->clock.now_ms);
	pipeline_begin_snapshot(&t->pipeline, at);
	return t;
}

/* The state does not store whether a record about a message has arrived, so
 * such records are passed through; the key of their row removes duplicates. */
static int
add_to_snapshot(
    void *tenant, const struct record *r, const char *line, size_t len)
{
	struct stream_tenant *t = tenant;
	struct stream *s = t->stream;
	struct model *m = &t->pipeline.model;
	enum model_result taken = model_add(m, r);
	enum outcome o = OUTCOME_DONE;

	if (state_failed(s->state)) /* the chat may lack its messages */
		o = stream_finish_commit(s);
	else if (r->type == RECORD_NAME)
		o = pass_through(s, m, r, line, len);
	else if (r->type == RECORD_MESSAGE && s->job->selection.messages &&
		 (taken == MODEL_NEW || taken == MODEL_VERSION || r->about))
		o = pass_through(s, m, r, line, len);
	return o == OUTCOME_DONE ? 0 : -1;
}

/* Keeps the snapshot's marker: it shows sink and reaper that the rows before it
 * include the snapshot. The marker follows the rows of
 * the flush. */
static void
mark_applied(struct stream_tenant *t, const char *snapshot)
{
	struct buf *b = &t->applied;

	buf_clear(b);
	jsonw_open(b);
	jsonw_str(b, "type", "snapshot");
	jsonw_str(b, "tenant", t->name);
	jsonw_str(b, "state", "applied");
	jsonw_str(b, "snapshot", snapshot);
	jsonw_time(b, "at", t->pipeline.model.snapshot_at);
	jsonw_close(b);
}

static void
end_snapshot(void *tenant, const char *snapshot)
{
	struct stream_tenant *t = tenant;

	mark_applied(t, snapshot);
	model_end_snapshot(&t->pipeline.model);
	stream_touch(t);
}

/* Handles the current line, which is a record or a bad line. */
static enum outcome
handle_line(struct stream *s, int scanned)
{
	struct record *r = &s->record;

	if (scanned == -1 || staging_takes(r)) {
		s->counts.bad += scanned == -1 || r->type == RECORD_ROW;
		return staging_add(&s->staging, &s->scan, scanned, r);
	}
	/* A record that follows a snapshot takes effect after the snapshot. */
	if (staging_is_ready(&s->staging, r->tenant) &&
	    staging_apply(&s->staging) == -1)
		return OUTCOME_NEVER;
	return stream_add_record(s);
}

static enum outcome
handle_stream_block(void *ctx, char *block, size_t len, size_t *lines)
{
	struct stream *s = ctx;
	enum outcome o;
	int scanned;

	scan_block(&s->scan, block, len);
	if (s->assign != NULL || s->notify != NULL)
		(void)clock_onward(&s->clock, clock_now_ms(), clock_mono_ms());
	for (*lines = 0;; ++*lines) {
		scanned = scan_record(&s->scan, &s->record);
		if (scanned == 0)
			break;
		o = handle_line(s, scanned);
		if (o != OUTCOME_DONE)
			return o;
	}
	s->counts.records += *lines;
	return OUTCOME_DONE;
}

static enum outcome
flush_stream(void *ctx)
{
	struct stream *s = ctx;
	/* Counts that are published must not be ahead of what is committed. */
	enum outcome o = s->job->counter != NULL ? stream_flush(s, false)
						 : stream_flush_begin(s, false);

	stream_forget_look(s);
	return o;
}

/* After a failure in a callback that returns nothing. */
static void
end_loop(struct stream *s)
{
	if (s->log.refused)
		s->stage.enough = true;
	else
		stop_set(true);
}

/* While no input arrives, writes the final waits of the last records and
 * carries out due allocation actions. */
static void
flush_when_idle(struct stream *s)
{
	enum outcome o;

	if (s->failed || (!stream_refresh_due(s) && !stream_touch_due(s)))
		return;
	/* A run with --until-empty does not wait here: it flushes again at its
	 * end, and gives up there. */
	while ((o = stream_flush(s, false)) == OUTCOME_LATER &&
	       !s->job->until_empty && !stop_asked())
		endpoint_pump(s->in);
	if (o == OUTCOME_NEVER)
		end_loop(s);
}

static enum outcome
confirm_flush(void *ctx, bool wait)
{
	struct stream *s = ctx;
	enum outcome o = stream_confirm(s, wait);

	if (o == OUTCOME_DONE) {
		FAULT_POINT("aggregator.rows_confirmed");
		o = stream_counter_publish_due(s);
	}
	return o;
}

static bool
send_passed_through(void *ctx)
{
	struct stream *s = ctx;
	bool left = endpoint_send(s->out);

	FAULT_POINT("aggregator.passed_on");
	return left;
}

static void
expire_snapshots(struct stream *s)
{
	if (clock_mono_ms() - s->expired_ms < EXPIRE_EVERY_MS)
		return;
	s->expired_ms = clock_mono_ms();
	staging_expire(&s->staging);
}

static void
pump_stream(void *ctx)
{
	struct stream *s = ctx;

	endpoint_pump(s->out);
	if (s->assign != NULL)
		endpoint_pump(s->assign);
	if (s->notify != NULL)
		endpoint_pump(s->notify);
	expire_snapshots(s);
}

static void
on_stream_idle(void *ctx)
{
	struct stream *s = ctx;

	flush_when_idle(s);
	if (!s->failed && stream_counter_publish_due(s) == OUTCOME_NEVER)
		end_loop(s);
	stream_counter_idle(s);
	stream_forget_look(s);
}

/* Says why a run gives up. A queue of dead letters has said so itself. */
static void
log_late_output(const struct stream *s)
{
	if (s->unconfirmed != NULL)
		log_error("%s", endpoint_why(s->unconfirmed));
	else if (s->shared != NULL)
		log_error("no sink stores the rows in '%s'; is one running?",
		    endpoint_name(s->out));
}

/* Flushes until everything is confirmed. refresh: includes rows that have
 * changed only with time. */
static enum exit_code
finish_flush(struct stream *s, bool refresh)
{
	enum outcome o;

	while ((o = stream_flush(s, refresh)) == OUTCOME_LATER) {
		if (s->job->until_empty || stop_sleep(PAUSE_MS))
			break;
	}
	if (o == OUTCOME_NEVER)
		return s->stage.code;
	if (o == OUTCOME_LATER && !stop_asked()) {
		log_late_output(s);
		return PROG_TEMPFAIL;
	}
	return PROG_OK;
}

/* The last lines are confirmed, so this commit deletes them. */
static enum exit_code
commit_confirmed(struct stream *s)
{
	struct buf why = BUF_INIT;
	enum exit_code code = stream_commit(s, &why);

	if (code != PROG_OK)
		log_error("%s", buf_str(&why));
	buf_release(&why);
	return code;
}

static void
log_stream_summary(const struct stream *s)
{
	const struct stream_counts *c = &s->counts;

	log_info("stream_done",
	    "records=%" PRIu64 " again=%" PRIu64 " late=%" PRIu64
	    " bad=%" PRIu64 " passed=%" PRIu64 " rows=%" PRIu64
	    " flushes=%" PRIu64 " ahead=%" PRIu64 " assigned=%" PRIu64,
	    c->records, c->again, c->late, c->bad, c->passed, c->rows,
	    c->flushes, c->ahead + s->staging.ahead, c->assigned);
}

/* Returns the newest time in the records of all tenants; 0 if they have no
 * records. */
static int64_t
newest_time(const struct stream *s)
{
	int64_t newest = 0, as_of;
	size_t i;

	for (i = 0; i < s->tenants_n; i++) {
		as_of = s->tenants[i]->pipeline.model.as_of;
		if (as_of > newest)
			newest = as_of;
	}
	return newest;
}

/* Implements daemon_metrics_writer. */
static void
add_stream_metrics(void *ctx, struct buf *to, const char *labels)
{
	static const char as_of[] = "messaging_stream_as_of_timestamp_seconds",
			  reading[] = "messaging_stream_reading";
	const struct stream *s = ctx;
	const struct stream_counts *c = &s->counts;
	const struct {
		const char *name, *help;
		uint64_t n;
	} totals[] = {
		{ "messaging_stream_repeated_records_total",
		    "Duplicate records of a stream.", c->again },
		{ "messaging_stream_late_records_total",
		    "Records refused because they were older than the window.",
		    c->late },
		{ "messaging_stream_ahead_records_total",
		    "Records refused because their time is ahead of the clock.",
		    c->ahead + s->staging.ahead },
		{ "messaging_stream_rows_total", "Rows written.", c->rows },
		{ "messaging_stream_reservations_total",
		    "Chats reserved for an operator.", c->assigned },
		{ "messaging_stream_notices_total",
		    "Notices that fired or were over.", c->notices },
	};
	size_t i;

	prometheus_head(to, as_of, PROMETHEUS_GAUGE,
	    "Time of the newest record; 0: no record has arrived.");
	prometheus_sample_seconds(to, as_of, labels, newest_time(s));
	prometheus_head(to, reading, PROMETHEUS_GAUGE,
	    "1 while the aggregator reads its queue, 0 while it waits.");
	prometheus_sample(to, reading, labels,
	    s->in != NULL && endpoint_is_up(s->in) ? 1 : 0);
	for (i = 0; i < ARRAY_LEN(totals); i++)
		prometheus_total(
		    to, totals[i].name, labels, totals[i].help, totals[i].n);
}

static struct daemon_metrics *
open_metrics(struct stream *s)
{
	if (s->job->until_empty)
		return NULL;
	return daemon_metrics_open(s->job->conf,
	    endpoint_amqp_name(s->job->from), add_stream_metrics, s);
}

/* Keeps the metrics of a standby fresh. */
static void
count_waiting(void *ctx)
{
	const struct stream *s = ctx;

	daemon_metrics_count(s->stage.metrics, 0, 0);
}

/* Returns how often to look whether something is due. */
static int
idle_pause(const struct stream *s)
{
	if (s->assign != NULL)
		return ALLOCATION_IDLE_MS;
	return s->notify != NULL ? NOTICES_IDLE_MS : 0;
}

static void
set_up_stage(struct stream *s)
{
	s->expired_ms = clock_mono_ms();
	s->stage = (struct stage){ .in = s->in,
		.dead = &s->dead,
		.ctx = s,
		.batch_records = BATCH_RECORDS,
		.batch_ms = (int)conf_int(s->job->conf, "aggregator", "every"),
		.prompt = true,
		.rest = s->assign != NULL ? ALLOCATION_REST : REST,
		.rest_ms = s->assign != NULL ? 0 : REST_MS,
		.idle_ms = idle_pause(s),
		.wait_forever = !s->job->until_empty,
		.metrics = s->stage.metrics,
		.handle_block = handle_stream_block,
		.flush = flush_stream,
		.confirm = confirm_flush,
		.send = send_passed_through,
		.pump = pump_stream,
		.idle = on_stream_idle };
	stream_counter_stage(s);
}

static enum exit_code
run_stream(struct stream *s)
{
	enum exit_code code;

	/* Lines that the last run may not have written; stream_sync() has
	 * already sent them. */
	code = s->shared != NULL || stream_write_lines(s) == OUTCOME_DONE
		   ? finish_flush(s, false)
		   : s->stage.code;
	if (code != PROG_OK || s->failed || stop_asked())
		return code;
	set_up_stage(s);
	code = stage_run(&s->stage);
	if (s->failed)
		code = s->stage.code;
	else if (code == PROG_OK)
		code = finish_flush(s, true);
	else if (code == PROG_TEMPFAIL)
		log_late_output(s);
	/* Unconfirmed lines are written again at the next start. This includes
	 * a pipe closed by its reader, which is not an error. Records that were
	 * not flushed are not committed. */
	if (code == PROG_OK && stream_is_flushed(s))
		code = commit_confirmed(s);
	if (code == PROG_OK && !s->failed)
		code = stream_counter_publish(s);
	log_stream_summary(s);
	if (code != PROG_OK || !s->stage.ended)
		return code;
	staging_report_unfinished(&s->staging);
	return s->staging.failed > 0 ? PROG_DATA : PROG_OK;
}

static void
init_stream(struct stream *s, const struct aggregator_job *job)
{
	memset(s, 0, sizeof *s);
	s->job = job;
	s->stage.code = PROG_SOFTWARE;
	s->setup.job = job;
	s->cache.limit = (size_t)conf_int(job->conf, "aggregator", "cache");
	s->setup.cache = &s->cache;
	s->setup.window_ms = conf_int(job->conf, "aggregator", "window");
	s->listener.ctx = s;
	s->listener.reserved = stream_reserved;
	s->setup.reservations = &s->listener;
	future_init(&s->future, job->conf);
	s->setup.future = &s->future;
	s->refresh_ms = conf_int(job->conf, "aggregator", "refresh");
	s->refresh_began_ms = clock_mono_ms();
	/* The chats show which messages of a snapshot have already arrived in
	 * the stream; allocation and notices read chats and operators. */
	s->setup.clocks = job->selection.messages ||
			  job->selection.allocation || job->notices_to != NULL;
	s->staging.future = &s->future;
	s->staging.ctx = s;
	s->staging.refuse = refuse_stream_line;
	s->staging.number = number_of_tenant;
	s->staging.begin = begin_snapshot;
	s->staging.add = add_to_snapshot;
	s->staging.end = end_snapshot;
	scan_init(&s->scan);
}

static enum exit_code
open_stream(struct stream *s, struct buf *why)
{
	struct endpoint_options opt = { .conf = s->job->conf,
		.until_empty = s->job->until_empty,
		.wait_forever = !s->job->until_empty,
		.sole = true,
		.append = true },
				reading = opt;
	enum exit_code code;

	code = stream_open_state(s, why);
	if (code == PROG_OK && s->shared == NULL)
		code = stream_load_state(s, why);
	if (code != PROG_OK)
		return code;
	stream_counter_open(s, &reading);
	s->stage.metrics = open_metrics(s);
	reading.waiting = count_waiting;
	reading.waiting_ctx = s;
	s->in = endpoint_open_read(s->job->from, &reading, why, &code);
	if (s->in == NULL)
		return code;
	deadletter_open(&s->dead, s->in, &opt);
	opt.answers = s->shared != NULL;
	s->out = endpoint_open_write(s->job->to, &opt, why, &code);
	opt.answers = false;
	if (s->out != NULL && s->job->selection.allocation)
		s->assign =
		    endpoint_open_write(s->job->assign_to, &opt, why, &code);
	if (s->out == NULL ||
	    (s->job->selection.allocation && s->assign == NULL))
		return code;
	if (s->job->notices_to != NULL) {
		opt.lazy = true; /* most flushes have no notices */
		s->notify =
		    endpoint_open_write(s->job->notices_to, &opt, why, &code);
		if (s->notify == NULL)
			return code;
	}
	if (s->shared == NULL)
		return PROG_OK;
	/* As the only reader, but before the first record. */
	code = stream_sync(s, why);
	return code == PROG_OK && !stop_asked() && !s->log.refused
		   ? stream_load_state(s, why)
		   : code;
}

static void
release_stream(struct stream *s)
{
	size_t i;

	endpoint_close(s->out);
	endpoint_close(s->assign);
	endpoint_close(s->notify);
	if (s->in != NULL)
		deadletter_close(&s->dead);
	endpoint_close(s->in);
	s->in = NULL;
	daemon_metrics_close(s->stage.metrics);
	for (i = 0; i < s->tenants_n; i++) {
		pipeline_release(&s->tenants[i]->pipeline);
		free(s->tenants[i]->name);
		buf_release(&s->tenants[i]->applied);
		free(s->tenants[i]);
	}
	free(s->tenants);
	strmap_release(&s->names, NULL);
	strmap_release(&s->forget.unread, NULL);
	strmap_release(&s->counter.aliases, free);
	scan_release(&s->scan);
	buf_release(&s->scratch);
	buf_release(&s->rows.next);
	buf_release(&s->reservations.next);
	buf_release(&s->notices.next);
	staging_close(&s->staging);
	stream_log_close(s);
	state_close(s->state);
}

/* Runs the stream once, then executes orders to erase customers. Sets *again if
 * another run follows: also after the database refused a flush, when the next
 * run begins with what the database has. */
static enum exit_code
run_once(struct stream *s, const struct aggregator_job *job, bool *again)
{
	struct buf why = BUF_INIT;
	enum exit_code code;
	bool has_orders = false; /* stream_forget_look() has ended the run */

	init_stream(s, job);
	code = open_stream(s, &why);
	if (why.len > 0)
		log_error("%s", buf_str(&why));
	/* A run that is stopped while it connects has no input or output. */
	if (code == PROG_OK && !stop_asked()) {
		code = run_stream(s);
		has_orders = s->stage.enough && !s->failed;
		/* A stop may leave records applied but not committed: the next
		 * run reads them again, and executes the orders. */
		if (code == PROG_OK && stream_is_flushed(s) &&
		    (has_orders || s->stage.ended))
			code = stream_forget(s);
	}
	*again = has_orders || s->log.refused;
	if (s->log.refused)
		(void)stop_sleep(PAUSE_MS);
	release_stream(s);
	buf_release(&why);
	return code;
}

enum exit_code
stream_run(const struct aggregator_job *job)
{
	static struct stream s;
	enum exit_code code;
	bool again;

	if (!job->until_empty)
		daemon_init();
	do
		code = run_once(&s, job, &again);
	while (code == PROG_OK && again && !stop_asked());
	notify_stopping();
	return code;
}
