/*
 * consume: see consume.h.
 */
#include "sink/read/consume.h"

#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/fault.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/conf/conf.h"
#include "common/os/notify.h"
#include "common/os/retry.h"
#include "common/os/stop.h"
#include "common/stage/stage.h"
#include "sink/read/consume_counts.h"
#include "sink/read/consume_metrics.h"

enum {
	/* How long to wait for input while idle, and for the workers between
	 * two reads of the input. */
	IDLE_MS = 1000,
	LOOK_MS = 1,
	/* Time between two heartbeats while there is nothing to read. */
	PUMP_MS = 100,
	RETRY_BASE_MS = 200,
	RETRY_CAP_MS = 5000,
	/* The greatest size of a group, however many rows fit. */
	BATCH_GROUP_BYTES = 8 * 1024 * 1024,
};

static enum outcome
fail_with_code(struct consume *c, enum exit_code code)
{
	c->code = code;
	return OUTCOME_NEVER;
}

static struct batch_group *
filling(struct consume *c)
{
	return group_queue_filling(&c->groups);
}

static bool
is_storing(struct consume *c)
{
	return group_queue_oldest(&c->groups) != NULL;
}

/* While a group is stored, only its workers can say that this goes on. */
static void
say_alive(struct consume *c)
{
	if (!is_storing(c))
		notify_alive();
	else
		notify_idle();
}

/* The broker closes a connection that stays silent for long. */
static void
keep_heartbeats(void *ctx)
{
	struct consume *c = ctx;

	c->pumped_ms = clock_mono_ms();
	say_alive(c);
	daemon_metrics_count(c->metrics, c->reader.lines, c->dead.count);
	endpoint_pump(c->in);
	deadletter_pump(&c->dead);
}

/* Called after an outcome other than DONE. True: the pause is over, try again.
 * False: give up. */
static bool
wait_before_retry(struct consume *c, enum outcome o, struct retry *retry)
{
	if (o == OUTCOME_LATER)
		daemon_metrics_retried(c->metrics, 1);
	return o == OUTCOME_LATER && c->wait_forever &&
	       retry_wait(retry, keep_heartbeats, c);
}

/* Writes dead letters for the rows from *next on that the database refused. */
static enum outcome
send_bad(struct consume *c, const struct row_list *rows, size_t *next)
{
	char where[32];
	const struct sink_row *row;
	enum outcome o;

	for (; *next < rows->n; ++*next) {
		row = rows->row[*next];
		if (row->fate != ROW_BAD)
			continue;
		snprintf(where, sizeof where, "line %llu",
		    (unsigned long long)row->number);
		o = deadletter_add(
		    &c->dead, where, row->line, row->len, row->reason);
		if (o != OUTCOME_DONE)
			return o;
	}
	return OUTCOME_DONE;
}

static enum outcome
send_all_bad(struct consume *c, const struct row_batch *b)
{
	struct retry retry = RETRY_INIT(RETRY_BASE_MS, RETRY_CAP_MS, -1);
	enum outcome o = OUTCOME_DONE;
	size_t k, next;

	for (k = 0; k < TABLES && o == OUTCOME_DONE; k++) {
		next = 0;
		do {
			o = send_bad(c, &b->rows[k], &next);
		} while (o != OUTCOME_DONE && wait_before_retry(c, o, &retry));
	}
	return o;
}

/* Says why a group was not stored. */
static enum outcome
explain_outcome(struct consume *c, const struct batch_group *g)
{
	const struct db *db = group_queue_db(&c->groups, g);

	if (g->outcome == OUTCOME_NEVER) {
		log_error("%s", db_why(db));
		return fail_with_code(c, db_code(db));
	}
	if (!stop_asked())
		log_error("%s; nothing is lost, run it again", db_why(db));
	return g->outcome;
}

/* Counts the parts in the order of their commits: the last one saw the rows of
 * all others. */
static void
count_parts(struct consume *c, const struct batch_group *g)
{
	uint64_t last = 0, next;
	size_t i, n, k = 0;

	for (n = 0; n < g->parts; n++) {
		next = UINT64_MAX;
		for (i = 0; i < g->parts; i++) {
			if (g->done[i] > last && g->done[i] < next) {
				next = g->done[i];
				k = i;
			}
		}
		last = next;
		consume_count_part(c, &g->part[k]);
	}
}

static enum outcome
flush_sink_dead_letters(struct consume *c)
{
	struct retry retry = RETRY_INIT(RETRY_BASE_MS, RETRY_CAP_MS, -1);
	enum outcome o;

	do {
		o = deadletter_flush(&c->dead);
	} while (o != OUTCOME_DONE && wait_before_retry(c, o, &retry));
	return o;
}

/* Waits for the oldest group, then writes its dead letters, then acknowledges
 * it: in this order, or not at all. */
