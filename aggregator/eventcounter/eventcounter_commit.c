/*
 * eventcounter_commit: makes the effect of a batch of messages durable, in the
 * order that eventcounter.c gives, and restores it at the start.
 */
#include "aggregator/eventcounter/eventcounter_impl.h"

#include <errno.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/os/stop.h"

#include "aggregator/eventcounter/eventcounter_files.h"
#include "aggregator/model/model_pack.h"
#include "aggregator/tenant/tenant_rows.h"

#define PAUSE_MS 500

/* Runs of expired identities that a commit deletes, at most. */
#define EXPIRE_RUNS 64

enum outcome
counter_retry(struct counter *c, enum outcome (*step)(struct counter *c))
{
	enum outcome o;

	while ((o = step(c)) == OUTCOME_LATER && c->wait_forever &&
	       !stop_sleep(PAUSE_MS)) {
		daemon_metrics_retried(c->metrics, 1);
		counter_tell(c);
		endpoint_pump(c->in);
		deadletter_pump(&c->dead);
		if (c->out != NULL)
			endpoint_pump(c->out);
	}
	if (o == OUTCOME_LATER)
		c->code = stop_asked() ? PROG_OK : PROG_TEMPFAIL;
	return o;
}

void
counter_tell(const struct counter *c)
{
	daemon_metrics_count(
	    c->metrics, c->counted + c->duplicates + c->refused, c->dead.count);
}

static enum outcome
flush_dead_letters(struct counter *c)
{
	enum outcome o = deadletter_flush(&c->dead);

	if (o == OUTCOME_NEVER)
		c->code = c->dead.code;
	return o;
}

static enum outcome
rows_failed(struct counter *c)
{
	if (endpoint_code(c->out) != PROG_OK)
		log_error("%s", endpoint_why(c->out));
	c->code = endpoint_code(c->out);
	return OUTCOME_NEVER;
}

static enum outcome
flush_rows(struct counter *c)
{
	enum outcome o = endpoint_flush(c->out);

	return o == OUTCOME_NEVER ? rows_failed(c) : o;
}

static int
write_row_line(void *ctx, const char *line, size_t len)
{
	struct counter *c = ctx;

	return endpoint_write(c->out, line, len);
}

/* Writes the rows of the counts that changed. */
static enum outcome
write_count_rows(struct counter *c)
{
	struct tenant_rows rows;
	int rc;

	pipeline_recompute(&c->pipeline, &definition_ours, false);
	tenant_rows_init_changed(
	    &rows, &c->pipeline, &definition_ours, c->version);
	rc = tenant_rows_ndjson(&rows, write_row_line, c);
	tenant_rows_release(&rows);
	return rc == 0 ? counter_retry(c, flush_rows) : rows_failed(c);
}

static void
advance_version(struct counter *c)
{
	int64_t now = clock_now_ms();

	if (c->state != NULL)
		c->version = state_version(c->state);
	else
		c->version = now > c->version ? now : c->version + 1;
}

static void
put_run_key(struct buf *key, uint16_t span)
{
	buf_clear(key);
	buf_addc(key, (char)(span >> 8));
	buf_addc(key, (char)(span & 255));
}

static void
note_run(struct counter *c, uint16_t span)
{
	if (!c->has_runs || (int16_t)(uint16_t)(span - c->oldest_run) < 0)
		c->oldest_run = span;
	c->has_runs = true;
}

/* A run of identities, for model_pack_identities(). */
static void
save_run(void *ctx, uint16_t span, const void *p, size_t len)
{
	struct counter *c = ctx;
	int64_t version = state_version(c->state);
	int shift;

	put_run_key(&c->text, span);
	for (shift = 56; shift >= 0; shift -= 8)
		buf_addc(&c->text, (char)(version >> shift & 255));
	state_put(c->seen_table, c->text.data, c->text.len, p, len);
	note_run(c, span);
}

/* Deletes a few runs of spans that the window has passed. */
static void
expire_runs(struct counter *c)
{
	size_t left = EXPIRE_RUNS, n;

	while (c->has_runs && left > 0 &&
	       model_span_is_over(&c->pipeline.model, c->oldest_run)) {
		put_run_key(&c->text, c->oldest_run);
		n = state_delete_prefix(
		    c->seen_table, c->text.data, c->text.len, left);
		if (n < left)
			c->oldest_run++;
		left -= n > 0 ? n : 1;
	}
}

