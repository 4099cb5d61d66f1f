/*
 * endpoint_amqp: the shared part of both ends of "queue:NAME"; see
 * endpoint_amqp.h.
 */
#include "common/endpoint/endpoint_amqp.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/conf/conf.h"
#include "common/os/stop.h"

#define RETRY_BASE_MS 100
#define RETRY_CAP_MS 5000
/* Back-off restarts after a link that lasted this long. */
#define STABLE_MS 5000

/* How long a deleted queue is not created again: a reader whose channel has not
 * heard of the deletion keeps the message numbers of the old queue, and would
 * skip messages of a new one forever. */
#define GONE_MS 2000

/* How long a new reader waits for the consumer of a dead one to disappear, and
 * how often it checks. */
#define PREDECESSOR_MS 2000
#define PREDECESSOR_LOOK_MS 20

int
endpoint_amqp_init(struct amqp_endpoint *a, const char *queue, bool writing,
    const struct endpoint_options *opt, struct buf *why, enum exit_code *code)
{
	char *client;
	int status;

	client = xasprintf("%s %s", writing ? "writes" : "reads", queue);
	status = amqp_link_init(&a->link, opt->conf, client, why, code);
	free(client);
	if (status != 0)
		return -1;
	a->queue = xstrdup(queue);
	/* Opening connects, which may need the name for messages. */
	a->base.name = xasprintf("queue:%s", queue);
	a->exchange = opt->exchange;
	a->binding = opt->binding;
	a->wait_forever = opt->wait_forever;
	a->timeout_ms = conf_int(opt->conf, "amqp", "wait_timeout");
	a->present = !writing && opt->present;
	a->sole = !writing && opt->sole;
	a->waiting = opt->waiting;
	a->waiting_ctx = opt->waiting_ctx;
	a->lock = writing ? opt->lock : NULL;
	a->retry = (struct retry)RETRY_INIT(RETRY_BASE_MS, RETRY_CAP_MS, -1);
	return 0;
}

void
endpoint_amqp_release(struct amqp_endpoint *a)
{
	amqp_link_close(&a->link);
	amqp_link_release(&a->link);
	free(a->queue);
	a->queue = NULL;
}

/* A caller with a time-out still has half of that time to create the queue
 * again. */
static int64_t
gone_ms(const struct amqp_endpoint *a)
{
	int64_t half = a->timeout_ms / 2;

	return a->wait_forever || half > GONE_MS ? GONE_MS : half;
}

void
endpoint_amqp_lost(struct amqp_endpoint *a)
{
	int64_t now = clock_mono_ms(), pause;

	buf_setf(&a->base.why, "%s", buf_str(&a->link.why));
	a->base.code = a->link.code;
	/* Logs one line per outage; from cron none, unless it gives up. */
	if (a->outage_since_ms == 0 && a->wait_forever &&
	    a->link.outcome == OUTCOME_LATER)
		log_warn("%s; trying again", buf_str(&a->base.why));
	if (a->outage_since_ms == 0)
		a->outage_since_ms = now;
	if (a->up_since_ms != 0 && now - a->up_since_ms > STABLE_MS)
		retry_reset(&a->retry);
	a->up_since_ms = 0;
	pause = retry_next(&a->retry, -1);
	if (a->gone && pause < gone_ms(a))
		pause = gone_ms(a);
	a->gone = false;
	a->next_try_ms = now + pause;
}

void
endpoint_amqp_reached(struct amqp_endpoint *a)
{
	if (a->outage_since_ms != 0)
		log_info("reconnected", "endpoint=%s after_ms=%" PRId64,
		    a->base.name, clock_mono_ms() - a->outage_since_ms);
	a->outage_since_ms = 0;
}

void
endpoint_amqp_works(struct amqp_endpoint *a)
{
	endpoint_amqp_reached(a);
	retry_reset(&a->retry);
}

