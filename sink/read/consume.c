/*
 * consume: see consume.h.
 */
#include "sink/read/consume.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/monitoring/prometheus.h"
#include "common/os/stop.h"

/* How often a wait for the workers serves the links. */
#define SERVE_MS 100

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
			if (rows->row[i]->of != NULL)
				continue;
			switch (rows->row[i]->fate) {
			case ROW_STORED:
				c->counts.stored++;
				break;
			case ROW_BAD:
			case ROW_FLUSHED:
				break;
			case ROW_OLDER:
				older++;
				break;
			case ROW_TOMB:
			case ROW_EXPIRED:
			case ROW_REMOVED:
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
count_flush(struct consume *c, const struct flush *f)
{
	switch (f->fate) {
	case FLUSH_TAKEN:
		c->counts.flushes++;
		break;
	case FLUSH_KNOWN:
		c->counts.known_flushes++;
		break;
	case FLUSH_REFUSED:
		c->counts.refused_flushes++;
		log_info("flush_refused", "tenant=%.*s host=%.*s why=%s",
		    TEXT_ARG(f->tenant), TEXT_ARG(f->host), f->reason);
		flush_answers_refuse(&c->answers, f);
		break;
	}
}

static void
count_batch(struct consume *c, const struct row_batch *b)
{
	const struct batch_tenant *t;
	struct strmap_entry *e;
	size_t i = 0;

	count_fates(c, b);
	while ((e = strmap_next(&b->tenants, &i)) != NULL) {
		t = e->value;
		count_snapshot(c, t);
		if (t->flush != NULL)
			count_flush(c, t->flush);
	}
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

/* Ends the run: after LATER, too, because the failed step has already been
 * retried. */
static enum outcome
end_run(struct consume *c, enum outcome o, enum exit_code code)
{
	c->stage.code = stage_refusal(o, code);
	return OUTCOME_NEVER;
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
static void
explain_outcome(const struct worker_result *r)
{
	if (r->outcome == OUTCOME_NEVER)
		log_error("%s", db_why(r->db));
	else if (!stop_asked())
		log_error("%s; nothing is lost, run it again", db_why(r->db));
}

/* Finishes a stored batch: its dead letters come first, then it is safe. */
static enum outcome
finish_batch(struct consume *c, const struct worker_result *r)
{
	enum outcome o;

	if (r->outcome != OUTCOME_DONE) {
		explain_outcome(r);
		return end_run(c, r->outcome, db_code(r->db));
	}
	o = send_all_bad(c, r->batch);
	if (o != OUTCOME_DONE)
		return end_run(c, o, c->dead.code);
	count_batch(c, r->batch);
	daemon_metrics_retried(c->stage.metrics, r->retries);
	workers_take_back(c->workers, r);
	return OUTCOME_DONE;
}

/* Waits for a batch, at most this long; then finishes all that are stored, and
 * starts those that are due. */
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
	if (o == OUTCOME_DONE)
		workers_start(c->workers, c->flushed_ms);
	return o;
}

/* Waits until no batch is full. */
static enum outcome
make_room(struct consume *c)
{
	enum outcome o = OUTCOME_DONE;
	int wait = 0;

	while (o == OUTCOME_DONE && workers_full(c->workers)) {
		o = finish_batches(c, wait);
		if (wait > 0)
			stage_serve(&c->stage);
		wait = SERVE_MS;
	}
	return o;
}

static enum outcome
store_block(void *ctx, char *block, size_t len, size_t *lines)
{
	struct consume *c = ctx;
	enum outcome o;
	bool more = true;

	row_reader_begin(&c->reader, block, len, c->stage.lines);
	do {
		o = make_room(c);
		if (o != OUTCOME_DONE)
			break;
		o = row_reader_lines(&c->reader, &more);
		if (o != OUTCOME_DONE)
			o = end_run(c, o, c->dead.code);
	} while (o == OUTCOME_DONE && more);
	*lines = c->reader.lines - c->stage.lines;
	return o;
}

static enum outcome
flush_rows(void *ctx)
{
	struct consume *c = ctx;

	XGROW(c->marks, c->marks_n, c->marks_cap);
	workers_mark(c->workers, &c->marks[c->marks_n++]);
	flush_answers_flush(&c->answers);
	c->flushed_ms = clock_mono_ms();
	workers_start(c->workers, c->flushed_ms);
	return OUTCOME_DONE;
}

static enum outcome
confirm_rows(void *ctx, bool wait)
{
	struct consume *c = ctx;
	enum outcome o = finish_batches(c, 0);

	while (o == OUTCOME_DONE && !workers_safe(c->workers, &c->marks[0])) {
		if (!wait)
			return OUTCOME_LATER;
		o = finish_batches(c, SERVE_MS);
		stage_serve(&c->stage);
	}
	if (o != OUTCOME_DONE)
		return o;
	c->marks_n--;
	memmove(c->marks, c->marks + 1, c->marks_n * sizeof *c->marks);
	return OUTCOME_DONE;
}

static void
answer_writers(void *ctx, size_t flushes)
{
	struct consume *c = ctx;

	flush_answers_confirm(&c->answers, flushes);
}

void
consume_init(struct consume *c, struct endpoint *in, struct db *db,
    const struct conf *conf, const struct terms_book *terms,
    const struct endpoint_options *opt)
{
	memset(c, 0, sizeof *c);
	c->one_shot = !endpoint_is_queue(endpoint_name(in));
	c->snapshots = (struct strmap)STRMAP_INIT;
	deadletter_open(&c->dead, in, opt);
	c->workers = workers_open(db, conf, terms, opt->wait_forever);
	flush_answers_init(&c->answers, in);
	row_reader_init(&c->reader, in, &c->dead, c->workers, &c->answers);
	/* A queue delivers available lines at once, so a pause means that there
	 * are none; a pipe gets some time to deliver more. */
	c->stage = (struct stage){ .in = in,
		.dead = &c->dead,
		.ctx = c,
		.batch_records =
		    (size_t)(conf_int(conf, "sink", "batch") *
			     conf_int(conf, "sink", "connections")),
		.batch_ms = (int)conf_int(conf, "sink", "batch_age"),
		.prompt = !c->one_shot,
		.overlaps = true,
		.wait_forever = opt->wait_forever,
		.handle_block = store_block,
		.flush = flush_rows,
		.confirm = confirm_rows,
		.confirmed = answer_writers };
	if (opt->wait_forever)
		c->stage.metrics = daemon_metrics_open(conf,
		    endpoint_amqp_name(endpoint_name(in)), add_sink_metrics, c);
}

static enum exit_code
consume_finish(struct consume *c, enum exit_code code)
{
	const struct consume_counts *n = &c->counts;
	const struct row_reader *t = &c->reader;
	bool unfinished = c->stage.ended && has_cut_snapshots(c);

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
	if (code != PROG_OK || !c->one_shot || !c->stage.ended)
		return code;
	if (c->stage.lines == 0) {
		log_error(
		    "no input; sink reads the rows that aggregator writes");
		return PROG_NOINPUT;
	}
	return unfinished ? PROG_DATA : PROG_OK;
}

enum exit_code
consume_run(struct consume *c)
{
	return consume_finish(c, stage_run(&c->stage));
}

void
consume_release(struct consume *c)
{
	daemon_metrics_close(c->stage.metrics);
	workers_close(c->workers);
	deadletter_close(&c->dead);
	row_reader_release(&c->reader);
	flush_answers_release(&c->answers);
	strmap_release(&c->snapshots, snapshot_progress_free);
	free(c->marks);
}
