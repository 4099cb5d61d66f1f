/*
 * queue: the aggregator behind a queue of snapshots only ([aggregator] every =
 * 0; else it is stream.c), as a daemon or until it is empty. The loop is
 * common/stage.h, what is kept is inbox.h; here they are put together.
 */
#include "aggregator/job.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/parse.h"
#include "common/stage.h"
#include "common/stop.h"
#include "common/xalloc.h"

#include "aggregator/inbox.h"

#define BATCH_RECORDS 20000
#define BATCH_MS 200
#define EXPIRE_EVERY_MS (INT64_C(3600) * 1000)
#define PAUSE_MS 1000

struct queue {
	const struct job *job;
	struct endpoint *in, *out;
	struct deadletter dead;
	struct keyed_pool pool;
	struct drive_setup setup;
	struct inbox inbox;
	struct stage stage;
	int64_t expired_ms; /* when that was last looked after */
};

static enum outcome
refuse(void *ctx, const char *line, size_t len, const char *reason)
{
	struct queue *q = ctx;
	enum outcome o =
	    deadletter_add(&q->dead, endpoint_where(q->in), line, len, reason);

	if (o == OUTCOME_NEVER)
		q->inbox.code = q->dead.code;
	return o;
}

static enum outcome
out_failed(struct queue *q)
{
	if (endpoint_code(q->out) != PROG_OK)
		log_error("%s", endpoint_why(q->out));
	q->inbox.code = endpoint_code(q->out);
	return OUTCOME_NEVER;
}

/* Nobody here knows what was passed on before: all of them, each time. */
static bool
passes(void *ctx, const struct record *r)
{
	const struct queue *q = ctx;

	return choice_passes(&q->job->choice, r->type);
}

static enum outcome
publish(void *ctx, struct intake *intake)
{
	struct queue *q = ctx;
	struct tenant **list;
	struct report report;
	enum outcome o = OUTCOME_DONE;
	size_t n, i;

	list = intake_tenants(intake, &n);
	for (i = 0; i < n && o == OUTCOME_DONE; i++) {
		struct snapshot *s = list[i]->whole;

		if (s == NULL)
			continue;
		report_init(
		    &report, &s->drive, q->job->rules, s->id, s->end_at);
		report.passed = &s->passed;
		if (report_ndjson(&report, job_write_line, q->out) == -1)
			o = out_failed(q);
		report_release(&report);
	}
	free(list);
	return o;
}

static enum outcome
confirm(void *ctx)
{
	struct queue *q = ctx;
	enum outcome o = endpoint_flush(q->out);

	return o == OUTCOME_NEVER ? out_failed(q) : o;
}

/* The number of the line within its message: endpoint_where() ends in it. */
static uint64_t
line_number(struct endpoint *in)
{
	const char *word = strrchr(endpoint_where(in), ' ');
	int64_t n;

	if (word == NULL || parse_int(word + 1, 0, INT64_MAX, &n) == -1)
		return 0;
	return (uint64_t)n;
}

static enum outcome
handle(void *ctx, char *line, size_t len)
{
	struct queue *q = ctx;
	enum outcome o;
	bool last;

	o = inbox_add(&q->inbox, line, len, endpoint_message_id(q->in, &last),
	    line_number(q->in));
	q->stage.code = q->inbox.code;
	return o;
}

static enum outcome
flush(void *ctx)
{
	struct queue *q = ctx;
	enum outcome o = inbox_flush(&q->inbox);

	q->stage.code = q->inbox.code;
	return o;
}

static void
pump(void *ctx)
{
	endpoint_pump(((struct queue *)ctx)->out);
}

static void
idle(void *ctx)
{
	struct queue *q = ctx;

	if (clock_mono_ms() - q->expired_ms < EXPIRE_EVERY_MS)
		return;
	q->expired_ms = clock_mono_ms();
	inbox_expire(&q->inbox);
}

/* Publishes what the last run left whole, before anything new is read. */
static enum exit_code
resume(struct queue *q)
{
	enum outcome o;

	while ((o = inbox_flush(&q->inbox)) == OUTCOME_LATER &&
	       !q->job->until_empty && !stop_sleep(PAUSE_MS))
		continue;
	if (o == OUTCOME_NEVER)
		return q->inbox.code;
	if (o == OUTCOME_LATER)
		return stop_asked() ? PROG_OK : PROG_TEMPFAIL;
	return PROG_OK;
}

static enum exit_code
run(struct queue *q)
{
	enum exit_code code = resume(q);
	size_t incomplete;

	if (code != PROG_OK || stop_asked())
		return code;
	q->expired_ms = clock_mono_ms();
	q->stage.in = q->in;
	q->stage.dead = &q->dead;
	q->stage.ctx = q;
	q->stage.batch_records = BATCH_RECORDS;
	q->stage.batch_ms = BATCH_MS;
	q->stage.patient = !q->job->until_empty;
	q->stage.handle = handle;
	q->stage.flush = flush;
	q->stage.pump = pump;
	q->stage.idle = idle;
	code = stage_run(&q->stage);
	if (code != PROG_OK || !q->stage.ended)
		return code;
	incomplete = inbox_tell_incomplete(&q->inbox);
	return incomplete > 0 || q->inbox.failed > 0 ? PROG_DATA : PROG_OK;
}

enum exit_code
queue_run(const struct job *job)
{
	struct endpoint_options opt = { .conf = job->conf,
		.until_empty = job->until_empty,
		.patient = !job->until_empty };
	struct queue q = { .job = job };
	struct buf why = BUF_INIT;
	enum exit_code code = PROG_OK;

	if (opt.patient)
		log_stamp(true);
	q.setup.conf = job->conf;
	q.setup.rules = job->rules;
	q.setup.choice = &job->choice;
	q.setup.pool = &q.pool;
	q.inbox.setup = &q.setup;
	q.inbox.ctx = &q;
	q.inbox.refuse = refuse;
	q.inbox.passes = passes;
	q.inbox.publish = publish;
	q.inbox.confirm = confirm;
	if (inbox_open(&q.inbox, job->state, &why) == -1) {
		code = q.inbox.code;
		goto out;
	}
	q.in = endpoint_open_read(job->from, &opt, &why, &code);
	if (q.in == NULL)
		goto out;
	deadletter_open(&q.dead, q.in, &opt);
	q.out = endpoint_open_write(job->to, &opt, &why, &code);
	if (q.out != NULL)
		code = run(&q);
out:
	if (why.len > 0)
		log_error("%s", buf_str(&why));
	endpoint_close(q.out);
	endpoint_close(q.in);
	if (q.in != NULL)
		deadletter_close(&q.dead);
	inbox_close(&q.inbox);
	keyed_pool_release(&q.pool);
	buf_release(&why);
	return code;
}