bool
endpoint_amqp_gives_up(const struct amqp_endpoint *a)
{
	return !a->wait_forever && a->outage_since_ms != 0 &&
	       clock_mono_ms() - a->outage_since_ms >= a->timeout_ms;
}

void
endpoint_amqp_gone(struct amqp_endpoint *a)
{
	a->gone = true;
	amqp_link_drop(&a->link, "the queue '%s' at %s was deleted or moved",
	    a->queue, a->link.title);
}

void
endpoint_amqp_uncounted(struct amqp_endpoint *a)
{
	amqp_link_drop(&a->link,
	    "the queue '%s' at %s does not report its messages and consumers; "
	    "if it is a stream, read a quorum or classic queue instead, else "
	    "see rabbitmq-queues quorum_status",
	    a->queue, a->link.title);
}

enum outcome
endpoint_amqp_look(struct amqp_endpoint *a, struct amqp_queue_load *load)
{
	bool there;
	enum outcome o = amqp_declare_count(&a->link, a->queue, load, &there);

	if (o != OUTCOME_DONE || there)
		return o;
	endpoint_amqp_gone(a);
	return OUTCOME_LATER;
}

/* Waits until the broker has requeued the messages that a dead reader had not
 * acknowledged. Otherwise later messages would be delivered first, for example
 * the lines of a snapshot before its begin marker.
 *
 * A quorum queue without a leader, as after a start of the broker, reports any
 * count, and still has the consumer of the dead reader. The probe is a consumer
 * that the leader must add, so the count is right afterwards; a count without
 * any reader is not valid.
 *
 * The consumer of a reader whose broker node died is counted until that node is
 * back, though its messages are requeued at once. */
static enum outcome
wait_for_predecessor(struct amqp_endpoint *a)
{
	int64_t end = clock_mono_ms() + PREDECESSOR_MS;
	struct amqp_queue_load load = { 0 };
	enum outcome o = amqp_declare_probe(&a->link, a->queue, true);

	while (o == OUTCOME_DONE) {
		o = endpoint_amqp_look(a, &load);
		if (o != OUTCOME_DONE || load.readers == 1)
			break;
		if (clock_mono_ms() >= end && load.readers == 0) {
			endpoint_amqp_uncounted(a);
			return OUTCOME_LATER;
		}
		if (clock_mono_ms() >= end) {
			log_warn("the queue '%s' at %s has %u other consumers; "
				 "if no node of the broker is down, stop them, "
				 "because they take messages away",
			    a->queue, a->link.title, load.readers - 1);
			break;
		}
		if (stop_sleep(PREDECESSOR_LOOK_MS))
			break;
	}
	return o;
}

enum outcome
endpoint_amqp_hold(struct amqp_endpoint *a)
{
	struct amqp_link *l = &a->link;
	char *lock = xasprintf("%s.reader", a->queue);
	bool taken;
	enum outcome o = amqp_declare_lock(l, lock, &taken);

	free(lock);
	a->held_ms = clock_mono_ms();
	if (o != OUTCOME_DONE || !taken)
		return o;
	amqp_link_drop(l, "another program reads the queue '%s' at %s%s",
	    a->queue, l->title,
	    a->wait_forever ? "" : "; try again when it has ended");
	return l->outcome;
}

static enum outcome
become_sole_reader(struct amqp_endpoint *a)
{
	enum outcome o = endpoint_amqp_hold(a);

	if (o == OUTCOME_DONE)
		o = wait_for_predecessor(a);
	if (o == OUTCOME_DONE)
		o = a->set_up(a);
	return o == OUTCOME_DONE ? amqp_declare_probe(&a->link, a->queue, false)
				 : o;
}

/* Only the first attempt gives up: a connection that was lost may still be
 * counted by the broker, and holds the lock until it is not. */
