/*
 * eventcounter: the loop; see eventcounter.h.
 *
 *   read a message -> is it an event? -> is its id new? -> to its partition
 *   when there is enough, or it is old enough: settle
 *       dead letters confirmed -> counts and ids committed -> rows confirmed
 *       -> acknowledge
 *
 * What a crash costs at each point: before the commit, nothing has happened,
 * all comes again; after it, what comes again is known by its id; rows that
 * may not have been written are written again at the next start. Dead letters
 * may come twice.
 *
 * Without a state `settle` is the writing of the files, and comes at the end
 * only (or when more waits for it than a broker should hold): all that was
 * not acknowledged comes again and is counted again, into files that replace
 * the old ones.
 */
#include "aggregator/eventcounter/eventcounter_impl.h"

#include <errno.h>
#include <inttypes.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/stop.h"
#include "common/base/syserr.h"
#include "common/conf/conf.h"
#include "common/os/daemon.h"

#include "aggregator/eventcounter/eventcounter_files.h"

#define BINDING "*.event.*"

/* With a state: so many messages, or so old, are one commit; a commit is a
 * sync of the disk. The broker sends more meanwhile. */
#define BATCH 20000
#define BATCH_MS 100
#define PREFETCH 40000

/* Without: a broker keeps what is unacknowledged in memory, and ends readers
 * after half an hour. */
#define HOLD 2000000
#define HOLD_MS (INT64_C(20) * 60 * 1000)
#define NO_LIMIT 65536

/* How often the files follow while messages come. */
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

/* c->why says what is wrong with it; body NULL: it was passed over. */
static enum outcome
dead_letter_message(struct counter *c, const char *body, size_t len)
{
	buf_release(&c->text);
	if (body != NULL)
		buf_add(&c->text, body, len);
	c->refused++;
	return counter_insist(c, refuse_now);
}

static enum outcome
take_event(struct counter *c, const char *body, size_t len)
{
	struct event e;
	size_t key_len;
	const char *key = endpoint_routing_key(c->in, &key_len);

	if (event_parse(&e, &c->flat, key, key_len, body, len, &c->why) == -1)
		return dead_letter_message(c, body, len);
	if (!ids_add(&c->ids, e.id, e.id_len)) {
		c->duplicates++;
		return OUTCOME_DONE;
	}
	parts_add(&c->parts, e.type, e.user, e.user_len);
	c->counted++;
	return OUTCOME_DONE;
}

/* Without a state the broker holds all, up to a limit. */
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
	if (!c->told_hold)
		log_warn("a long run: what is counted from here on is lost if "
			 "it is killed; give --state DIR");
	c->told_hold = true;
	return true;
}

/* The last message was processed so long ago that the end is near. With a state
 * one is processed when it is settled. */
static bool
is_quiet(const struct counter *c)
{
	return c->job->idle_exit_ms >= 0 &&
	       (c->state == NULL || c->pending == 0) &&
	       clock_mono_ms() - c->quiet_since_ms >= c->job->idle_exit_ms;
}

