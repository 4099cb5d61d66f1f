/*
 * eventcounter: the read loop; see eventcounter.h.
 *
 *   read a message -> make an event record of it -> into the tenant's model
 *   when the batch is full or old enough: counter_commit()
 *       dead letters confirmed -> counts and ids committed -> rows confirmed
 *       -> acknowledge
 *
 * A crash before the commit loses nothing: all messages are delivered again.
 * After the commit, messages that come again are recognized by their ids, and
 * rows that may be missing are written at the next start. Dead letters may be
 * published twice.
 *
 * Without a state the commit is the writing of the files. It happens at the
 * end, or when more messages wait for it than a broker should hold. Messages
 * that were not acknowledged come again and are counted again, into files that
 * replace the old ones.
 */
#include "aggregator/eventcounter/eventcounter_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/conf/conf.h"
#include "common/os/notify.h"
#include "common/os/stop.h"

#include "aggregator/containers/dedup.h"
#include "aggregator/eventcounter/eventcounter_files.h"

#define BINDING "*.event.*"

/* With a state: one commit for so many messages, or when the first of them is
 * so old; each commit syncs the disk. PREFETCH lets the broker send the next
 * batch meanwhile. */
#define BATCH 20000
#define BATCH_MS 100
#define PREFETCH 40000

/* Without a state: a broker keeps unacknowledged messages in memory, and closes
 * the channel of a reader that leaves one unacknowledged for 30 minutes. */
#define HOLD 2000000
#define HOLD_MS (20 * MINUTE_MS)

/* How often the files are written while messages come. */
#define FILES_MS 10000
#define SLICE_MS 500

static enum outcome
refuse_now(struct counter *c)
{
	enum outcome o = deadletter_add(&c->dead, endpoint_where(c->in),
	    c->text.data, c->text.len, buf_str(&c->why));

	if (o == OUTCOME_NEVER)
		c->code = c->dead.code;
	return o;
}

/* c->why has the reason; body NULL: it was too long to be read. */
static enum outcome
dead_letter_message(struct counter *c, const char *body, size_t len)
{
	buf_release(&c->text);
	if (body != NULL)
		buf_add(&c->text, body, len);
	c->refused++;
	return counter_retry(c, refuse_now);
}

static enum outcome
take_event(struct counter *c, const char *body, size_t len)
{
	struct record r = { .type = RECORD_EVENT, .at = CLOCK_NONE };
	size_t key_len;
	const char *key = endpoint_routing_key(c->in, &key_len);

	if (event_parse(&r, &c->flat, key, key_len, body, len, &c->why) == -1)
		return dead_letter_message(c, body, len);
	/* Of records a later version of an event counts; these have none. */
	if (model_knows_event(&c->pipeline.model, r.id)) {
		c->duplicates++;
		return OUTCOME_DONE;
	}
	r.tenant = (struct text){ c->job->tenant, strlen(c->job->tenant) };
	r.user = counter_user(c, r.user);
	(void)pipeline_add(&c->pipeline, &r);
	c->counted++;
	return OUTCOME_DONE;
}

/* Without a state the broker holds all messages, up to HOLD or HOLD_MS. */
static bool
is_commit_due(struct counter *c)
{
	int64_t age = clock_mono_ms() - c->pending_since_ms;

	if (c->pending == 0)
		return false;
	if (c->state != NULL)
		return c->pending >= BATCH || age >= BATCH_MS;
	if (c->pending < HOLD && age < HOLD_MS)
		return false;
	if (!c->hold_reported)
		log_warn("no --state: if this run is killed, the counts are "
			 "lost; add --state DIR");
	c->hold_reported = true;
	return true;
}

/* No message was processed for idle_exit_ms. With a state a message is
 * processed when it is committed. */
static bool
is_quiet(const struct counter *c)
{
	return c->job->idle_exit_ms >= 0 &&
	       (c->state == NULL || c->pending == 0) &&
	       clock_mono_ms() - c->quiet_since_ms >= c->job->idle_exit_ms;
}

/* How long to wait for a message, in ms. quiet: of is_quiet(). */
static int
read_timeout_ms(const struct counter *c, bool quiet)
{
	int64_t now = clock_mono_ms(), left = SLICE_MS, until;

	if (c->state != NULL && c->pending > 0) {
		until = c->pending_since_ms + BATCH_MS - now;
		left = until < left ? until : left;
	}
	if (c->job->idle_exit_ms >= 0 && !quiet) {
		until = c->quiet_since_ms + c->job->idle_exit_ms - now;
		left = until < left ? until : left;
	}
	return left > 0 ? (int)left : 0;
}

