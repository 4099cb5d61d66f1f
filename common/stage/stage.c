/*
 * stage: see stage.h. The effect of a crash at each point:
 *
 *   reading, handling     the lines are read again
 *   flush                 the same, and part of the effect exists already
 *   confirm               the same, for this batch and the part of the next
 *                         ones that was read
 *   dead letters          the same; they may be written twice
 *   acknowledge           lines are read again whose effect exists completely
 *
 * A line may therefore be handled twice, but is never lost.
 */
#include "common/stage/stage.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/fault.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/os/notify.h"
#include "common/os/retry.h"
#include "common/os/stop.h"

#define IDLE_MS 1000
/* After this many lines, a prompt stage pauses at least as long as the flush
 * took, because fewer batches cost less. */
#define MANY_LINES 1000
/* Waits while send() or confirm() is not complete. The second one is for
 * flushes that take longer than CONFIRM_MS: the database may be away for
 * hours. */
#define SOON_MS 1
#define SLOW_MS 20
/* How long a flush may be unconfirmed while the next batch is read; after that
 * the stage waits for it, unless flushes overlap. */
#define CONFIRM_MS 1000
#define RETRY_BASE_MS 200
#define RETRY_CAP_MS 5000

/* How often links are served; must be shorter than any heartbeat. */
#define LOOK_MS 400

/* A flush that is not acknowledged. */
struct stage_flush {
	struct endpoint_mark input; /* what it acknowledges */
	int64_t began_ms;
	uint64_t lines; /* of its batch */
};

static void
keep_links(struct stage *s)
{
	s->looked_ms = clock_mono_ms();
	endpoint_pump(s->in);
	deadletter_pump(s->dead);
	daemon_metrics_count(s->metrics, s->lines, s->dead->count);
	if (s->pump != NULL)
		s->pump(s->ctx);
}

void
stage_serve(struct stage *s)
{
	notify_idle();
	keep_links(s);
}

/* While flushes overlap, only the threads that carry them out can report
 * progress. */
static void
keep_alive(struct stage *s)
{
	if (s->overlaps && s->flushes_n > 0)
		notify_idle();
	else
		notify_alive();
	keep_links(s);
}

static void
serve_others(void *ctx)
{
	struct stage *s = ctx;

	keep_alive(s);
	if (s->idle != NULL)
		s->idle(s->ctx);
}

/* After an outcome other than DONE: returns true, after a pause, if a retry
 * makes sense. */
static bool
try_again(struct stage *s, enum outcome o, struct retry *retry)
{
	if (o == OUTCOME_LATER)
		daemon_metrics_retried(s->metrics, 1);
	return o == OUTCOME_LATER && s->wait_forever &&
	       retry_wait(retry, serve_others, s);
}

/* Waits, if asked to, for the oldest flush only. LATER: that one is not
 * confirmed, although it waited. */
static enum outcome
confirm_flushes(struct stage *s, bool wait)
{
	struct retry retry = RETRY_INIT(RETRY_BASE_MS, RETRY_CAP_MS, -1);
	enum outcome o = OUTCOME_DONE;

	while (s->confirmed_n < s->flushes_n) {
		wait = wait && s->confirmed_n == 0;
		if (s->confirm != NULL)
			o = s->confirm(s->ctx, wait);
		if (o == OUTCOME_DONE)
			s->confirmed_n++;
		else if (!wait || !try_again(s, o, &retry))
			break;
	}
	return o == OUTCOME_LATER && !wait ? OUTCOME_DONE : o;
}

/* Removes the confirmed flushes, which are acknowledged. */
static void
forget_flushes(struct stage *s)
{
	const struct stage_flush *f = s->flushes;
	const struct stage_flush *last = &f[s->confirmed_n - 1];
	int64_t now = clock_mono_ms(), part = s->rest, rest;

	for (; f <= last; f++)
		if (f->lines > 0)
			daemon_metrics_flushed(s->metrics, now - f->began_ms);
	daemon_metrics_count(s->metrics, s->lines, s->dead->count);
	if (part > 0 && part < 100 && last->lines >= MANY_LINES)
		part = 100;
	rest = (now - last->began_ms) * part / 100;
	s->resting_ms = now + (rest > s->rest_ms ? rest : s->rest_ms);
	s->flushes_n -= s->confirmed_n;
	s->confirmed_n = 0;
	memmove(s->flushes, f, s->flushes_n * sizeof *f);
}

/* Acknowledges the flushes that are confirmed, after their dead letters; waits,
 * if asked to, for the oldest one. Any outcome but DONE ends the run. */
