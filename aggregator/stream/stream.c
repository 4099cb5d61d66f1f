/*
 * stream: takes blocks of a queue apart and gives each record to its tenant.
 * The loop that acknowledges last is common/endpoint/stage.h, a tick is its
 * flush. Snapshots go into the staging, line by line (stream_snapshot.c).
 */
#include "aggregator/stream/stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/stop.h"
#include "common/base/xalloc.h"
#include "common/os/daemon.h"

#include "aggregator/model/dedup.h"
#include "aggregator/model/model_pack.h"

/* A tick is due early when so many records have come (no more than the broker
 * sends ahead, see endpoint_amqp_read.c); late where the stream is behind. */
#define BATCH_RECORDS 600000
#define BUSY_MS 5000
#define EXPIRE_EVERY_MS HOUR_MS
#define PAUSE_MS 1000
/* So late a reservation may expire. */
#define ALLOCATION_IDLE_MS 100

static void
cannot_go_on(const char *what, unsigned event, unsigned state)
{
	prog_die(PROG_SOFTWARE,
	    "%s cannot go on: event %u in state %u; this is a mistake in the "
	    "program",
	    what, event, state);
}

void
stream_step(struct stream *s, enum stream_event e)
{
	enum stream_state next = stream_next(s->tick, e);

	if (next == STREAM_STATES)
		cannot_go_on("the tick", e, s->tick);
	s->tick = next;
}

void
stream_tenant_step(struct stream_tenant *t, enum stream_tenant_event e)
{
	enum stream_age next = stream_age_next(t->age, e);

	if (next == TENANT_AGES)
		cannot_go_on(t->name, e, t->age);
	t->age = next;
}

void
stream_fail(struct stream *s, enum exit_code code)
{
	s->code = code;
	if (s->tick != STREAM_FAILED)
		stream_step(s, STREAM_FAIL);
}

void
stream_touch(struct stream_tenant *t)
{
	if (t->age == TENANT_TOUCHED) /* by most records */
		return;
	t->stream->touched += !stream_is_touched(t);
	stream_tenant_step(t, TENANT_TOUCH);
}

/* Messages of a chat that was loaded without them. */
static void
fetch(void *ctx, struct model *m, struct chat *c)
{
	struct stream_tenant *t = ctx;
	struct stream *s = t->stream;
	size_t i, n = model_segments(c).stored, len = 0;
	const void *data = NULL;
	uint64_t key;

	for (i = 0; i < n; i++) {
		key = stream_segment_key(c->number, i);
		if (!state_get(
			s->tables.messages, &key, sizeof key, &data, &len) ||
		    model_unpack_segment(m, c, data, len) == -1) {
			state_set_damaged(s->state);
			return;
		}
	}
}

struct stream_tenant *
stream_tenant(struct stream *s, struct text name)
{
	struct stream_tenant *t = s->last;
	void **slot;

	if (t != NULL && text_is(name, t->name))
		return t;
	slot = strmap_put(&s->names, name.p, name.len);
	if (*slot == NULL) {
		t = xcalloc(1, sizeof *t);
		t->name = text_dup(name);
		t->stream = s;
		t->number = (uint32_t)s->tenants_n;
		pipeline_init(
		    &t->pipeline, &s->setup, name, true, CLOCK_NONE, t->number);
		t->pipeline.model.dedup_on_add = true;
		t->pipeline.model.fetch = fetch;
		XGROW(s->tenants, s->tenants_n, s->tenants_cap);
		s->tenants[s->tenants_n++] = t;
		*slot = t;
	}
	s->last = *slot;
	return *slot;
}

static enum outcome
refuse(void *ctx, const char *line, size_t len, const char *reason)
{
	struct stream *s = ctx;
	enum outcome o = deadletter_add(
	    &s->dead, endpoint_where_in(s->in, line), line, len, reason);

	if (o == OUTCOME_NEVER)
		s->code = s->staging.code = s->dead.code;
	return o;
}

/* Of a time that is more than so far from another one. */
static enum outcome
refuse_time(struct stream *s, const char *what, int64_t ms, const char *than,
    uint64_t *count)
{
	char reason[96];
	enum outcome o;

	(void)snprintf(reason, sizeof reason,
	    "%s is more than %" PRId64 " s %s", what, ms / 1000, than);
	o = refuse(s, s->scan.line, s->scan.len, reason);
	*count += o == OUTCOME_DONE;
	return o;
}

