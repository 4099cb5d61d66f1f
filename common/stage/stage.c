/*
 * stage: see stage.h. The effect of a crash at each point:
 *
 *   reading, handling     the lines are read again
 *   flush, dead letters   the same, and part of the effect exists already
 *   confirm               the same, for this batch and the part of the next
 *                         one that was read
 *   acknowledge           lines are read again whose effect exists completely
 *
 * A line may therefore be handled twice, but is never lost.
 */
#include "common/stage/stage.h"

#include <inttypes.h>

#include "common/base/clock.h"
#include "common/base/fault.h"
#include "common/base/log.h"
#include "common/os/notify.h"
#include "common/os/retry.h"
#include "common/os/stop.h"

#define IDLE_MS 1000
/* After this many lines, a prompt stage pauses at least as long as the flush
 * took, because fewer batches cost less. */
#define MANY_LINES 1000
/* Wait while send() or confirm() is not complete. */
#define SOON_MS 1
/* How long a flush may be unconfirmed while the next batch is read; after that
 * the stage waits for it. */
#define CONFIRM_MS 1000
#define RETRY_BASE_MS 200
#define RETRY_CAP_MS 5000

/* How often links are served; must be shorter than any heartbeat. */
#define LOOK_MS 400

static void
keep_links(struct stage *s)
{
	s->looked_ms = clock_mono_ms();
	notify_alive();
	endpoint_pump(s->in);
	deadletter_pump(s->dead);
	daemon_metrics_count(s->metrics, s->lines, s->dead->count);
	if (s->pump != NULL)
		s->pump(s->ctx);
}

static void
serve_others(void *ctx)
{
	struct stage *s = ctx;

	keep_links(s);
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

/* Acknowledges everything before the mark; NULL: everything so far. */
static void
acknowledge_input(struct stage *s, const struct endpoint_mark *mark)
{
	if (s->dry_run)
		return;
	if (mark != NULL)
		endpoint_ack_to(s->in, mark);
	else
		endpoint_ack(s->in);
}

/* Acknowledges a flush once it is confirmed; waits only if asked to. LATER: not
 * yet confirmed. */
static enum outcome
acknowledge_flush(struct stage *s, bool wait)
{
	struct retry retry = RETRY_INIT(RETRY_BASE_MS, RETRY_CAP_MS, -1);
	int64_t now, part = s->rest, rest;
	enum outcome o;

	if (!s->unconfirmed)
		return OUTCOME_DONE;
	do {
		o = s->confirm != NULL ? s->confirm(s->ctx, wait)
				       : OUTCOME_DONE;
	} while (wait && o != OUTCOME_DONE && try_again(s, o, &retry));
	if (o != OUTCOME_DONE)
		return o;
	s->unconfirmed = false;
	/* Commit point: the input is no longer needed. */
	acknowledge_input(s, s->confirm != NULL ? &s->flushed : NULL);
	FAULT_POINT("input.acknowledged");
	now = clock_mono_ms();
	if (s->flush_lines > 0)
		daemon_metrics_flushed(s->metrics, now - s->flush_ms);
	daemon_metrics_count(s->metrics, s->lines, s->dead->count);
	if (s->flush_lines >= MANY_LINES && part < 100)
		part = 100;
	rest = (now - s->flush_ms) * part / 100;
	s->resting_ms = now + (rest > s->rest_ms ? rest : s->rest_ms);
	return OUTCOME_DONE;
}

/* Called between two reads; returns LATER only when it is time to give up. */
static enum outcome
look_for_confirm(struct stage *s)
{
	enum outcome o;
	bool wait;

	if (!s->unconfirmed)
		return OUTCOME_DONE;
	wait = clock_mono_ms() - s->flush_ms >= CONFIRM_MS;
	o = acknowledge_flush(s, wait);
	return o == OUTCOME_LATER && !wait ? OUTCOME_DONE : o;
}

/* Handles a line or a block; *lines: the number of lines in a block. */
static enum outcome
handle_lines(struct stage *s, char *line, size_t len, size_t *lines)
{
	return s->handle_block != NULL
		   ? s->handle_block(s->ctx, line, len, lines)
		   : s->handle(s->ctx, line, len);
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
	if (left < 0 || !s->prompt || s->unconfirmed)
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
	int64_t asked;

	*again = false;
	if (left == 0 || (!sends && !s->unconfirmed))
		return read_line_or_block(s, line, len, left);
	status = read_line_or_block(s, line, len, 0);
	if (status != ENDPOINT_WAIT || stop_asked())
		return status;
	soon = sends && s->send(s->ctx);
	if ((!soon && !s->unconfirmed) || left <= SOON_MS)
		return read_line_or_block(s, line, len, left);
	asked = clock_mono_ms();
	status = read_line_or_block(s, line, len, SOON_MS);
	/* An input that returns earlier has a reason. */
	*again = status == ENDPOINT_WAIT && clock_mono_ms() - asked >= SOON_MS;
	return status;
}

/* Called after lines of the batch; returns the same as batch_wait_ms(). */
static int64_t
count_lines(struct stage *s, struct stage_batch *b, size_t lines)
{
	s->lines += lines;
	if (b->lines == 0)
		b->began = clock_mono_ms();
	b->lines += lines;
	return batch_wait_ms(s, b);
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
	} else if (s->unconfirmed) {
		/* Until then, the broker sends no more. */
		*o = acknowledge_flush(s, true);
	} else {
		/* These messages contain no lines. Without an acknowledgement
		 * the broker would send no more. */
		acknowledge_input(s, NULL);
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
			keep_links(s);
		status = read_more(s, &b, &line, &len, (int)left, &again);
		lines = 1;
		if (status == ENDPOINT_RECORD)
			*o = handle_lines(s, line, len, &lines);
		else if (status == ENDPOINT_TOOLONG)
			*o = refuse_unread(s);
		else if (go_on_without(s, &b, status, again, &left, o))
			continue;
		else
			return status;
		left = count_lines(s, &b, lines);
	}
	return ENDPOINT_RECORD;
}