static enum outcome
acknowledge_flushes(struct stage *s, bool wait)
{
	struct retry retry = RETRY_INIT(RETRY_BASE_MS, RETRY_CAP_MS, -1);
	enum outcome o = confirm_flushes(s, wait);

	if (o != OUTCOME_DONE || s->confirmed_n == 0)
		return o;
	do {
		o = deadletter_flush(s->dead);
	} while (o != OUTCOME_DONE && try_again(s, o, &retry));
	if (o == OUTCOME_NEVER)
		s->code = s->dead->code;
	if (o != OUTCOME_DONE)
		return o;
	if (s->confirmed != NULL)
		s->confirmed(s->ctx, s->confirmed_n);
	FAULT_POINT("input.before_acknowledge");
	/* Commit point: the input is no longer needed. */
	if (!s->dry_run)
		endpoint_ack_to(s->in, &s->flushes[s->confirmed_n - 1].input);
	FAULT_POINT("input.acknowledged");
	forget_flushes(s);
	return OUTCOME_DONE;
}

/* Called between two reads. */
static enum outcome
look_for_confirm(struct stage *s)
{
	bool wait = s->flushes_n > 0 && !s->overlaps &&
		    clock_mono_ms() - s->flushes[0].began_ms >= CONFIRM_MS;

	return acknowledge_flushes(s, wait);
}

static enum endpoint_status
read_line_or_block(struct stage *s, char **line, size_t *len, int timeout_ms)
{
	if (s->handle_block != NULL)
		return endpoint_read_block(s->in, line, len, timeout_ms);
	return endpoint_read(s->in, line, len, timeout_ms);
}

static enum outcome
refuse_unread(struct stage *s)
{
	enum outcome o = deadletter_add(
	    s->dead, endpoint_where(s->in), NULL, 0, endpoint_refusal(s->in));

	if (o == OUTCOME_NEVER)
		s->code = s->dead->code;
	return o;
}

/* A batch that is being filled. */
struct stage_batch {
	size_t lines;
	int64_t began; /* ms */
};

/* Returns how long to wait for more lines of a batch in ms; -1: the batch is
 * due. */
static int64_t
batch_wait_ms(const struct stage *s, const struct stage_batch *b)
{
	int64_t now = clock_mono_ms(), left = b->began + s->batch_ms - now;

	if (stop_asked() || s->enough)
		return -1;
	if (left < 0 || !s->prompt || (s->flushes_n > 0 && !s->overlaps))
		return left;
	if (s->resting_ms <= now)
		return 0;
	return s->resting_ms - now < left ? s->resting_ms - now : left;
}

/* Reads within a batch. *again: nothing arrived, but there is time left. */
static enum endpoint_status
read_more(struct stage *s, const struct stage_batch *b, char **line,
    size_t *len, int left, bool *again)
{
	enum endpoint_status status;
	bool sends = s->send != NULL && b->lines > 0, soon;
	int wait_ms = SOON_MS;
	int64_t asked;

	*again = false;
	if (left == 0 || (!sends && s->flushes_n == 0))
		return read_line_or_block(s, line, len, left);
	status = read_line_or_block(s, line, len, 0);
	if (status != ENDPOINT_WAIT || stop_asked())
		return status;
	soon = sends && s->send(s->ctx);
	asked = clock_mono_ms();
	if (!soon && s->flushes_n > 0 &&
	    asked - s->flushes[0].began_ms >= CONFIRM_MS)
		wait_ms = SLOW_MS;
	if ((!soon && s->flushes_n == 0) || left <= wait_ms)
		return read_line_or_block(s, line, len, left);
	status = read_line_or_block(s, line, len, wait_ms);
	/* An input that returns earlier has a reason. */
	*again = status == ENDPOINT_WAIT && clock_mono_ms() - asked >= wait_ms;
	return status;
}

/* Called when no line arrived within *left ms. Returns true if the batch
 * continues, and sets *left to the next wait; again: see read_more(). */
static bool
go_on_without(struct stage *s, const struct stage_batch *b,
    enum endpoint_status status, bool again, int64_t *left, enum outcome *o)
{
	if (again && !stop_asked()) {
		if (b->lines > 0)
			*left = batch_wait_ms(s, b);
	} else if (status != ENDPOINT_WAIT || b->lines > 0 || stop_asked()) {
		return false;
	} else if (s->flushes_n > 0) {
		/* Until then, the broker sends no more. */
		*o = acknowledge_flushes(s, true);
	} else {
		/* These messages contain no lines. Without an acknowledgement
		 * the broker would send no more. */
		if (!s->dry_run)
			endpoint_ack(s->in);
		serve_others(s);
	}
	return !s->enough;
}

/* Reads and handles lines until a batch is full or due, or the input has ended.
 * Returns RECORD or WAIT to continue, otherwise the status that ended the
 * input. *o: the last outcome of the handler. */