static enum outcome
complete_group(struct consume *c)
{
	struct batch_group *g = group_queue_oldest(&c->groups);
	enum outcome o = OUTCOME_DONE;
	size_t i;

	if (g == NULL)
		return OUTCOME_DONE;
	while (!group_queue_oldest_stored(&c->groups, PUMP_MS))
		keep_heartbeats(c);
	if (g->outcome != OUTCOME_DONE)
		return explain_outcome(c, g);
	count_parts(c, g);
	for (i = 0; i < g->parts && o == OUTCOME_DONE; i++)
		o = send_all_bad(c, &g->part[i]);
	if (o == OUTCOME_DONE)
		o = flush_sink_dead_letters(c);
	if (o == OUTCOME_NEVER)
		return fail_with_code(c, c->dead.code);
	if (o != OUTCOME_DONE)
		return o;
	FAULT_POINT("sink.before_acknowledge");
	/* Commit point: the group's lines are not needed any more. */
	endpoint_ack_to(c->in, &g->mark);
	if (g->lines > 0)
		consume_metrics_stored(c, g);
	group_queue_remove(&c->groups);
	return OUTCOME_DONE;
}

static enum outcome
complete_groups(struct consume *c)
{
	enum outcome o = OUTCOME_DONE;

	while (o == OUTCOME_DONE && is_storing(c))
		o = complete_group(c);
	return o;
}

/* A block whose last line filled a group is read to its end only afterwards,
 * and one without a line is in no group: nothing else would acknowledge them
 * before the next line comes, which the broker or a writer may keep back until
 * then. */
static void
acknowledge_rest(struct consume *c)
{
	struct endpoint_mark mark = row_reader_mark(&c->reader);

	if (!is_storing(c) && filling(c)->lines == 0)
		endpoint_ack_to(c->in, &mark);
}

/* The filled group, sorted. */
static void
start_group(struct consume *c)
{
	filling(c)->mark = row_reader_mark(&c->reader);
	group_queue_start(&c->groups);
}

/* While groups are stored and nothing is to be read. */
static void
start_or_wait(struct consume *c)
{
	if (clock_mono_ms() - c->pumped_ms >= PUMP_MS)
		keep_heartbeats(c);
	if (c->one_shot || filling(c)->lines == 0 ||
	    !group_queue_may_start(&c->groups)) {
		group_queue_wait(&c->groups, LOOK_MS);
		return;
	}
	batch_group_sort(filling(c));
	start_group(c);
}

static bool
group_is_full(struct consume *c)
{
	const struct batch_group *g = filling(c);

	return g->lines >= c->full || g->bytes >= BATCH_GROUP_BYTES;
}

/* Whether the group that is being filled is to be stored now. */
static bool
group_is_due(struct consume *c, bool goes_on)
{
	const struct batch_group *g = filling(c);

	if (g->lines == 0)
		return false;
	return !goes_on || !c->one_shot || group_is_full(c) ||
	       clock_mono_ms() - g->since_ms >= c->linger_ms;
}

/* How long to wait for more lines. A queue delivers what it has at once; a pipe
 * gets some time to deliver more. */
static int64_t
group_wait_ms(struct consume *c)
{
	const struct batch_group *g = filling(c);

	if (g->lines == 0)
		return is_storing(c) ? 0 : IDLE_MS;
	if (is_storing(c) || !c->one_shot)
		return 0;
	return g->since_ms + c->linger_ms - clock_mono_ms();
}

/* Reads the input once into the group. */
static enum endpoint_status
read_into_group(struct consume *c, int timeout_ms, enum outcome *o)
{
	struct retry retry = RETRY_INIT(RETRY_BASE_MS, RETRY_CAP_MS, -1);
	struct batch_group *g = filling(c);
	enum endpoint_status status;
	bool first = g->lines == 0;

	do {
		status = row_reader_read(
		    &c->reader, g, c->full, BATCH_GROUP_BYTES, timeout_ms, o);
	} while (*o != OUTCOME_DONE && wait_before_retry(c, *o, &retry));
	if (*o == OUTCOME_NEVER)
		c->code = c->dead.code;
	if (first && g->lines > 0)
		g->since_ms = clock_mono_ms();
	return status;
}

/* Reads until the group is full or old, or there is nothing to read and nothing
 * else to wait for. RECORD or WAIT to go on, else the status that ended it. */
