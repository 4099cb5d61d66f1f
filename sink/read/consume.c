/*
 * consume: see consume.h.
 */
#include "sink/read/consume.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/fault.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/os/notify.h"
#include "common/os/retry.h"
#include "common/os/stop.h"
#include "common/stage/stage.h"

enum {
	/* How long to wait for input while idle, and for the workers between
	 * two reads of the input. */
	IDLE_MS = 1000,
	LOOK_MS = 1,
	/* Time between two heartbeats while there is nothing to read. */
	PUMP_MS = 100,
	RETRY_BASE_MS = 200,
	RETRY_CAP_MS = 5000,
};

/* Once these batches are stored, the input may be acknowledged up to here. */
struct read_mark {
	struct endpoint_mark input;
	struct workers_mark batches;
	uint64_t lines; /* number read until then */
};

/* The CRM's clock may have been set back. A queue also redelivers older
 * snapshots, which needs no warning. */
static void
report_older(const struct consume *c, const struct batch_tenant *t)
{
	char its[CLOCK_TEXT], stored[CLOCK_TEXT];

	clock_format(t->ended.as_of, its);
	clock_format(t->stored.as_of, stored);
	/* A snapshot from before the removal of its tenant is expected. */
	if (!c->one_shot || t->ended.as_of <= t->stored.removed_at)
		log_info("snapshot_older", "tenant=%.*s snapshot=%.*s",
		    TEXT_ARG(t->name), TEXT_ARG(t->ended.snapshot));
	else
		log_warn("snapshot %.*s of %.*s (%s) is not newer than the "
			 "stored one (%s) and was ignored; was the CRM's clock "
			 "set back?",
		    TEXT_ARG(t->ended.snapshot), TEXT_ARG(t->name), its,
		    stored);
}

static void
count_fates(struct consume *c, const struct row_batch *b)
{
	uint64_t refused = 0, older = 0;
	const struct row_list *rows;
	size_t i, k;

	for (k = 0; k < TABLES; k++) {
		rows = &b->rows[k];
		for (i = 0; i < rows->n; i++) {
			switch (rows->row[i]->fate) {
			case ROW_STORED:
				c->counts.stored++;
				break;
			case ROW_BAD:
				break;
			case ROW_OLDER:
				older++;
				break;
			case ROW_TOMB:
			case ROW_EXPIRED:
			case ROW_REMOVED:
			case ROW_SHORT:
				refused++;
				break;
			}
		}
	}
	c->counts.refused += refused;
	c->counts.older += older;
	c->counts.batches++;
	if (refused + older > 0)
		log_info("rows_refused", "refused=%llu older=%llu",
		    (unsigned long long)refused, (unsigned long long)older);
}

static void
count_stored_snapshot(struct consume *c, const struct batch_tenant *t)
{
	c->counts.snapshots++;
	c->counts.swept += t->swept;
	c->counts.left += t->left;
	log_info("snapshot_stored",
	    "tenant=%.*s snapshot=%.*s rows=%lld swept=%llu left=%llu",
	    TEXT_ARG(t->name), TEXT_ARG(t->ended.snapshot),
	    (long long)t->arrived, (unsigned long long)t->swept,
	    (unsigned long long)t->left);
}

/* A worker stores all ends of a tenant, and results of a worker come in order:
 * the last one is about the newest snapshot. */
static void
count_snapshot(struct consume *c, const struct batch_tenant *t)
{
	const struct snapshot_progress now = { NULL, t->ended.as_of, t->arrived,
		t->ended.records, t->fate != END_INCOMPLETE };

	switch (t->fate) {
	case END_NONE:
		return;
	case END_OLDER:
		report_older(c, t);
		return;
	case END_STORED:
		count_stored_snapshot(c, t);
		break;
	case END_OVERTAKEN:
		log_info("snapshot_overtaken", "tenant=%.*s snapshot=%.*s",
		    TEXT_ARG(t->name), TEXT_ARG(t->ended.snapshot));
		break;
	case END_INCOMPLETE: /* the rest may still be in the queue */
		log_info("snapshot_incomplete",
		    "tenant=%.*s snapshot=%.*s arrived=%lld expected=%lld",
		    TEXT_ARG(t->name), TEXT_ARG(t->ended.snapshot),
		    (long long)t->arrived, (long long)t->ended.records);
		break;
	case END_AGAIN: /* also after a COMMIT whose answer was lost */
		break;
	}
	snapshot_progress_put(&c->snapshots, t->name, t->ended.snapshot, &now);
}