static void
save_counts(struct counter *c)
{
	const struct model *m = &c->pipeline.model;
	struct buf count = BUF_INIT;
	size_t i;

	for (i = 0; i < m->changes.events_n; i++) {
		buf_clear(&count);
		buf_clear(&c->text);
		model_pack_event(m, m->changes.events[i], &c->text, &count);
		state_put(c->counts_table, c->text.data, c->text.len,
		    count.data, count.len);
	}
	model_pack_identities(m, c, save_run);
	expire_runs(c);
	buf_release(&count);
}

static enum outcome
commit_state(struct counter *c, bool rows_to_come)
{
	if (rows_to_come)
		state_set_number(c->state, "rows_to_come", 1);
	c->code = state_commit(c->state, &c->why);
	if (c->code == PROG_OK)
		return OUTCOME_DONE;
	log_error("%s", buf_str(&c->why));
	return OUTCOME_NEVER;
}

enum outcome
counter_write_files(struct counter *c)
{
	if (c->job->json_dir == NULL)
		return OUTCOME_DONE;
	c->files_ms = clock_mono_ms();
	c->files_counted = c->counted;
	if (files_write(c->job->json_dir, &c->pipeline.model, &c->why) == 0)
		return OUTCOME_DONE;
	c->code = syserr_code(errno, PROG_CANTCREATE);
	log_error("%s", buf_str(&c->why));
	return OUTCOME_NEVER;
}

enum outcome
counter_commit(struct counter *c)
{
	int64_t began = clock_mono_ms();
	enum outcome o;

	counter_pass_time(c);
	o = counter_retry(c, flush_dead_letters);
	if (o != OUTCOME_DONE)
		return o;
	if (c->out != NULL)
		advance_version(c);
	if (c->state != NULL) {
		save_counts(c);
		/* The commit point with a state. */
		o = commit_state(c, true);
	} else {
		/* The commit point without a state. */
		o = counter_write_files(c);
	}
	if (o == OUTCOME_DONE && c->out != NULL)
		o = write_count_rows(c);
	if (o != OUTCOME_DONE)
		return o;
	pipeline_sent(&c->pipeline);
	endpoint_ack(c->in);
	if (c->pending > 0)
		daemon_metrics_flushed(c->metrics, clock_mono_ms() - began);
	counter_tell(c);
	c->pending = 0;
	return OUTCOME_DONE;
}

void
counter_pass_time(struct counter *c)
{
	const struct record r = { .type = RECORD_CLOCK, .at = clock_now_ms() };

	(void)pipeline_add(&c->pipeline, &r);
}

/* False if unpacking failed: the state is damaged. */
static bool
check_unpacked(struct counter *c, int rc)
{
	if (rc == -1)
		state_set_damaged(c->state);
	return rc == 0;
}

static bool
restore_count(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct counter *c = ctx;

	return check_unpacked(
	    c, model_unpack_event(&c->pipeline.model, key, key_len, data, len));
}

static bool
restore_run(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct counter *c = ctx;
	const unsigned char *b = key;
	uint16_t span;

	if (key_len < 2)
		return check_unpacked(c, -1);
	span = (uint16_t)(b[0] << 8 | b[1]);
	note_run(c, span);
	return check_unpacked(
	    c, model_unpack_identities(&c->pipeline.model, span, data, len));
}

void
counter_restore(struct counter *c)
{
	c->counts_table = state_table(c->state, COUNTS, STATE_BYTES);
	c->seen_table = state_table(c->state, SEEN, STATE_BYTES);
	if (state_failed(c->state))
		return;
	state_each(c->counts_table, NULL, 0, restore_count, c);
	state_each(c->seen_table, NULL, 0, restore_run, c);
}

static void
mark_all_counts(struct counter *c)
{
	struct model *m = &c->pipeline.model;
	size_t i;

	for (i = 0; i < m->events_n; i++)
		model_mark_event(m, model_name(m, m->events[i]->user),
		    model_name(m, m->events[i]->event));
}

enum outcome
counter_write_old_rows(struct counter *c)
{
	enum outcome o;

	if (c->out == NULL || c->state == NULL ||
	    state_number(c->state, "rows_to_come", 0) == 0)
		return OUTCOME_DONE;
	advance_version(c);
	mark_all_counts(c);
	o = write_count_rows(c);
	if (o != OUTCOME_DONE)
		return o;
	pipeline_sent(&c->pipeline);
	return commit_state(c, false);
}

enum outcome
counter_clear_old_rows(struct counter *c)
{
	if (c->out == NULL || c->state == NULL)
		return OUTCOME_DONE;
	state_set_number(c->state, "rows_to_come", 0);
	return commit_state(c, false);
}