static enum outcome
handle_delivery(struct counter *c, enum endpoint_status status,
    const char *body, size_t len)
{
	enum outcome o;

	if (c->pending++ == 0) {
		c->pending_since_ms = clock_mono_ms();
		counter_pass_time(c);
	}
	if (status == ENDPOINT_RECORD) {
		o = take_event(c, body, len);
	} else {
		buf_setf(&c->why, "%s", endpoint_refusal(c->in));
		o = dead_letter_message(c, NULL, 0);
	}
	c->quiet_since_ms = clock_mono_ms();
	return o;
}

/* No message came within the wait. */
static void
pump_endpoints(struct counter *c)
{
	deadletter_pump(&c->dead);
	if (c->out != NULL)
		endpoint_pump(c->out);
	/* No idle time counts while the broker is unreachable. */
	if (!endpoint_is_up(c->in))
		c->quiet_since_ms = clock_mono_ms();
}

/* Reads one message or waits for one. The idle time alone does not end the
 * run: the queue must be empty, too. */
static enum outcome
read_or_wait(struct counter *c, enum endpoint_status *status)
{
	enum outcome o = OUTCOME_DONE;
	bool quiet = is_quiet(c);
	char *body = NULL;
	size_t len = 0;

	endpoint_set_until_empty(c->in, c->job->until_empty || quiet);
	*status = endpoint_read(c->in, &body, &len, read_timeout_ms(c, quiet));
	if (*status == ENDPOINT_RECORD || *status == ENDPOINT_TOOLONG)
		o = handle_delivery(c, *status, body, len);
	else
		pump_endpoints(c);
	if (o == OUTCOME_DONE && is_commit_due(c)) {
		o = counter_commit(c);
		c->quiet_since_ms = clock_mono_ms();
	}
	/* The files hold committed counts only. */
	if (o == OUTCOME_DONE && c->state != NULL && c->pending == 0 &&
	    c->counted != c->files_counted &&
	    clock_mono_ms() - c->files_ms >= FILES_MS)
		o = counter_write_files(c);
	counter_tell(c);
	return o;
}

/* When the result is not DONE, c->code is the exit code; that of a run which
 * was asked to stop is PROG_OK, although not all was done. */
static enum outcome
count_until_end(struct counter *c)
{
	enum endpoint_status status = ENDPOINT_WAIT;
	enum outcome o = OUTCOME_DONE;

	c->quiet_since_ms = c->files_ms = clock_mono_ms();
	while (o == OUTCOME_DONE && !stop_asked() && status != ENDPOINT_EMPTY &&
	       status != ENDPOINT_FAILED &&
	       !(c->pending == 0 && counter_forget_look(c)))
		o = read_or_wait(c, &status);
	if (o != OUTCOME_DONE)
		return o;
	if (status == ENDPOINT_FAILED) {
		log_error("%s", endpoint_why(c->in));
		c->code = endpoint_code(c->in);
		return OUTCOME_NEVER;
	}
	o = counter_commit(c);
	if (o == OUTCOME_DONE && c->state != NULL)
		o = counter_write_files(c);
	if (o != OUTCOME_DONE)
		return o;
	log_info("events_counted",
	    "events=%" PRIu64 " duplicates=%" PRIu64 " dead_letters=%" PRIu64,
	    c->counted, c->duplicates, c->refused);
	return OUTCOME_DONE;
}

/* Without a state, too, identities are forgotten in time. */
static void
open_pipeline(struct counter *c, int64_t window_ms)
{
	const struct pipeline_setup setup = { .conf = c->job->conf,
		.definition = &definition_ours,
		.selection = &c->selection,
		.state = c->state,
		.window_ms = window_ms,
		.future = &c->future };
	struct model *m = &c->pipeline.model;

	metric_selection_add(&c->selection, "event_counts");
	pipeline_init(&c->pipeline, &setup,
	    (struct text){ c->job->tenant, strlen(c->job->tenant) }, true,
	    CLOCK_NONE, 0);
	m->incremental = true;
	m->event_pairs = 0; /* the files have all */
	counter_pass_time(c);
	/* The state keeps counts only, not since when: rows do not say it. */
	m->since = CLOCK_NONE;
}

