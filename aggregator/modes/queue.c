/*
 * queue: the aggregator reading snapshots from a queue ([aggregator] every = 0;
 * otherwise it is stream.c), as a daemon or until the queue is empty. It joins
 * the loop of common/stage/stage.h and the files of
 * aggregator/snapshot/staging.h.
 */
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/os/notify.h"
#include "common/os/stop.h"
#include "common/stage/stage.h"

#include "aggregator/modes/modes.h"
#include "aggregator/snapshot/staging.h"
#include "aggregator/stream/stream.h"

#define BATCH_RECORDS 20000
#define BATCH_MS 200
#define EXPIRE_EVERY_MS HOUR_MS
#define PAUSE_MS 1000

struct queue {
	const struct aggregator_job *job;
	struct endpoint *in, *out;
	struct deadletter dead;
	struct keyed_state_pool pool;
	struct pipeline_setup setup;
	struct future future;
	struct staging staging;
	struct stage stage;
	int64_t expired_ms; /* when the staging was last expired */
};

static enum outcome
dead_letter_line(void *ctx, const char *line, size_t len, const char *reason)
{
	struct queue *q = ctx;
	enum outcome o =
	    deadletter_add(&q->dead, endpoint_where(q->in), line, len, reason);

	if (o == OUTCOME_NEVER)
		q->staging.code = q->dead.code;
	return o;
}

static enum outcome
report_output_error(struct queue *q)
{
	if (endpoint_code(q->out) != PROG_OK)
		log_error("%s", endpoint_why(q->out));
	q->staging.code = endpoint_code(q->out);
	return OUTCOME_NEVER;
}

/* There is no record of what was passed through before: all is, each time. */
static bool
queue_passes(void *ctx, struct record *r)
{
	const struct queue *q = ctx;

	return metric_selection_passes(&q->job->selection, r);
}

static enum outcome
publish_snapshots(void *ctx, struct intake *intake)
{
	struct queue *q = ctx;
	struct intake_tenant **list;
	struct tenant_rows report;
	enum outcome o = OUTCOME_DONE;
	size_t n, i;

	list = intake_tenants(intake, &n);
	for (i = 0; i < n && o == OUTCOME_DONE; i++) {
		struct snapshot *s = list[i]->whole;

		if (s == NULL)
			continue;
		tenant_rows_init(&report, &s->pipeline, q->job->definition,
		    s->id, s->end_at);
		report.pass_through = &s->pass_through;
		if (tenant_rows_ndjson(
			&report, aggregator_write_line, q->out) == -1)
			o = report_output_error(q);
		tenant_rows_release(&report);
	}
	free(list);
	return o;
}

/* Dead letters are written first: a bad line that is in the staging is not
 * refused again. */
static enum outcome
flush_queue_dead_letters(struct queue *q)
{
	enum outcome o = deadletter_flush(&q->dead);

	if (o == OUTCOME_NEVER)
		q->staging.code = q->dead.code;
	return o;
}

static enum outcome
confirm_rows_of_queue(void *ctx)
{
	struct queue *q = ctx;
	enum outcome o = flush_queue_dead_letters(q);

	if (o != OUTCOME_DONE)
		return o;
	o = endpoint_flush(q->out);
	return o == OUTCOME_NEVER ? report_output_error(q) : o;
}

static enum outcome
stage_line(void *ctx, char *line, size_t len)
{
	struct queue *q = ctx;
	enum outcome o = staging_add(&q->staging, line, len);

	q->stage.code = q->staging.code;
	return o;
}

static enum outcome
stage_unread_line(void *ctx)
{
	struct queue *q = ctx;
	struct endpoint_delivery d = { .line = 0 };
	enum outcome o;

	(void)endpoint_delivery(q->in, &d);
	o = staging_add_unread(&q->staging, endpoint_refusal(q->in), d.line);
	q->stage.code = q->staging.code;
	return o;
}

static enum outcome
flush_staged(void *ctx)
{
	struct queue *q = ctx;
	enum outcome o = flush_queue_dead_letters(q);

	if (o == OUTCOME_DONE)
		o = staging_flush(&q->staging);
	q->stage.code = q->staging.code;
	return o;
}

static void
pump_output(void *ctx)
{
	endpoint_pump(((struct queue *)ctx)->out);
}

static void
expire_staging(void *ctx)
{
	struct queue *q = ctx;

	if (clock_mono_ms() - q->expired_ms < EXPIRE_EVERY_MS)
		return;
	q->expired_ms = clock_mono_ms();
	staging_expire(&q->staging);
}