static void
count_batch(struct consume *c, const struct row_batch *b)
{
	struct strmap_entry *e;
	size_t i = 0;

	count_fates(c, b);
	while ((e = strmap_next(&b->tenants, &i)) != NULL)
		count_snapshot(c, e->value);
}

/* At the end: warns of snapshots without an end marker, or with missing rows;
 * returns true if there are any. */
static bool
has_cut_snapshots(struct consume *c)
{
	struct strmap_entry *e;
	const struct snapshot_progress *s;
	struct text tenant;
	bool cut = c->reader.open.live > 0;
	size_t i = 0;

	while ((e = strmap_next(&c->snapshots, &i)) != NULL) {
		tenant = (struct text){ e->key, e->key_len };
		s = e->value;
		if (s->stored)
			continue;
		cut = true;
		log_warn(
		    "snapshot %s of %.*s is incomplete: %lld of %lld rows "
		    "arrived; operators and chats that are gone stay until "
		    "the next snapshot",
		    s->snapshot, TEXT_ARG(tenant), (long long)s->arrived,
		    (long long)s->records);
	}
	for (i = 0;
	     c->one_shot && (e = strmap_next(&c->reader.open, &i)) != NULL;) {
		s = e->value;
		log_warn("snapshot %s of %s is incomplete: its end marker is "
			 "missing",
		    s->snapshot, e->key);
	}
	return cut;
}

static void
add_row_counts(const struct consume *c, struct buf *to, const char *labels)
{
	static const char name[] = "messaging_sink_rows_total";

	prometheus_head(to, name, PROMETHEUS_COUNTER,
	    "Rows stored, rows older than the stored ones, and refused rows "
	    "(from closed chats, past days or removed tenants).");
	prometheus_result(to, name, labels, "stored", c->counts.stored);
	prometheus_result(to, name, labels, "older", c->counts.older);
	prometheus_result(to, name, labels, "refused", c->counts.refused);
}

/* A daemon_metrics_writer. */
static void
add_sink_metrics(void *ctx, struct buf *to, const char *labels)
{
	const struct consume *c = ctx;

	add_row_counts(c, to, labels);
	prometheus_total(to, "messaging_sink_transactions_total", labels,
	    "Transactions committed.", c->counts.batches);
	prometheus_total(to, "messaging_sink_snapshots_total", labels,
	    "Snapshots stored completely.", c->counts.snapshots);
}

static enum outcome
fail_with_code(struct consume *c, enum exit_code code)
{
	c->code = code;
	return OUTCOME_NEVER;
}

/* While rows are stored, only the workers can report progress. */
static void
say_alive(struct consume *c)
{
	if (!workers_busy(c->workers))
		notify_alive();
	else
		notify_idle();
}

/* The broker closes a connection that is silent for long. */
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

/* Writes a dead letter for a row that the database refused. */
static enum outcome
send_bad(struct consume *c, const struct sink_row *row)
{
	char where[32];

	snprintf(where, sizeof where, "line %" PRIu64, row->number);
	return deadletter_add(
	    &c->dead, where, row->line, row->len, row->reason);
}

static enum outcome
send_all_bad(struct consume *c, const struct row_batch *b)
{
	enum outcome o = OUTCOME_DONE;
	size_t i, k;

	for (k = 0; k < TABLES; k++)
		for (i = 0; i < b->rows[k].n && o == OUTCOME_DONE; i++)
			if (b->rows[k].row[i]->fate == ROW_BAD)
				o = send_bad(c, b->rows[k].row[i]);
	return o;
}

