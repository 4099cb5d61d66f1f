/*
 * consume: see consume.h.
 */
#include "sink/read/consume.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/stop.h"
#include "common/base/xalloc.h"
#include "common/conf/conf.h"
#include "common/endpoint/stage.h"
#include "common/os/retry.h"

enum {
	/* How long the input is waited for while there is nothing to do, and
	 * how long the workers are between two looks at it. */
	IDLE_MS = 1000,
	LOOK_MS = 1,
	/* Between two looks at heartbeats while there is nothing to read. */
	PUMP_MS = 100,
	RETRY_BASE_MS = 200,
	RETRY_CAP_MS = 5000,
	/* A load is stored by one connection alone up to that many rows: a
	 * second transaction would cost more than it gains. */
	WHOLE_ROWS = 500,
	/* However many rows fit. */
	BATCH_GROUP_BYTES = 8 * 1024 * 1024,
};

static enum outcome
give_up(struct consume *c, enum exit_code code)
{
	c->code = code;
	return OUTCOME_NEVER;
}

/* The broker hangs up on who is silent for long. */
static void
pump(struct consume *c)
{
	endpoint_pump(c->in);
	deadletter_pump(&c->dead);
}

/* After an outcome that is not DONE: true when it shall be tried again, and
 * then the pause is over. */
static bool
again(struct consume *c, enum outcome o, struct retry *retry)
{
	int64_t left;

	if (o != OUTCOME_LATER || !c->wait_forever)
		return false;
	left = retry_next(retry, -1);
	do {
		if (stop_sleep(left < IDLE_MS ? left : IDLE_MS))
			return false;
		pump(c);
		left -= IDLE_MS;
	} while (left > 0);
	return true;
}