static enum endpoint_status
fill_group(struct consume *c, enum outcome *o)
{
	enum endpoint_status status;
	int64_t left;

	*o = OUTCOME_DONE;
	while (!group_is_full(c)) {
		say_alive(c);
		acknowledge_rest(c);
		left = group_wait_ms(c);
		if (left < 0 ||
		    (is_storing(c) && group_queue_oldest_stored(&c->groups, 0)))
			return ENDPOINT_RECORD;
		if (!is_storing(c) && filling(c)->lines > 0 &&
		    clock_mono_ms() - filling(c)->since_ms > c->linger_ms)
			return ENDPOINT_RECORD;
		status = read_into_group(c, (int)left, o);
		if (*o != OUTCOME_DONE)
			return status;
		if (status == ENDPOINT_RECORD || status == ENDPOINT_TOOLONG)
			continue;
		if (status != ENDPOINT_WAIT || stop_asked())
			return status;
		if (is_storing(c))
			start_or_wait(c);
		else if (filling(c)->lines > 0 && !c->one_shot)
			return status;
		else
			keep_heartbeats(c);
	}
	return ENDPOINT_RECORD;
}

/* Reads one group while the one before is stored, until the input ends. */
static enum exit_code
consume_groups(struct consume *c)
{
	enum endpoint_status status;
	enum outcome o, late;
	bool goes_on;

	notify_ready();
	do {
		status = fill_group(c, &o);
		goes_on =
		    (status == ENDPOINT_RECORD || status == ENDPOINT_WAIT ||
			status == ENDPOINT_TOOLONG) &&
		    !stop_asked();
		if (!goes_on)
			notify_stopping();
		/* Sorting runs while the group before is stored. */
		batch_group_sort(filling(c));
		late = complete_group(c);
		/* A dead letter was not written: nothing of the group is
		 * acknowledged, it is delivered again. */
		if (o != OUTCOME_DONE)
			return stage_refusal(o, c->code);
		if (late == OUTCOME_DONE && !goes_on)
			late = complete_groups(c);
		if (late == OUTCOME_DONE && group_is_due(c, goes_on) &&
		    group_queue_may_start(&c->groups))
			start_group(c);
		if (late == OUTCOME_DONE && !goes_on)
			late = complete_groups(c);
		if (late != OUTCOME_DONE)
			return stage_refusal(late, c->code);
	} while (goes_on);
	acknowledge_rest(c);
	c->ended = status == ENDPOINT_END || status == ENDPOINT_EMPTY;
	return stage_verdict(c->in, &c->dead, status);
}

void
consume_init(struct consume *c, struct endpoint *in, struct db *db,
    const struct conf *conf, const struct endpoint_options *opt)
{
	memset(c, 0, sizeof *c);
	c->in = in;
	c->code = PROG_SOFTWARE;
	c->one_shot = !endpoint_is_queue(endpoint_name(in));
	c->wait_forever = opt->wait_forever;
	c->full = (size_t)(conf_int(conf, "sink", "batch") *
			   conf_int(conf, "sink", "connections"));
	c->linger_ms = conf_int(conf, "sink", "batch_age");
	c->missing = (struct strmap)STRMAP_INIT;
	older_snapshots_init(&c->older);
	deadletter_open(&c->dead, in, opt);
	row_reader_init(&c->reader, in, &c->dead);
	c->reader.parts_kinds = !c->one_shot;
	group_queue_init(&c->groups, db, conf, !c->one_shot, c->wait_forever);
	if (c->wait_forever)
		c->metrics = consume_metrics_open(c, conf);
}

static enum exit_code
consume_finish(struct consume *c, enum exit_code code)
{
	const struct consume_counts *n = &c->counts;
	const struct row_reader *t = &c->reader;
	bool unfinished = c->ended && consume_has_cut_snapshots(c);

	if (c->ended)
		older_snapshots_warn(&c->older);
	daemon_metrics_count(c->metrics, t->lines, c->dead.count);
	log_info("sink_done",
	    "rows=%llu stored=%llu refused=%llu older=%llu dead=%llu "
	    "cut=%llu skipped=%llu batches=%llu snapshots=%llu swept=%llu "
	    "left=%llu",
	    (unsigned long long)t->rows, (unsigned long long)n->stored,
	    (unsigned long long)n->refused, (unsigned long long)n->older,
	    (unsigned long long)c->dead.count, (unsigned long long)t->cut,
	    (unsigned long long)t->skipped, (unsigned long long)n->batches,
	    (unsigned long long)n->snapshots, (unsigned long long)n->swept,
	    (unsigned long long)n->left);
	if (code != PROG_OK || !c->one_shot || !c->ended)
		return code;
	if (c->reader.lines == 0) {
		log_error("no input; give it the rows that aggregator writes");
		return PROG_NOINPUT;
	}
	return unfinished ? PROG_DATA : PROG_OK;
}

enum exit_code
consume_run(struct consume *c)
{
	return consume_finish(c, consume_groups(c));
}

void
consume_release(struct consume *c)
{
	daemon_metrics_close(c->metrics);
	group_queue_release(&c->groups);
	deadletter_close(&c->dead);
	row_reader_release(&c->reader);
	strmap_release(&c->missing, snapshot_progress_free);
	older_snapshots_release(&c->older);
}
