/*
 * stream_flush: a flush applies complete snapshots, recomputes the tenants that
 * have changed, commits them together with their rows, writes the rows and
 * confirms them. stream.h explains the order. common/stage/stage.h decides when
 * to flush, from the numbers that stream.c passes.
 *
 * Unassigned chats are assigned once per flush, after the model is recomputed.
 * What the allocation must remember, and the lines of new reservations, are
 * committed together with everything else. So are notices.
 *
 * The cost of a flush is proportional to the changes. Every [aggregator]
 * refresh, it also writes the rows with a running wait of tenants whose time
 * advanced, by records or by the system clock: of some tenants at a time, so
 * that the rows of very many do not delay other rows.
 */
#include "aggregator/stream/stream.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/fault.h"
#include "common/base/log.h"

#include "aggregator/tenant/tenant_rows.h"

/* An entry with that many bytes fills whole pages of LMDB, roughly. */
#define ENTRY_BYTES ((size_t)60 << 10)

/* How many tenants are refreshed at a time, and the pause before the next
 * ones. */
#define REFRESH_TENANTS 2000
#define REFRESH_PAUSE_MS 1000

/* Puts the lines that are not in the state yet. */
static void
put_entry(struct stream_lines *l)
{
	struct key k = { 0 };

	if (l->next.len == 0)
		return;
	key_number(&k, l->entries++);
	lmdb_put(l->table, k.bytes, k.len, l->next.data, l->next.len);
	buf_clear(&l->next);
}

static void
add_line(struct stream_lines *l, const char *line, size_t len)
{
	buf_add(&l->next, line, len);
	buf_addc(&l->next, '\n');
	if (l->next.len >= ENTRY_BYTES)
		put_entry(l);
}

void
stream_add_line(struct stream *s, const char *line, size_t len)
{
	add_line(&s->rows, line, len);
}

struct lines_writer {
	struct stream *stream;
	struct endpoint *to;
	bool failed;
};

static int
write_line(const struct lines_writer *w, const char *line, size_t len)
{
	struct stream *s = w->stream;

	return s->shared != NULL && w->to == s->out
		   ? stream_log_write(s, line, len)
		   : endpoint_write(w->to, line, len);
}