/* Logs why a batch was not stored. */
static enum outcome
explain_outcome(struct consume *c, const struct worker_result *r)
{
	if (r->outcome == OUTCOME_NEVER) {
		log_error("%s", db_why(r->db));
		return fail_with_code(c, db_code(r->db));
	}
	if (!stop_asked())
		log_error("%s; nothing is lost, run it again", db_why(r->db));
	return r->outcome;
}

static enum outcome
flush_dead_letters(struct consume *c)
{
	struct retry retry = RETRY_INIT(RETRY_BASE_MS, RETRY_CAP_MS, -1);
	enum outcome o;

	do {
		o = deadletter_flush(&c->dead);
		if (o == OUTCOME_LATER)
			daemon_metrics_retried(c->metrics, 1);
	} while (o == OUTCOME_LATER && c->wait_forever &&
		 retry_wait(&retry, keep_heartbeats, c));
	return o == OUTCOME_NEVER ? fail_with_code(c, c->dead.code) : o;
}

/* Records how far the input has been read. */
static void
mark_input(struct consume *c)
{
	struct read_mark m = { .input = row_reader_mark(&c->reader),
		.lines = c->reader.lines };
	const struct read_mark *last =
	    c->marks_n > 0 ? &c->marks[c->marks_n - 1] : NULL;

	if (last != NULL && last->lines == m.lines &&
	    memcmp(&last->input, &m.input, sizeof m.input) == 0)
		return;
	workers_mark(c->workers, &m.batches);
	XGROW(c->marks, c->marks_n, c->marks_cap);
	c->marks[c->marks_n++] = m;
}

/* Acknowledges input that is safe. */
static enum outcome
acknowledge(struct consume *c)
{
	const struct read_mark *m;
	size_t n = c->acked;
	enum outcome o;

	while (n < c->marks_n && workers_safe(c->workers, &c->marks[n].batches))
		n++;
	if (n == c->acked)
		return OUTCOME_DONE;
	o = flush_dead_letters(c);
	if (o != OUTCOME_DONE)
		return o;
	m = &c->marks[n - 1];
	FAULT_POINT("sink.before_acknowledge");
	/* Commit point: the lines are no longer needed. */
	endpoint_ack_to(c->in, &m->input);
	/* The last one is kept, to detect whether anything has been read since
	 * then. */
	c->marks_n -= n - 1;
	memmove(c->marks, m, c->marks_n * sizeof *m);
	c->acked = 1;
	return OUTCOME_DONE;
}

/* Finishes a stored batch: its dead letters come first, then it is safe. */
static enum outcome
finish_batch(struct consume *c, const struct worker_result *r)
{
	enum outcome o;

	if (r->outcome != OUTCOME_DONE)
		return explain_outcome(c, r);
	o = send_all_bad(c, r->batch);
	if (o == OUTCOME_NEVER)
		return fail_with_code(c, c->dead.code);
	if (o != OUTCOME_DONE)
		return o;
	count_batch(c, r->batch);
	daemon_metrics_retried(c->metrics, r->retries);
	daemon_metrics_flushed(c->metrics, r->took_ms);
	daemon_metrics_count(c->metrics, c->reader.lines, c->dead.count);
	workers_take_back(c->workers, r);
	return OUTCOME_DONE;
}

/* Waits for a batch, at most this long; then finishes all that are stored. */
static enum outcome
finish_batches(struct consume *c, int timeout_ms)
{
	struct worker_result r;
	enum outcome o = OUTCOME_DONE;

	while (
	    o == OUTCOME_DONE && workers_result(c->workers, timeout_ms, &r)) {
		o = finish_batch(c, &r);
		timeout_ms = 0;
	}
	return o == OUTCOME_DONE ? acknowledge(c) : o;
}

/* Reads the input once. */
static enum endpoint_status
read_input(struct consume *c, int timeout_ms, enum outcome *o)
{
	enum endpoint_status status =
	    row_reader_read(&c->reader, timeout_ms, o);

	if (*o == OUTCOME_NEVER)
		c->code = c->dead.code;
	if (*o == OUTCOME_DONE)
		mark_input(c);
	return status;
}