/* Publishes whole snapshots of the last run, before anything new is read. */
static enum exit_code
publish_staged(struct queue *q)
{
	enum outcome o;

	while ((o = staging_flush(&q->staging)) == OUTCOME_LATER &&
	       !q->job->until_empty && !stop_sleep(PAUSE_MS))
		continue;
	if (o == OUTCOME_NEVER)
		return q->staging.code;
	if (o == OUTCOME_LATER)
		return stop_asked() ? PROG_OK : PROG_TEMPFAIL;
	return PROG_OK;
}

static enum exit_code
run_snapshot_queue(struct queue *q)
{
	enum exit_code code = publish_staged(q);
	size_t incomplete;

	if (code != PROG_OK || stop_asked())
		return code;
	q->expired_ms = clock_mono_ms();
	q->stage.in = q->in;
	q->stage.dead = &q->dead;
	q->stage.ctx = q;
	q->stage.batch_records = BATCH_RECORDS;
	q->stage.batch_ms = BATCH_MS;
	q->stage.wait_forever = !q->job->until_empty;
	q->stage.handle = stage_line;
	q->stage.unread = stage_unread_line;
	q->stage.flush = flush_staged;
	q->stage.pump = pump_output;
	q->stage.upkeep = expire_staging;
	if (!q->job->until_empty)
		q->stage.metrics = daemon_metrics_open(q->job->conf,
		    endpoint_amqp_name(endpoint_name(q->in)), NULL, NULL);
	code = stage_run(&q->stage);
	daemon_metrics_close(q->stage.metrics);
	if (code != PROG_OK || !q->stage.ended)
		return code;
	incomplete = staging_report_incomplete(&q->staging);
	return incomplete > 0 || q->staging.failed > 0 ? PROG_DATA : PROG_OK;
}

static void
init_staging(struct queue *q)
{
	q->setup.conf = q->job->conf;
	q->setup.definition = q->job->definition;
	q->setup.selection = &q->job->selection;
	q->setup.pool = &q->pool;
	future_init(&q->future, q->job->conf);
	q->setup.future = &q->future;
	q->staging.setup = &q->setup;
	q->staging.ctx = q;
	q->staging.refuse = dead_letter_line;
	q->staging.passes = queue_passes;
	q->staging.publish = publish_snapshots;
	q->staging.confirm = confirm_rows_of_queue;
}

static enum exit_code
take_snapshots(const struct aggregator_job *job)
{
	struct endpoint_options opt = { .conf = job->conf,
		.until_empty = job->until_empty,
		.wait_forever = !job->until_empty,
		.sole = true,
		.append = true };
	struct queue q = { .job = job };
	struct buf why = BUF_INIT;
	enum exit_code code = PROG_OK;

	if (opt.wait_forever)
		daemon_init();
	init_staging(&q);
	if (staging_open(&q.staging, job->state, &why) == -1) {
		code = q.staging.code;
		goto out;
	}
	q.in = endpoint_open_read(job->from, &opt, &why, &code);
	if (q.in == NULL)
		goto out;
	deadletter_open(&q.dead, q.in, &opt);
	q.out = endpoint_open_write(job->to, &opt, &why, &code);
	if (q.out != NULL)
		code = run_snapshot_queue(&q);
out:
	if (why.len > 0)
		log_error("%s", buf_str(&why));
	endpoint_close(q.out);
	endpoint_close(q.in);
	if (q.in != NULL)
		deadletter_close(&q.dead);
	staging_close(&q.staging);
	keyed_state_pool_release(&q.pool);
	buf_release(&why);
	return code;
}

static const struct option_row rows[] = {
	AGGREGATOR_TO,
	AGGREGATOR_FORMAT,
	AGGREGATOR_METRICS,
	AGGREGATOR_ASSIGN_TO,
	AGGREGATOR_CLOCK,
	AGGREGATOR_DEFINITION,
	OPTION_TEXT(0, "every", "TIME", struct aggregator, every,
	    "a stream: write what changed so often, such as 50ms"),
	AGGREGATOR_GENERATION,
	AGGREGATOR_PART,
	AGGREGATOR_STATE,
	AGGREGATOR_UNTIL_EMPTY,
	AGGREGATOR_WINDOW,
};

static enum exit_code
run_queue(void *options)
{
	struct aggregator *a = options;
	enum exit_code code;

	if (!aggregator_configure(a, &code))
		return code;
	return conf_int(a->common.conf, "aggregator", "every") > 0
		   ? stream_run(&a->job)
		   : take_snapshots(&a->job);
}

const struct option_mode aggregator_mode_queue = {
	.choice = OPTION_TAKE('f', "from", "queue:NAME", struct aggregator,
	    job.from, endpoint_take_from, "for ever, with a state"),
	.when = endpoint_is_queue,
	.title = "-f queue:NAME",
	.about = "Takes snapshots from a queue, each when it is whole; with "
		 "--every a stream.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.check = aggregator_check_rows,
	.run = run_queue,
};