static enum outcome
pass_on(struct stream *s)
{
	if (endpoint_write(s->out, s->scan.line, s->scan.len) == 0) {
		s->counts.passed++;
		return OUTCOME_DONE;
	}
	if (endpoint_code(s->out) != PROG_OK)
		log_error("%s", endpoint_why(s->out));
	stream_fail(s, endpoint_code(s->out));
	return OUTCOME_NEVER;
}

/* The number of the line in hand within its message. */
static uint64_t
line_number(const struct stream *s)
{
	return s->first_line + s->line;
}

/* Of those that are, one that became this. */
static bool
is_passed_on(const struct stream_tenant *t, const struct record *r,
    enum model_result taken)
{
	return taken != MODEL_LATE && taken != MODEL_AHEAD && !r->stale &&
	       !(r->type == RECORD_MESSAGE && t->pipeline.model.known_stays);
}

/* A record outside of any snapshot. */
static enum outcome
add_record(struct stream *s)
{
	const struct record *r = &s->record;
	struct stream_tenant *t;
	enum model_result taken;
	int64_t newest;
	bool passes;

	if (r->type == RECORD_ROW)
		return OUTCOME_DONE;
	t = stream_tenant(s, r->tenant);
	if (s->assign != NULL)
		allocation_clock(t->pipeline.allocation, s->now_ms);
	newest = t->pipeline.model.as_of;
	taken = pipeline_add(&t->pipeline, r);
	passes = metric_selection_passes(&s->job->selection, r->type);
	if (passes && !is_passed_on(t, r, taken)) {
		redelivery_hold(&s->redelivery.known, line_number(s));
		passes = false;
	}
	switch (taken) {
	case MODEL_LATE:
		return refuse_time(s, "late: it", s->setup.window_ms,
		    "older than its tenant's newest record", &s->counts.late);
	case MODEL_AHEAD:
		return refuse_time(s, "ahead: its time", s->setup.ahead_ms,
		    "after the clock's and its tenant's newest",
		    &s->counts.ahead);
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
	return passes ? pass_on(s) : OUTCOME_DONE;
}

/* A record outside of any snapshot, of a message that was taken in before. */
static enum outcome
add_again(struct stream *s)
{
	s->counts.again++;
	if (metric_selection_passes(&s->job->selection, s->record.type) &&
	    !redelivery_holds(&s->redelivery.known, line_number(s)))
		return pass_on(s);
	return OUTCOME_DONE;
}

/* Letters first: a bad line that is in the staging is not refused again. */
static enum outcome
flush_staging(struct stream *s)
{
	enum outcome o = stream_keep_letters(s);

	if (o != OUTCOME_DONE)
		return o;
	o = staging_flush(&s->staging);
	if (o == OUTCOME_NEVER)
		s->code = s->staging.code;
	return o;
}

/* The line in hand: a record, or one that is bad. */
static enum outcome
take(struct stream *s)
{
	const struct record *r = &s->record;
	enum outcome o;

	if (s->scanned == 1 && r->snapshot.p == NULL &&
	    r->type != RECORD_SNAPSHOT && r->type != RECORD_UNKNOWN) {
		/* What comes behind a snapshot counts behind it. */
		o = staging_waits(&s->staging, r->tenant) ? flush_staging(s)
							  : OUTCOME_DONE;
		if (o != OUTCOME_DONE)
			return o;
		return line_number(s) <= s->redelivery.lines ? add_again(s)
							     : add_record(s);
	}
	s->counts.bad += s->scanned == -1;
	s->from.number = line_number(s);
	o = staging_add(&s->staging, s->scan.line, s->scan.len, &s->from);
	s->code = s->staging.code;
	return o;
}

static enum outcome
handle_block(void *ctx, char *block, size_t len, size_t *lines)
{
	struct stream *s = ctx;
	enum outcome o;

	if (!s->again) {
		stream_redelivery_block(s);
		scan_block(&s->scan, block, len);
		s->line = 0;
		s->now_ms = clock_now_ms();
	}
	for (;; s->line++) {
		if (!s->again)
			s->scanned = scan_record(&s->scan, &s->record);
		s->again = false;
		if (s->scanned == 0)
			break;
		o = take(s);
		if (o != OUTCOME_DONE) {
			s->again = true;
			s->stage.code = s->code;
			return o;
		}
	}
	stream_redelivery_end(s);
	*lines = (size_t)s->line;
	s->counts.records += *lines;
	return OUTCOME_DONE;
}

static enum outcome
confirm(void *ctx)
{
	struct stream *s = ctx;
	enum outcome o = stream_keep_letters(s);

	if (o == OUTCOME_DONE)
		o = stream_tick(s, false);
	s->staging.code = s->code;
	return o;
}

static enum outcome
flush(void *ctx)
{
	struct stream *s = ctx;
	enum outcome o = flush_staging(s);

	if (o == OUTCOME_DONE)
		o = stream_tick(s, false);
	if (o == OUTCOME_DONE)
		stream_redelivery_flushed(s);
	s->stage.code = s->code;
	return o;
}

/* Nothing comes: the last records' waits are shown as they ended, and what is
 * due of allocation is done. */
static void
tick_idle(struct stream *s)
{
	bool refresh = stream_refresh_due(s);
	enum outcome o;

	if (s->tick == STREAM_FAILED || (!refresh && !stream_allocation_due(s)))
		return;
	while ((o = stream_tick(s, refresh)) == OUTCOME_LATER && !stop_asked())
		endpoint_pump(s->in);
	if (o != OUTCOME_NEVER)
		return;
	/* Nobody asks idle() how it went. */
	stop_set(true);
}

static void
pump(void *ctx)
{
	struct stream *s = ctx;

	endpoint_pump(s->out);
	if (s->assign != NULL)
		endpoint_pump(s->assign);
}

static void
idle(void *ctx)
{
	struct stream *s = ctx;

	tick_idle(s);
	state_rest(s->state);
	if (clock_mono_ms() - s->expired_ms < EXPIRE_EVERY_MS)
		return;
	s->expired_ms = clock_mono_ms();
	staging_expire(&s->staging);
}

/* Until it is done: at the start for what the last run left, at the end for
 * what the course of time changes. */
static enum exit_code
finish(struct stream *s, bool refresh)
{
	enum outcome o;

	while ((o = staging_flush(&s->staging)) == OUTCOME_LATER ||
	       (o == OUTCOME_DONE &&
		   (o = stream_tick(s, refresh)) == OUTCOME_LATER)) {
		if (s->job->until_empty || stop_sleep(PAUSE_MS))
			break;
	}
	if (o == OUTCOME_NEVER)
		return s->code;
	if (o == OUTCOME_LATER)
		return stop_asked() ? PROG_OK : PROG_TEMPFAIL;
	return PROG_OK;
}

/* The last rows and reservations are confirmed: no mark of them need stay. */
static enum exit_code
forget_marks(struct stream *s)
{
	struct buf why = BUF_INIT;
	enum exit_code code;
	bool aged = false;
	size_t i;

	for (i = 0; i < s->tenants_n; i++) {
		stream_allocation_save(s->tenants[i]);
		aged = aged || stream_is_aged(s->tenants[i]);
	}
	if (!aged && !s->refreshed)
		state_set_number(s->state, STREAM_REFRESHED, 1);
	if (s->unsent != 0)
		state_delete(s->tables.unsent, &s->unsent, sizeof s->unsent);
	s->unsent = 0;
	code = state_commit(s->state, &why);
	if (code != PROG_OK)
		log_error("%s", buf_str(&why));
	buf_release(&why);
	return code;
}

static void
summarize(const struct stream *s)
{
	const struct stream_counts *c = &s->counts;

	log_info("stream_done",
	    "records=%" PRIu64 " again=%" PRIu64 " late=%" PRIu64
	    " bad=%" PRIu64 " passed=%" PRIu64 " rows=%" PRIu64
	    " ticks=%" PRIu64 " ahead=%" PRIu64 " assigned=%" PRIu64,
	    c->records, c->again, c->late, c->bad, c->passed, c->rows, c->ticks,
	    c->ahead, c->assigned);
}

static enum exit_code
run(struct stream *s)
{
	enum exit_code code = finish(s, false);
	size_t incomplete;

	if (code != PROG_OK || s->tick == STREAM_FAILED || stop_asked())
		return code;
	s->expired_ms = clock_mono_ms();
	s->stage = (struct stage){ .in = s->in,
		.dead = &s->dead,
		.ctx = s,
		.batch_records = BATCH_RECORDS,
		.batch_ms = (int)conf_int(s->job->conf, "aggregator", "every"),
		.prompt = true,
		/* A reservation is not to wait. */
		.busy_ms = s->assign != NULL ? 0 : BUSY_MS,
		.idle_ms = s->assign != NULL ? ALLOCATION_IDLE_MS : 0,
		.wait_forever = !s->job->until_empty,
		.handle_block = handle_block,
		.flush = flush,
		.pump = pump,
		.idle = idle };
	code = stage_run(&s->stage);
	if (s->tick == STREAM_FAILED)
		code = s->code;
	else if (code == PROG_OK)
		code = finish(s, true);
	/* Rows that nobody confirmed are written at the next start, also when
	 * nobody reads the pipe any more, which is no failure of ours. */
	if (code == PROG_OK && s->tick == STREAM_OPEN)
		code = forget_marks(s);
	summarize(s);
	if (code != PROG_OK || !s->stage.ended)
		return code;
	incomplete = staging_tell_incomplete(&s->staging);
	return incomplete > 0 || s->staging.failed > 0 ? PROG_DATA : PROG_OK;
}

void
stream_init(struct stream *s, const struct job *job)
{
	memset(s, 0, sizeof *s);
	s->job = job;
	s->code = PROG_SOFTWARE;
	s->setup.conf = job->conf;
	s->setup.rules = job->rules;
	s->setup.selection = &job->selection;
	s->setup.part = job->part;
	s->pool.limit = (size_t)conf_int(job->conf, "aggregator", "cache");
	s->setup.pool = &s->pool;
	s->setup.window_ms = conf_int(job->conf, "aggregator", "window");
	s->setup.memory_ms = s->setup.window_ms;
	s->setup.ahead_ms = conf_int(job->conf, "aggregator", "ahead");
	s->refresh_ms = conf_int(job->conf, "aggregator", "refresh");
	s->refreshed_ms = clock_mono_ms();
	/* To tell which messages of a snapshot are known. */
	s->setup.clocks = job->selection.messages;
	s->snapshots = s->setup; /* before there is a state */
	s->snapshots.window_ms = 0;
	s->snapshots.ahead_ms = 0;
	s->snapshots.no_streaming = true;
	s->staging.setup = &s->snapshots;
	s->staging.ctx = s;
	s->staging.refuse = refuse;
	s->staging.by_part = true;
	if (job->selection.messages)
		s->staging.passes = stream_passes;
	s->staging.publish = stream_publish;
	s->staging.confirm = confirm;
	scan_init(&s->scan);
	if (!job->until_empty)
		daemon_init();
}

void
stream_release(struct stream *s)
{
	size_t i;

	endpoint_close(s->out);
	endpoint_close(s->assign);
	if (s->in != NULL)
		deadletter_close(&s->dead);
	endpoint_close(s->in);
	for (i = 0; i < s->tenants_n; i++) {
		pipeline_release(&s->tenants[i]->pipeline);
		free(s->tenants[i]->name);
		free(s->tenants[i]);
	}
	free(s->tenants);
	strmap_release(&s->names, NULL);
	stream_redelivery_release(s);
	scan_release(&s->scan);
	buf_release(&s->scratch);
	buf_release(&s->key);
	state_close(s->state);
	staging_close(&s->staging);
}

enum exit_code
stream_run(const struct job *job)
{
	static struct stream s;
	struct buf why = BUF_INIT;
	enum exit_code code;

	stream_init(&s, job);
	code = stream_open(&s, &why);
	if (why.len > 0)
		log_error("%s", buf_str(&why));
	/* Who is asked to stop before the broker is there has no ends. */
	if (code == PROG_OK && !stop_asked())
		code = run(&s);
	stream_release(&s);
	buf_release(&why);
	return code;
}