static enum outcome
take_lock(struct amqp_endpoint *a)
{
	struct amqp_link *l = &a->link;
	enum outcome o = amqp_declare_lock(l, a->lock, &a->locked_out);

	if (o == OUTCOME_DONE && a->locked_out) {
		amqp_link_drop(l, "another program holds the lock '%s' at %s",
		    a->lock, l->title);
		return l->outcome;
	}
	return o;
}

/* Creates the queue if it is missing, unless only its present content is
 * read. */
static enum outcome
find_queue(struct amqp_endpoint *a)
{
	struct amqp_link *l = &a->link;
	bool found;
	enum outcome o;

	if (!a->present)
		return amqp_declare_queue(l, a->queue, NULL);
	o = amqp_declare_count(l, a->queue, NULL, &found);
	if (o != OUTCOME_DONE || found)
		return o;
	amqp_link_drop(l, "there is no queue '%s' at %s", a->queue, l->title);
	amqp_link_set_never(l, PROG_NOINPUT);
	return l->outcome;
}

static enum outcome
connect_amqp(struct amqp_endpoint *a)
{
	enum outcome o = amqp_link_connect(&a->link);
	char *dead;

	if (o == OUTCOME_DONE && a->lock != NULL)
		o = take_lock(a);
	if (o == OUTCOME_DONE && a->exchange != NULL)
		o = amqp_declare_source(
		    &a->link, a->exchange, a->queue, a->binding);
	else if (o == OUTCOME_DONE)
		o = find_queue(a);
	/* A dead-letter queue needs no dead-letter queue itself, unless its
	 * reader finds bad records; then deadletter.c creates it. */
	if (o == OUTCOME_DONE && !amqp_is_dead_letter_queue(a->queue)) {
		dead = xasprintf("%s.dead", a->queue);
		o = amqp_declare_queue(&a->link, dead, NULL);
		free(dead);
	}
	if (o == OUTCOME_DONE)
		o = a->sole ? become_sole_reader(a) : a->set_up(a);
	return o;
}

enum outcome
endpoint_amqp_connect(struct amqp_endpoint *a, int wait_ms)
{
	int64_t left = a->next_try_ms - clock_mono_ms();
	enum outcome o;

	if (a->link.conn != NULL)
		return OUTCOME_DONE;
	if (left > 0)
		stop_sleep(left < wait_ms ? left : wait_ms);
	if (left > wait_ms || stop_asked())
		return OUTCOME_LATER;
	o = connect_amqp(a);
	if (o != OUTCOME_DONE) {
		endpoint_amqp_lost(a);
		return o;
	}
	a->up_since_ms = clock_mono_ms();
	log_debug("amqp_connected", "queue=%s", a->queue);
	return OUTCOME_DONE;
}

struct endpoint *
endpoint_amqp_first(
    struct amqp_endpoint *a, struct buf *why, enum exit_code *code)
{
	enum outcome o;

	do {
		o = endpoint_amqp_connect(a, AMQP_SLICE_MS);
		if (o == OUTCOME_LATER && a->waiting != NULL)
			a->waiting(a->waiting_ctx);
	} while (o == OUTCOME_LATER && !a->locked_out && !stop_asked() &&
		 !endpoint_amqp_gives_up(a));
	if (a->locked_out) {
		*code = PROG_OK;
		endpoint_close(&a->base);
		return NULL;
	}
	if (o == OUTCOME_LATER && stop_asked()) {
		buf_setf(&a->base.why,
		    "stopped by a signal before RabbitMQ at %s could be "
		    "reached",
		    a->link.title);
		a->base.code = PROG_OK;
	}
	if (o == OUTCOME_DONE)
		return &a->base;
	buf_setf(why, "%s", buf_str(&a->base.why));
	*code = a->base.code;
	endpoint_close(&a->base);
	return NULL;
}

bool
endpoint_amqp_op_is_up(const struct endpoint *e)
{
	return ((const struct amqp_endpoint *)(const void *)e)->link.conn !=
	       NULL;
}