static bool
write_entry(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct lines_writer *w = ctx;
	const char *p = data, *end = p + len, *nl;

	(void)key;
	(void)key_len;
	while (!w->failed && p < end &&
	       (nl = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		w->failed = write_line(w, p, (size_t)(nl - p)) == -1;
		p = nl + 1;
	}
	return !w->failed;
}

/* Writes all lines to the output. Returns -1 if that failed. */
static int
write_lines(struct stream *s, const struct stream_lines *l, struct endpoint *to)
{
	struct lines_writer w = { s, to, false };

	if (l->table != NULL)
		lmdb_each(l->table, NULL, 0, write_entry, &w);
	return w.failed ? -1 : 0;
}

static void
delete_lines(struct stream_lines *l)
{
	if (l->table != NULL)
		(void)lmdb_delete_prefix(l->table, NULL, 0, SIZE_MAX);
	l->entries = 0;
}

void
stream_delete_lines(struct stream *s)
{
	delete_lines(&s->rows);
	delete_lines(&s->reservations);
	delete_lines(&s->notices);
}

bool
stream_has_lines(const struct stream *s)
{
	return lmdb_any(s->rows.table);
}

static enum outcome
fail_flush(struct stream *s, enum exit_code code, const char *why)
{
	if (code != PROG_OK)
		log_error("%s", why);
	stream_fail(s, code);
	return OUTCOME_NEVER;
}

/* True if a refresh would change its rows. */
static bool
waits_have_grown(const struct stream_tenant *t)
{
	const struct model *m = &t->pipeline.model;

	return t->aged || (m->by_clock && m->totals.waits.n > 0);
}

/* True if it is time to refresh the tenants, or the next ones. */
static bool
is_refresh_time(const struct stream *s)
{
	int64_t now = clock_mono_ms();

	return s->refresh_next > 0 ? now - s->refreshed_ms >= REFRESH_PAUSE_MS
				   : now - s->refresh_began_ms >= s->refresh_ms;
}

bool
stream_refresh_due(const struct stream *s)
{
	size_t i;

	if (!is_refresh_time(s))
		return false;
	for (i = 0; i < s->tenants_n; i++)
		if (waits_have_grown(s->tenants[i]))
			return true;
	return false;
}

static int
add_row(void *ctx, const char *line, size_t len)
{
	struct stream *s = ctx;

	s->counts.rows++;
	stream_log_add(s, line, len);
	return 0;
}

void
stream_flush_tenant(struct stream_tenant *t)
{
	struct stream *s = t->stream;

	stream_save(t);
	stream_log_begin(t);
	if (!stream_is_undated(t)) {
		(void)tenant_rows_changed(
		    &t->pipeline, state_version(s->state), add_row, s);
		if (t->applied.len > 0)
			(void)add_row(s, t->applied.data, t->applied.len);
		buf_clear(&t->applied);
		pipeline_clear_changed(&t->pipeline);
	}
	stream_log_end(t);
	s->touched_n -= t->touched;
	t->touched = false;
}

/* Puts what a commit consists of, besides the tenants' changes. */
static void
put_rest(struct stream *s)
{
	stream_log_ask(s);
	put_entry(&s->rows);
	put_entry(&s->reservations);
	put_entry(&s->notices);
}

enum exit_code
stream_commit(struct stream *s, struct buf *why)
{
	staging_save(&s->staging);
	put_rest(s);
	return state_commit(s->state, why);
}

enum outcome
stream_finish_commit(struct stream *s)
{
	struct buf why = BUF_INIT;
	enum exit_code code = state_commit_finish(s->state, &why);
	enum outcome o = OUTCOME_DONE;

	if (code == PROG_OK) {
		/* Commit point: the records read before it need not be
		 * delivered again. */
		if (s->step == FLUSH_COMMITTING)
			FAULT_POINT("aggregator.after_commit");
	} else {
		o = fail_flush(s, code, buf_str(&why));
	}
	buf_release(&why);
	return o;
}

static enum outcome
write_lines_to(
    struct stream *s, const struct stream_lines *l, struct endpoint *to)
{
	if (to == NULL || write_lines(s, l, to) == 0)
		return OUTCOME_DONE;
	return fail_flush(s, endpoint_code(to), endpoint_why(to));
}

/* Writes what others act on. */
static enum outcome
write_decisions(struct stream *s)
{
	enum outcome o = write_lines_to(s, &s->reservations, s->assign);

	return o == OUTCOME_DONE ? write_lines_to(s, &s->notices, s->notify)
				 : o;
}

enum outcome
stream_write_lines(struct stream *s)
{
	enum outcome o = stream_finish_commit(s);

	if (o != OUTCOME_DONE)
		return o;
	if (write_lines(s, &s->rows, s->out) == -1)
		return fail_flush(
		    s, endpoint_code(s->out), endpoint_why(s->out));
	stream_log_sent(s);
	/* Chats are reserved, and people told, only when the database knows
	 * it. */
	if (s->shared == NULL && write_decisions(s) != OUTCOME_DONE)
		return OUTCOME_NEVER;
	if (state_failed(s->state)) /* lines may be missing */
		return stream_finish_commit(s);
	s->step = FLUSH_WRITTEN;
	return OUTCOME_DONE;
}

/* Empties a cache that has grown too large. */
static void
drop_saved(const struct stream *s)
{
	size_t i;

	if (s->cache.limit == 0 || s->cache.used <= s->cache.limit)
		return;
	for (i = 0; i < s->tenants_n; i++)
		keyed_state_home_drop(&s->tenants[i]->pipeline.streaming->home);
}

/* Makes the dead letters written so far durable. */
static enum outcome
flush_dead_letters(struct stream *s)
{
	enum outcome o = deadletter_flush(&s->dead);

	if (o == OUTCOME_NEVER)
		stream_fail(s, s->dead.code);
	return o;
}

static enum outcome
confirm_output(struct stream *s, struct endpoint *to)
{
	enum outcome o = endpoint_flush(to);

	s->unconfirmed = o == OUTCOME_LATER ? to : NULL;
	if (o == OUTCOME_NEVER)
		return fail_flush(s, endpoint_code(to), endpoint_why(to));
	return o;
}

/* Records that were passed through must be safe before the state knows them: a
 * record that is delivered again may be late by then, and late records are not
 * passed through. */
static enum outcome
confirm_passed(struct stream *s)
{
	enum outcome o;

	if (s->counts.passed == s->passed_confirmed)
		return OUTCOME_DONE;
	o = confirm_output(s, s->out);
	if (o == OUTCOME_DONE)
		s->passed_confirmed = s->counts.passed;
	return o;
}

void
stream_reserved(void *ctx, const struct allocation_reservation *p)
{
	struct stream *s = ctx;

	buf_clear(&s->scratch);
	allocation_write(p, &s->scratch);
	add_line(&s->reservations, s->scratch.data, s->scratch.len);
}

void
stream_noticed(void *ctx, const struct notice *n)
{
	struct stream_tenant *t = ctx;
	struct stream *s = t->stream;

	buf_clear(&s->scratch);
	notice_write(n, t->name, &s->scratch);
	add_line(&s->notices, s->scratch.data, s->scratch.len);
	s->counts.notices++;
}

/* Returns whether the rules of notices must be evaluated by the system
 * clock. */
static bool
is_notice_due(const struct stream_tenant *t, int64_t now)
{
	const struct model *m = &t->pipeline.model;

	return t->stream->notify != NULL && m->by_clock &&
	       !stream_is_undated(t) &&
	       notice_metric_due(t->pipeline.streaming) <= now + m->ahead;
}

static bool
is_allocation_due(const struct stream_tenant *t, int64_t now)
{
	return t->stream->assign != NULL &&
	       allocation_due(t->pipeline.allocation) <= now;
}

bool
stream_touch_due(struct stream *s)
{
	bool any = false;
	int64_t now;
	size_t i;

	if (s->assign == NULL && s->notify == NULL)
		return false;
	now = clock_onward(&s->clock, clock_now_ms(), clock_mono_ms());
	for (i = 0; i < s->tenants_n; i++) {
		if (!is_allocation_due(s->tenants[i], now) &&
		    !is_notice_due(s->tenants[i], now))
			continue;
		stream_touch(s->tenants[i]);
		any = true;
	}
	return any;
}

/* Assigns the unassigned chats of a recomputed tenant. */
static void
assign_chats(struct stream_tenant *t)
{
	struct allocation *a = t->pipeline.allocation;

	if (a == NULL)
		return;
	/* An outcome counts even if its reservation expires now. */
	allocation_read(a, &t->pipeline.model, false);
	allocation_clock(a, t->stream->clock.now_ms);
	t->stream->counts.assigned += allocation_select(a);
}

/* Lets the rules of notices see a recomputed tenant. */
static void
evaluate_notices(struct stream_tenant *t)
{
	if (t->stream->notify != NULL && !stream_is_undated(t))
		notice_metric_evaluate(t->pipeline.streaming,
		    &t->pipeline.model, stream_noticed, t);
}

/* Recomputes the tenants that have changed, and those whose time has passed, at
 * most that many, beginning where the last refresh ended; puts their changes.
 * Returns false if there are none. */
static bool
flush_tenants(struct stream *s, size_t refreshes)
{
	size_t i, from = s->refresh_next;
	struct stream_tenant *t;
	bool any = false, refresh;

	(void)stream_touch_due(s);
	if (refreshes > 0)
		s->refresh_next = 0;
	for (i = 0; i < s->tenants_n; i++) {
		t = s->tenants[i];
		refresh = refreshes > 0 && i >= from &&
			  (t->touched || waits_have_grown(t));
		if (!t->touched && !refresh && !stream_log_due(t))
			continue;
		pipeline_recompute(&t->pipeline, refresh);
		assign_chats(t);
		evaluate_notices(t);
		if (refresh)
			t->aged = false;
		stream_flush_tenant(t);
		any = true;
		if (refresh && --refreshes == 0)
			s->refresh_next = i + 1;
	}
	return any;
}

/* Returns how many tenants are to be refreshed now. */
static size_t
begin_refresh(struct stream *s, bool all)
{
	if (!all && !is_refresh_time(s))
		return 0;
	s->refreshed_ms = clock_mono_ms();
	if (all)
		s->refresh_next = 0;
	if (s->refresh_next == 0)
		s->refresh_began_ms = s->refreshed_ms;
	return all ? SIZE_MAX : REFRESH_TENANTS;
}

static enum outcome
confirm_decisions(struct stream *s)
{
	enum outcome o = OUTCOME_DONE;

	if (s->assign != NULL)
		o = confirm_output(s, s->assign);
	if (o == OUTCOME_DONE && s->notify != NULL)
		o = confirm_output(s, s->notify);
	return o;
}

static enum outcome
confirm_outputs(struct stream *s)
{
	enum outcome o = confirm_output(s, s->out);

	return o == OUTCOME_DONE ? confirm_decisions(s) : o;
}

/* Returns whether the outputs have confirmed the lines. Waits only for outputs
 * that send confirms only on request. */
static enum outcome
look_at_outputs(struct stream *s)
{
	if (!s->out_marked)
		s->out_marked = s->assign == NULL && s->notices.entries == 0 &&
				endpoint_flush_begin(s->out, &s->out_mark);
	if (!s->out_marked)
		return confirm_outputs(s);
	return endpoint_flush_done(s->out, s->out_mark) ? OUTCOME_DONE
							: OUTCOME_LATER;
}

/* With keep_state = database: reservations and notices follow when the rows are
 * stored. */
static enum outcome
confirm_stored(struct stream *s, bool wait)
{
	enum outcome o = OUTCOME_DONE;

	if (s->step == FLUSH_WRITTEN) {
		o = stream_log_stored(s, wait);
		if (s->log.refused)
			return fail_flush(s, PROG_OK, NULL);
		if (o == OUTCOME_NEVER && !s->failed)
			return fail_flush(
			    s, endpoint_code(s->out), endpoint_why(s->out));
		if (o == OUTCOME_DONE) {
			FAULT_POINT("aggregator.stored");
			o = write_decisions(s);
		}
		if (o != OUTCOME_DONE)
			return o;
		s->step = FLUSH_STORED;
	}
	return confirm_decisions(s);
}

static enum outcome
confirm_lines(struct stream *s, bool wait)
{
	if (s->shared != NULL)
		return confirm_stored(s, wait);
	return wait ? confirm_outputs(s) : look_at_outputs(s);
}

enum outcome
stream_confirm(struct stream *s, bool wait)
{
	enum outcome o;

	if (s->failed)
		return OUTCOME_NEVER;
	if (s->step == FLUSH_COMMITTING) {
		if (!wait && !state_commit_done(s->state))
			return OUTCOME_LATER;
		o = stream_write_lines(s);
		if (o != OUTCOME_DONE)
			return o;
	}
	if (s->step == FLUSH_CONFIRMED)
		return OUTCOME_DONE;
	o = confirm_lines(s, wait);
	if (o != OUTCOME_DONE)
		return o;
	s->step = FLUSH_CONFIRMED;
	s->unconfirmed = NULL;
	stream_delete_lines(s);
	return OUTCOME_DONE;
}

/* Everything of a flush that changes the model or the state, once the lines of
 * the last flush are confirmed. */
enum outcome
stream_flush_begin(struct stream *s, bool refresh)
{
	enum outcome o = stream_confirm(s, true);
	bool staged;

	if (o != OUTCOME_DONE)
		return o;
	if (staging_apply(&s->staging) == -1)
		return OUTCOME_NEVER;
	o = flush_dead_letters(s);
	if (o == OUTCOME_DONE)
		o = confirm_passed(s);
	if (o != OUTCOME_DONE)
		return o;
	/* Lines of snapshots belong to the tenants' state. */
	staged = s->staging.changed;
	staging_save(&s->staging);
	if (!flush_tenants(s, begin_refresh(s, refresh)) && !staged)
		return OUTCOME_DONE;
	put_rest(s);
	FAULT_POINT("aggregator.before_commit");
	state_commit_begin(s->state);
	s->step = FLUSH_COMMITTING;
	s->out_marked = false;
	s->counts.flushes++;
	drop_saved(s);
	return OUTCOME_DONE;
}

enum outcome
stream_flush(struct stream *s, bool refresh)
{
	enum outcome o = stream_flush_begin(s, refresh);

	return o == OUTCOME_DONE ? stream_confirm(s, true) : o;
}