/* How long to wait for a message. */
static int
read_timeout_ms(const struct counter *c)
{
	int64_t now = clock_mono_ms(), left = SLICE_MS, until;

	if (c->state != NULL && c->pending > 0) {
		until = c->pending_since_ms + BATCH_MS - now;
		left = until < left ? until : left;
	}
	if (c->job->idle_exit_ms >= 0 && !is_quiet(c)) {
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

	if (c->pending++ == 0)
		c->pending_since_ms = clock_mono_ms();
	if (status == ENDPOINT_RECORD) {
		o = take_event(c, body, len);
	} else {
		buf_setf(&c->why, "%s", endpoint_refusal(c->in));
		o = dead_letter_message(c, NULL, 0);
	}
	c->quiet_since_ms = clock_mono_ms();
	return o;
}

/* Nothing came for a while. */
static void
pump_endpoints(struct counter *c)
{
	deadletter_pump(&c->dead);
	if (c->out != NULL)
		endpoint_pump(c->out);
	/* Silence of a broker that is away says nothing. */
	if (!endpoint_is_up(c->in))
		c->quiet_since_ms = clock_mono_ms();
}

/* One message or one wait. A long silence alone does not end it: the queue must
 * be empty. */
static enum outcome
read_or_wait(struct counter *c, enum endpoint_status *status)
{
	enum outcome o = OUTCOME_DONE;
	char *body = NULL;
	size_t len = 0;

	endpoint_set_until_empty(c->in, c->job->until_empty || is_quiet(c));
	*status = endpoint_read(c->in, &body, &len, read_timeout_ms(c));
	if (*status == ENDPOINT_RECORD || *status == ENDPOINT_TOOLONG)
		o = handle_delivery(c, *status, body, len);
	else
		pump_endpoints(c);
	if (o == OUTCOME_DONE && is_commit_due(c)) {
		o = counter_settle(c);
		c->quiet_since_ms = clock_mono_ms();
	}
	/* What is not safe yet must not replace what was. */
	if (o == OUTCOME_DONE && c->state != NULL && c->pending == 0 &&
	    c->counted != c->files_counted &&
	    clock_mono_ms() - c->files_ms >= FILES_MS)
		o = counter_write_files(c);
	return o;
}

static enum exit_code
count_until_end(struct counter *c)
{
	enum endpoint_status status = ENDPOINT_WAIT;
	enum outcome o = OUTCOME_DONE;

	c->quiet_since_ms = c->files_ms = clock_mono_ms();
	while (o == OUTCOME_DONE && !stop_asked() && status != ENDPOINT_EMPTY &&
	       status != ENDPOINT_FAILED)
		o = read_or_wait(c, &status);
	if (o != OUTCOME_DONE)
		return c->code;
	if (status == ENDPOINT_FAILED) {
		log_error("%s", endpoint_why(c->in));
		return endpoint_code(c->in);
	}
	o = counter_settle(c);
	if (o == OUTCOME_DONE && c->state != NULL)
		o = counter_write_files(c);
	if (o != OUTCOME_DONE)
		return c->code;
	log_info("events_counted",
	    "events=%" PRIu64 " duplicates=%" PRIu64 " dead_letters=%" PRIu64,
	    c->counted, c->duplicates, c->refused);
	return PROG_OK;
}

static int
open_counter_state(struct counter *c)
{
	const struct eventcounter_job *job = c->job;
	const struct state_identity id = { .definition = "eventcounter",
		.window_ms = conf_int(job->conf, "aggregator", "window") };

	c->ids.window_ms = id.window_ms;
	if (job->state != NULL) {
		c->state = state_open(job->state, &id,
		    (size_t)conf_int(job->conf, "aggregator", "state_limit"),
		    &c->code, &c->why);
		if (c->state == NULL)
			return -1;
		counter_restore(c);
	}
	ids_open(&c->ids, c->state);
	/* Nothing is changed yet: says whether all could be read. */
	if (c->state == NULL)
		return 0;
	c->code = state_commit(c->state, &c->why);
	return c->code == PROG_OK ? 0 : -1;
}

static int
open_endpoints(struct counter *c)
{
	const struct eventcounter_job *job = c->job;
	struct endpoint_options opt = { .conf = job->conf,
		.until_empty = job->until_empty,
		.wait_forever = job->idle_exit_ms < 0 && !job->until_empty,
		.whole = true,
		.sole = true,
		.prefetch = c->state != NULL ? PREFETCH : NO_LIMIT,
		.exchange = job->exchange,
		.binding = BINDING };
	struct endpoint_options plain = { .conf = job->conf,
		.wait_forever = opt.wait_forever,
		.append = endpoint_is_queue(job->from) };

	if (job->json_dir != NULL && files_check(job->json_dir, &c->why) != 0) {
		c->code = syserr_code(errno, PROG_CANTCREATE);
		return -1;
	}
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
	enum exit_code code = PROG_SOFTWARE;

	if (counter_write_old_rows(c) != OUTCOME_DONE)
		return c->code;
	code = count_until_end(c);
	if (code == PROG_OK && counter_clear_old_rows(c) != OUTCOME_DONE)
		code = c->code;
	return code;
}

enum exit_code
eventcounter_run(const struct eventcounter_job *job)
{
	struct counter c = { .job = job };
	enum exit_code code;

	if (job->idle_exit_ms < 0 && !job->until_empty)
		daemon_init();
	code = parts_open(&c.parts, &c.why);
	if (code != PROG_OK) {
		log_error("%s", buf_str(&c.why));
		buf_release(&c.why);
		return code;
	}
	if (open_counter_state(&c) == 0 && open_endpoints(&c) == 0) {
		code = run_counter(&c);
	} else {
		log_error("%s", buf_str(&c.why));
		code = c.code;
	}
	endpoint_close(c.out);
	endpoint_close(c.in);
	if (c.in != NULL)
		deadletter_close(&c.dead);
	ids_release(&c.ids);
	state_close(c.state);
	parts_close(&c.parts);
	flat_release(&c.flat);
	buf_release(&c.why);
	buf_release(&c.text);
	return code;
}