/* Dead letters of the rows that only the database refused, from *next on. */
static enum outcome
send_bad(struct consume *c, const struct rows *rows, size_t *next)
{
	char where[32];
	const struct row *row;
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
send_all_bad(struct consume *c, const struct batch *b)
{
	struct retry retry = RETRY_INIT(RETRY_BASE_MS, RETRY_CAP_MS, -1);
	enum outcome o = OUTCOME_DONE;
	size_t k, next;

	for (k = 0; k < TABLES && o == OUTCOME_DONE; k++) {
		next = 0;
		do {
			o = send_bad(c, &b->rows[k], &next);
		} while (o != OUTCOME_DONE && again(c, o, &retry));
	}
	return o;
}

static void
count_rows(struct consume *c, const struct batch *b)
{
	uint64_t refused = 0, older = 0;
	const struct rows *rows;
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
			case ROW_AGED:
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
say_missing(struct text tenant, const struct seen *s)
{
	log_warn("snapshot %s of %.*s is not whole: %lld of %lld rows came; "
		 "operators and chats that are gone stay until the next one",
	    s->snapshot, TEXT_ARG(tenant), (long long)s->arrived,
	    (long long)s->records);
}

static void
note_end(struct consume *c, const struct tenant *t)
{
	struct seen now = { NULL, t->ended.as_of, t->arrived,
		t->ended.records };
	struct seen *before = strmap_get(&c->missing, t->name.p, t->name.len);

	if (t->fate == END_NONE || t->fate == END_AGAIN)
		return;
	if (t->fate == END_OLDER || t->fate == END_OVERTAKEN) {
		log_info(t->fate == END_OLDER ? "snapshot_older"
					      : "snapshot_overtaken",
		    "tenant=%.*s snapshot=%.*s", TEXT_ARG(t->name),
		    TEXT_ARG(t->ended.snapshot));
		return;
	}
	if (before != NULL && !text_is(t->ended.snapshot, before->snapshot))
		say_missing(t->name, before);
	if (t->fate == END_INCOMPLETE) {
		seen_put(&c->missing, t->name, t->ended.snapshot, &now);
		return;
	}
	seen_free(strmap_delete(&c->missing, t->name.p, t->name.len));
	c->counts.snapshots++;
	c->counts.swept += t->swept;
	c->counts.left += t->left;
	log_info("snapshot_stored",
	    "tenant=%.*s snapshot=%.*s rows=%lld swept=%llu left=%llu",
	    TEXT_ARG(t->name), TEXT_ARG(t->ended.snapshot),
	    (long long)t->arrived, (unsigned long long)t->swept,
	    (unsigned long long)t->left);
}

static void
note_ends(struct consume *c, const struct batch *b)
{
	struct strmap_entry *e;
	size_t i = 0;

	while ((e = strmap_next(&b->tenants, &i)) != NULL)
		note_end(c, e->value);
}

/* The workers rest: what came of it. Of several failures one is told. */
static enum outcome
look_at_outcomes(struct consume *c, const struct batch_group *l)
{
	enum outcome o = OUTCOME_DONE;
	struct db *db = NULL;
	size_t i;

	for (i = 0; i < l->parts; i++) {
		if (worker_outcome(c->workers[i]) == OUTCOME_DONE ||
		    o == OUTCOME_NEVER)
			continue;
		o = worker_outcome(c->workers[i]);
		db = worker_db(c->workers[i]);
	}
	if (o == OUTCOME_NEVER) {
		log_error("%s", db_why(db));
		return give_up(c, db_code(db));
	}
	if (o == OUTCOME_LATER && !stop_asked())
		log_error("%s; nothing is lost, run it again", db_why(db));
	return o;
}

/* Parts in the order in which they were committed: the last one saw the rows
 * of all others. */
static void
note_parts(struct consume *c, const struct batch_group *l)
{
	uint64_t last = 0, next;
	size_t i, n, k = 0;

	for (n = 0; n < l->parts; n++) {
		next = UINT64_MAX;
		for (i = 0; i < l->parts; i++)
			if (worker_done(c->workers[i]) > last &&
			    worker_done(c->workers[i]) < next) {
				next = worker_done(c->workers[i]);
				k = i;
			}
		last = next;
		count_rows(c, &l->part[k]);
		note_ends(c, &l->part[k]);
	}
}

static enum outcome
flush_letters(struct consume *c)
{
	struct retry retry = RETRY_INIT(RETRY_BASE_MS, RETRY_CAP_MS, -1);
	enum outcome o;

	do {
		o = deadletter_flush(&c->dead);
	} while (o != OUTCOME_DONE && again(c, o, &retry));
	return o;
}

/* Whether the load that is being stored is done; waits up to timeout_ms. */
static bool
is_stored(struct consume *c, int timeout_ms)
{
	size_t i;

	for (i = 0; i < c->storing->parts; i++)
		if (!worker_wait(c->workers[i], timeout_ms))
			return false;
	return true;
}

/* Waits for the load that is being stored; then its dead letters, then the
 * acknowledgement: in this order, or not at all. */
static enum outcome
settle(struct consume *c)
{
	struct batch_group *l = c->storing;
	enum outcome o;
	size_t i;

	if (l == NULL)
		return OUTCOME_DONE;
	while (!is_stored(c, PUMP_MS))
		pump(c);
	c->storing = NULL;
	o = look_at_outcomes(c, l);
	if (o != OUTCOME_DONE)
		return o;
	note_parts(c, l);
	for (i = 0; i < l->parts && o == OUTCOME_DONE; i++)
		o = send_all_bad(c, &l->part[i]);
	if (o == OUTCOME_DONE)
		o = flush_letters(c);
	if (o == OUTCOME_NEVER)
		return give_up(c, c->dead.code);
	if (o != OUTCOME_DONE)
		return o;
	/* Commit point: the input is not needed any more. */
	endpoint_ack_to(c->in, &l->mark);
	batch_group_clear(l);
	return OUTCOME_DONE;
}

/* Hands the load that was filled to the workers, which rest, and takes the
 * other one. */
static void
start(struct consume *c)
{
	struct batch_group *l = c->filling;
	size_t i, whole = c->batch < WHOLE_ROWS ? c->batch : WHOLE_ROWS;

	l->mark = row_reader_mark(&c->inlet);
	partitions_see_to(&c->days, worker_db(c->workers[0]), &l->part[0]);
	if (batch_is_empty(&l->part[0]))
		l->parts = 0;
	else
		batch_group_divide(l, c->workers_n, whole);
	for (i = 0; i < l->parts; i++)
		worker_start(c->workers[i], &l->part[i], c->wait_forever);
	c->storing = l;
	c->filling = l == &c->loads[0] ? &c->loads[1] : &c->loads[0];
}

static bool
is_full(const struct consume *c)
{
	const struct batch_group *l = c->filling;

	return l->lines >= c->batch * c->workers_n ||
	       l->bytes >= BATCH_GROUP_BYTES;
}

/* Whether the load that is being filled shall be stored now. */
static bool
is_due(const struct consume *c, bool goes_on)
{
	const struct batch_group *l = c->filling;

	if (l->lines == 0)
		return false;
	return !goes_on || !c->by_hand || is_full(c) ||
	       clock_mono_ms() - l->since_ms >= c->linger_ms;
}

/* How long more lines are waited for. A queue gives what it has; a pipe is
 * given some time to come up with more. */
static int64_t
wait_ms(const struct consume *c)
{
	const struct batch_group *l = c->filling;

	if (l->lines == 0)
		return c->storing != NULL ? 0 : IDLE_MS;
	if (c->storing != NULL || !c->by_hand)
		return 0;
	return l->since_ms + c->linger_ms - clock_mono_ms();
}

/* One look at the input. */
static enum endpoint_status
read_some(struct consume *c, int timeout_ms, enum outcome *o)
{
	struct retry retry = RETRY_INIT(RETRY_BASE_MS, RETRY_CAP_MS, -1);
	struct batch_group *l = c->filling;
	enum endpoint_status status;
	bool first = l->lines == 0;

	do {
		status = row_reader_read(&c->inlet, l, c->batch * c->workers_n,
		    BATCH_GROUP_BYTES, timeout_ms, o);
	} while (*o != OUTCOME_DONE && again(c, *o, &retry));
	if (*o == OUTCOME_NEVER)
		c->code = c->dead.code;
	if (first && l->lines > 0)
		l->since_ms = clock_mono_ms();
	return status;
}

/* Reads until the load is full or old, or there is nothing more to read and
 * nothing else to wait for: RECORD or WAIT to go on, else what ended it. */
static enum endpoint_status
fill(struct consume *c, enum outcome *o)
{
	enum endpoint_status status;
	int64_t left;

	*o = OUTCOME_DONE;
	while (!is_full(c)) {
		left = wait_ms(c);
		if (left < 0 || (c->storing != NULL && is_stored(c, 0)))
			return ENDPOINT_RECORD;
		if (c->storing == NULL && c->filling->lines > 0 &&
		    clock_mono_ms() - c->filling->since_ms > c->linger_ms)
			return ENDPOINT_RECORD;
		status = read_some(c, (int)left, o);
		if (*o != OUTCOME_DONE)
			return status;
		if (status == ENDPOINT_RECORD || status == ENDPOINT_TOOLONG)
			continue;
		if (status != ENDPOINT_WAIT || stop_asked())
			return status;
		if (c->storing != NULL)
			(void)is_stored(c, LOOK_MS);
		else if (c->filling->lines > 0 && !c->by_hand)
			return status;
		else
			pump(c);
	}
	return ENDPOINT_RECORD;
}

/* Reads one load while the one before is stored, until the input ends. */
static enum exit_code
run(struct consume *c)
{
	enum endpoint_status status;
	enum outcome o, late;
	bool goes_on;

	do {
		status = fill(c, &o);
		goes_on =
		    (status == ENDPOINT_RECORD || status == ENDPOINT_WAIT ||
			status == ENDPOINT_TOOLONG) &&
		    !stop_asked();
		/* While the one before is stored. */
		batch_group_sort(c->filling);
		late = settle(c);
		/* A line was refused: nothing of its load is acknowledged,
		 * it comes again. */
		if (o != OUTCOME_DONE)
			return stage_refusal(o, c->code);
		if (late == OUTCOME_DONE && is_due(c, goes_on))
			start(c);
		if (late == OUTCOME_DONE && !goes_on)
			late = settle(c);
		if (late != OUTCOME_DONE)
			return stage_refusal(late, c->code);
	} while (goes_on);
	c->ended = status == ENDPOINT_END || status == ENDPOINT_EMPTY;
	return stage_verdict(c->in, &c->dead, status);
}

void
consume_init(struct consume *c, struct endpoint *in, struct db *db,
    const struct conf *conf, const struct endpoint_options *opt)
{
	int64_t keep_ms = conf_int(conf, "reaper", "tombstones");
	bool all = conf_text(conf, "reaper", "on_close")[0] == 'a';
	size_t i;

	memset(c, 0, sizeof *c);
	c->in = in;
	c->code = PROG_SOFTWARE;
	c->by_hand = !endpoint_is_queue(endpoint_name(in));
	c->wait_forever = opt->wait_forever;
	c->batch = (size_t)conf_int(conf, "sink", "batch");
	c->linger_ms = conf_int(conf, "sink", "batch_age");
	c->filling = &c->loads[0];
	c->missing = (struct strmap)STRMAP_INIT;
	deadletter_open(&c->dead, in, opt);
	row_reader_init(&c->inlet, in, &c->dead);
	c->workers_n = (size_t)conf_int(conf, "sink", "connections");
	for (i = 0; i < c->workers_n; i++)
		c->workers[i] = worker_new(
		    i == 0 ? db : db_another(db), keep_ms, all, &c->stored);
}

/* Snapshots that began and never ended, and those that lack rows. */
static bool
say_unfinished(struct consume *c)
{
	struct strmap_entry *e;
	const struct seen *s;
	struct text tenant;
	size_t i = 0;

	while ((e = strmap_next(&c->missing, &i)) != NULL) {
		tenant.p = e->key;
		tenant.len = e->key_len;
		say_missing(tenant, e->value);
	}
	for (i = 0;
	     c->by_hand && (e = strmap_next(&c->inlet.open, &i)) != NULL;) {
		s = e->value;
		log_warn("snapshot %s of %s was cut: its end marker is "
			 "missing",
		    s->snapshot, e->key);
	}
	return c->missing.live > 0 || c->inlet.open.live > 0;
}

static enum exit_code
consume_finish(struct consume *c, enum exit_code code)
{
	const struct consume_counts *n = &c->counts;
	const struct row_reader *t = &c->inlet;
	bool unfinished = c->ended && say_unfinished(c);

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
	if (code != PROG_OK || !c->by_hand || !c->ended)
		return code;
	if (c->inlet.lines == 0) {
		log_error("no input; give it the rows that aggregator writes");
		return PROG_NOINPUT;
	}
	return unfinished ? PROG_DATA : PROG_OK;
}

enum exit_code
consume_run(struct consume *c)
{
	return consume_finish(c, run(c));
}

void
consume_release(struct consume *c)
{
	size_t i;

	for (i = 0; i < c->workers_n; i++)
		worker_free(c->workers[i]);
	for (i = 0; i < ARRAY_LEN(c->loads); i++)
		batch_group_release(&c->loads[i]);
	partitions_release(&c->days);
	deadletter_close(&c->dead);
	row_reader_release(&c->inlet);
	strmap_release(&c->missing, seen_free);
}