/* Flush, dead letters, confirm, acknowledge: in this order, or not at all. The
 * last two steps run while the next batch is read. */
static enum outcome
complete_batch(struct stage *s, uint64_t lines)
{
	struct retry retry = RETRY_INIT(RETRY_BASE_MS, RETRY_CAP_MS, -1);
	enum outcome o = acknowledge_flush(s, true);

	if (o != OUTCOME_DONE)
		return o;
	/* Data that need no flush need not wait for this one. */
	if (s->send != NULL)
		(void)s->send(s->ctx);
	s->flush_ms = clock_mono_ms();
	do {
		o = s->flush(s->ctx);
	} while (o != OUTCOME_DONE && try_again(s, o, &retry));
	if (o != OUTCOME_DONE)
		return o;
	retry_reset(&retry);
	do {
		o = deadletter_flush(s->dead);
	} while (o != OUTCOME_DONE && try_again(s, o, &retry));
	if (o == OUTCOME_NEVER)
		s->code = s->dead->code;
	if (o != OUTCOME_DONE)
		return o;
	s->flushed = endpoint_mark(s->in);
	s->flush_lines = lines;
	s->unconfirmed = true;
	o = acknowledge_flush(s, false);
	return o == OUTCOME_LATER ? OUTCOME_DONE : o;
}

enum exit_code
stage_refusal(enum outcome o, enum exit_code code)
{
	if (o == OUTCOME_NEVER)
		return code;
	return stop_asked() ? PROG_OK : PROG_TEMPFAIL;
}

enum exit_code
stage_verdict(struct endpoint *in, const struct deadletter *dead,
    enum endpoint_status status)
{
	if (status == ENDPOINT_FAILED) {
		log_error("%s", endpoint_why(in));
		return endpoint_code(in);
	}
	if (status == ENDPOINT_CUT) {
		log_error("the input '%s' ends inside %s; send it again from "
			  "its source",
		    endpoint_name(in), endpoint_where(in));
		return PROG_DATA;
	}
	return deadletter_code(dead);
}

static bool
may_go_on(const struct stage *s, enum endpoint_status status)
{
	return (status == ENDPOINT_RECORD || status == ENDPOINT_WAIT) &&
	       !s->enough && !stop_asked();
}

enum exit_code
stage_run(struct stage *s)
{
	enum endpoint_status status;
	enum outcome o;
	uint64_t before;

	s->code = PROG_SOFTWARE;
	s->ended = s->unconfirmed = false;
	s->lines = 0;
	s->looked_ms = clock_mono_ms();
	notify_ready();
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
	o = acknowledge_flush(s, true);
	if (o != OUTCOME_DONE)
		return stage_refusal(o, s->code);
	s->ended = status == ENDPOINT_END || status == ENDPOINT_EMPTY;
	log_debug("stage_done", "input=%s lines=%" PRIu64, endpoint_name(s->in),
	    s->lines);
	return stage_verdict(s->in, s->dead, status);
}