static int
open_counter_state(struct counter *c)
{
	const struct eventcounter_job *job = c->job;
	const int64_t window = conf_int(job->conf, "aggregator", "window");
	const struct state_identity id = { .definition = "eventcounter",
		.window_ms = window,
		.span_ms = dedup_span_ms(window) };
	size_t limit = (size_t)conf_int(job->conf, "aggregator", "state_limit");

	if (job->state != NULL) {
		if (counter_forget_begin(c, &id, limit) != PROG_OK)
			return -1;
		c->state =
		    state_open(job->state, &id, limit, &c->code, &c->why);
		if (c->state == NULL)
			return -1;
	}
	open_pipeline(c, window);
	if (c->state == NULL)
		return 0;
	counter_restore(c);
	counter_restore_aliases(c);
	/* Commits nothing: reports whether all tables could be read. */
	c->code = state_commit(c->state, &c->why);
	return c->code == PROG_OK ? 0 : -1;
}

static int
open_files(struct counter *c)
{
	const char *dir = c->job->json_dir;

	if (dir == NULL || files_check(dir, &c->why) == 0)
		return 0;
	c->code = syserr_code(errno, PROG_CANTCREATE);
	return -1;
}

static int
open_endpoints(struct counter *c)
{
	const struct eventcounter_job *job = c->job;
	struct endpoint_options opt = { .conf = job->conf,
		.until_empty = job->until_empty,
		.wait_forever = c->wait_forever,
		.whole = true,
		.sole = true,
		.prefetch =
		    c->state != NULL ? PREFETCH : ENDPOINT_NO_PREFETCH_LIMIT,
		.exchange = job->exchange,
		.binding = BINDING };
	struct endpoint_options plain = { .conf = job->conf,
		.wait_forever = opt.wait_forever,
		.append = endpoint_is_queue(job->from) };

	c->in = endpoint_open_read(job->from, &opt, &c->why, &c->code);
	if (c->in == NULL)
		return -1;
	deadletter_open(&c->dead, c->in, &plain);
	if (job->to == NULL)
		return 0;
	c->out = endpoint_open_write(job->to, &plain, &c->why, &c->code);
	return c->out != NULL ? 0 : -1;
}

static enum exit_code
run_counter(struct counter *c)
{
	enum outcome o;

	if (c->wait_forever)
		c->metrics = daemon_metrics_open(
		    c->job->conf, endpoint_amqp_name(c->job->from), NULL, NULL);
	o = counter_write_old_rows(c);
	if (o == OUTCOME_DONE)
		o = count_until_end(c);
	if (o == OUTCOME_DONE)
		o = counter_clear_old_rows(c);
	daemon_metrics_close(c->metrics);
	return o == OUTCOME_DONE ? PROG_OK : c->code;
}

static void
close_counter(struct counter *c)
{
	endpoint_close(c->out);
	endpoint_close(c->in);
	if (c->in != NULL)
		deadletter_close(&c->dead);
	if (c->pipeline.model.private != NULL)
		pipeline_release(&c->pipeline);
	state_close(c->state);
	flat_release(&c->flat);
	strmap_release(&c->unread, NULL);
	strmap_release(&c->aliases, free);
	forget_orders_release(&c->orders);
	buf_release(&c->why);
	buf_release(&c->text);
}

static enum exit_code
connect_and_run(struct counter *c)
{
	enum exit_code code = counter_forget_end(c);

	if (code != PROG_OK)
		return code;
	if (open_endpoints(c) == 0)
		return run_counter(c);
	log_error("%s", buf_str(&c->why));
	return c->code;
}

/* One run; *again: it ended because of orders to forget somebody. */
static enum exit_code
run_once(const struct eventcounter_job *job, bool *again)
{
	struct counter c = { .job = job,
		.wait_forever = job->idle_exit_ms < 0 && !job->until_empty };
	enum exit_code code;

	if (open_counter_state(&c) == 0 && open_files(&c) == 0) {
		code = connect_and_run(&c);
	} else {
		log_error("%s", buf_str(&c.why));
		code = c.code;
	}
	*again = c.forgets;
	close_counter(&c);
	return code;
}

enum exit_code
eventcounter_run(const struct eventcounter_job *job)
{
	enum exit_code code;
	bool again;

	if (job->idle_exit_ms < 0 && !job->until_empty)
		daemon_init();
	do
		code = run_once(job, &again);
	while (code == PROG_OK && again && !stop_asked());
	return code;
}