/* Returns how long to wait for more lines. A queue delivers available ones at
 * once; a pipe gets some time to deliver more. */
static int
wait_ms(const struct consume *c)
{
	if (workers_busy(c->workers))
		return 0;
	if (!workers_filled(c->workers))
		return IDLE_MS;
	return c->one_shot ? (int)c->linger_ms : 0;
}

/* Starts due batches. drained: no more lines are available now. */
static void
start_batches(struct consume *c, bool drained)
{
	if (drained && !c->one_shot)
		workers_start(c->workers, INT64_MAX);
	else
		workers_start(c->workers, clock_mono_ms() - c->linger_ms);
}

/* Reads a block, or waits for a worker if a batch is full; meanwhile starts and
 * finishes batches. Returns RECORD or WAIT to continue, otherwise the status
 * that ended the input. *o: the outcome of the failure. */
static enum endpoint_status
take_step(struct consume *c, enum outcome *o)
{
	enum endpoint_status status = ENDPOINT_WAIT;
	bool drained = false;
	int wait = 0;

	say_alive(c);
	*o = OUTCOME_DONE;
	if (!workers_full(c->workers)) {
		status = read_input(c, wait_ms(c), o);
		drained = status == ENDPOINT_WAIT;
	}
	if (*o != OUTCOME_DONE)
		return status;
	start_batches(c, drained);
	if (status == ENDPOINT_WAIT &&
	    clock_mono_ms() - c->pumped_ms >= PUMP_MS)
		keep_heartbeats(c);
	if (workers_full(c->workers))
		wait = PUMP_MS;
	else if (drained && workers_busy(c->workers))
		wait = LOOK_MS;
	*o = finish_batches(c, wait);
	return status == ENDPOINT_TOOLONG ? ENDPOINT_RECORD : status;
}

/* Stores everything that was read. */
static enum outcome
finish_all(struct consume *c)
{
	enum outcome o = finish_batches(c, 0);

	while (o == OUTCOME_DONE &&
	       (workers_filled(c->workers) || workers_busy(c->workers))) {
		workers_start(c->workers, INT64_MAX);
		o = finish_batches(c, PUMP_MS);
		keep_heartbeats(c);
	}
	return o;
}

static enum exit_code
consume_input(struct consume *c)
{
	enum endpoint_status status;
	enum outcome o;

	notify_ready();
	do {
		status = take_step(c, &o);
		if (o != OUTCOME_DONE)
			return stage_refusal(o, c->code);
	} while ((status == ENDPOINT_RECORD || status == ENDPOINT_WAIT) &&
		 !stop_asked());
	notify_stopping();
	o = finish_all(c);
	if (o != OUTCOME_DONE)
		return stage_refusal(o, c->code);
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
	c->linger_ms = conf_int(conf, "sink", "batch_age");
	c->snapshots = (struct strmap)STRMAP_INIT;
	deadletter_open(&c->dead, in, opt);
	c->workers = workers_open(db, conf, c->wait_forever);
	row_reader_init(&c->reader, in, &c->dead, c->workers);
	if (c->wait_forever)
		c->metrics = daemon_metrics_open(conf,
		    endpoint_amqp_name(endpoint_name(in)), add_sink_metrics, c);
}

static enum exit_code
consume_finish(struct consume *c, enum exit_code code)
{
	const struct consume_counts *n = &c->counts;
	const struct row_reader *t = &c->reader;
	bool unfinished = c->ended && has_cut_snapshots(c);

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
		log_error(
		    "no input; sink reads the rows that aggregator writes");
		return PROG_NOINPUT;
	}
	return unfinished ? PROG_DATA : PROG_OK;
}

enum exit_code
consume_run(struct consume *c)
{
	return consume_finish(c, consume_input(c));
}

void
consume_release(struct consume *c)
{
	daemon_metrics_close(c->metrics);
	workers_close(c->workers);
	deadletter_close(&c->dead);
	row_reader_release(&c->reader);
	strmap_release(&c->snapshots, snapshot_progress_free);
	free(c->marks);
}