static enum endpoint_status
read_batch(struct stage *s, enum outcome *o)
{
	struct stage_batch b = { 0, 0 };
	enum endpoint_status status;
	int64_t left = s->idle_ms > 0 ? s->idle_ms : IDLE_MS;
	size_t len = 0, lines;
	char *line = NULL;
	bool again;

	*o = OUTCOME_DONE;
	while (*o == OUTCOME_DONE && b.lines < s->batch_records && left >= 0) {
		*o = look_for_confirm(s);
		if (*o != OUTCOME_DONE)
			break;
		if (clock_mono_ms() - s->looked_ms >= LOOK_MS)
			keep_alive(s);
		status = read_more(s, &b, &line, &len, (int)left, &again);
		lines = 1;
		if (status == ENDPOINT_RECORD && s->handle_block != NULL)
			*o = s->handle_block(s->ctx, line, len, &lines);
		else if (status == ENDPOINT_RECORD)
			*o = s->handle(s->ctx, line, len);
		else if (status == ENDPOINT_TOOLONG)
			*o = refuse_unread(s);
		else if (go_on_without(s, &b, status, again, &left, o))
			continue;
		else
			return status;
		if (b.lines == 0)
			b.began = clock_mono_ms();
		b.lines += lines;
		s->lines += lines;
		left = batch_wait_ms(s, &b);
	}
	return ENDPOINT_RECORD;
}

/* Flush, confirm, dead letters, acknowledge: in this order, or not at all. All
 * but the first run while the next batch is read. */
static enum outcome
complete_batch(struct stage *s, uint64_t lines)
{
	struct retry retry = RETRY_INIT(RETRY_BASE_MS, RETRY_CAP_MS, -1);
	enum outcome o =
	    s->overlaps ? OUTCOME_DONE : acknowledge_flushes(s, true);
	int64_t now;

	if (o != OUTCOME_DONE)
		return o;
	/* Data that need no flush need not wait for this one. */
	if (s->send != NULL)
		(void)s->send(s->ctx);
	now = clock_mono_ms();
	do {
		o = s->flush(s->ctx);
	} while (o != OUTCOME_DONE && try_again(s, o, &retry));
	if (o != OUTCOME_DONE)
		return o;
	XGROW(s->flushes, s->flushes_n, s->flushes_cap);
	s->flushes[s->flushes_n++] = (struct stage_flush){
		.input = endpoint_mark(s->in), .began_ms = now, .lines = lines
	};
	return acknowledge_flushes(s, false);
}

enum exit_code
stage_refusal(enum outcome o, enum exit_code code)
{
	if (o == OUTCOME_NEVER)
		return code;
	return stop_asked() ? PROG_OK : PROG_TEMPFAIL;
}

/* Returns the exit code at the end of the input; logs errors. */
static enum exit_code
stage_verdict(struct stage *s, enum endpoint_status status)
{
	if (status == ENDPOINT_FAILED) {
		log_error("%s", endpoint_why(s->in));
		return endpoint_code(s->in);
	}
	if (status == ENDPOINT_CUT) {
		log_error("the input '%s' ends inside %s; send it again from "
			  "its source",
		    endpoint_name(s->in), endpoint_where(s->in));
		return PROG_DATA;
	}
	return deadletter_code(s->dead);
}

static bool
may_go_on(const struct stage *s, enum endpoint_status status)
{
	return (status == ENDPOINT_RECORD || status == ENDPOINT_WAIT) &&
	       !s->enough && !stop_asked();
}

static enum exit_code
run_batches(struct stage *s)
{
	enum endpoint_status status;
	enum outcome o;
	uint64_t before;

	do {
		before = s->lines;
		status = read_batch(s, &o);
		/* After `enough` the process may run another stage. */
		if (!may_go_on(s, status) && !s->enough)
			notify_stopping();
		/* The handler refused a line: nothing of this batch is
		 * acknowledged, so it will be delivered again. */
		if (o != OUTCOME_DONE)
			return stage_refusal(o, s->code);
		o = complete_batch(s, s->lines - before);
		if (o != OUTCOME_DONE)
			return stage_refusal(o, s->code);
	} while (may_go_on(s, status));
	while (s->flushes_n > 0) {
		o = acknowledge_flushes(s, true);
		if (o != OUTCOME_DONE)
			return stage_refusal(o, s->code);
	}
	s->ended = status == ENDPOINT_END || status == ENDPOINT_EMPTY;
	log_debug("stage_done", "input=%s lines=%" PRIu64, endpoint_name(s->in),
	    s->lines);
	return stage_verdict(s, status);
}

enum exit_code
stage_run(struct stage *s)
{
	enum exit_code code;

	s->code = PROG_SOFTWARE;
	s->ended = false;
	s->lines = 0;
	s->looked_ms = clock_mono_ms();
	notify_ready();
	code = run_batches(s);
	free(s->flushes);
	s->flushes = NULL;
	s->flushes_n = s->flushes_cap = s->confirmed_n = 0;
	return code;
}
