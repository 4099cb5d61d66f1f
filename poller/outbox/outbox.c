/*
 * outbox: opens and closes an outbox, and is called by those who use it; see
 * outbox.h.
 */
#include "poller/outbox/outbox_impl.h"

#include <stdlib.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/os/thread.h"

static void
init_locks(struct outbox *o)
{
	pthread_condattr_t monotonic;

	(void)pthread_mutex_init(&o->lock, NULL);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&o->publishing, &monotonic);
	(void)pthread_cond_init(&o->spooling, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
}

static void
release_outbox(struct outbox *o)
{
	endpoint_close(o->out);
	endpoint_close(o->dead);
	spool_close(o->opt.spool);
	dead_letter_files_close(o->opt.dead_letter_files);
	(void)pthread_mutex_destroy(&o->lock);
	(void)pthread_cond_destroy(&o->publishing);
	(void)pthread_cond_destroy(&o->spooling);
	buf_release(&o->batch);
	free(o);
}

struct outbox *
outbox_open(
    const struct outbox_options *opt, enum exit_code *code, struct buf *why)
{
	struct outbox *o = xcalloc(1, sizeof *o);
	enum outcome there = OUTCOME_NEVER;

	o->opt = *opt;
	outbox_queue_clear(&o->waiting);
	outbox_queue_clear(&o->sent);
	init_locks(o);
	o->out = outbox_endpoint(o, opt->to, code, why);
	if (o->out != NULL) {
		there = endpoint_connect(o->out);
		if (there == OUTCOME_NEVER) {
			*code = endpoint_code(o->out);
			buf_setf(why, "%s", endpoint_why(o->out));
		}
	}
	if (there == OUTCOME_NEVER) {
		release_outbox(o);
		return NULL;
	}
	o->confirms = there == OUTCOME_DONE;
	if (opt->spool != NULL)
		o->kept = spool_lines(opt->spool);
	o->state = OUTBOX_DIRECT;
	if (there != OUTCOME_DONE ||
	    (opt->spool != NULL && !spool_is_empty(opt->spool)))
		outbox_step(o, OUTBOX_OUTAGE);
	thread_must_start(&o->publisher, "publish", outbox_publish, o);
	thread_must_start(&o->spool_writer, "spool", outbox_spool_writer, o);
	return o;
}

void
outbox_put(struct outbox *o, struct pending_request *p)
{
	if (p->dead->len > 0 && outbox_has_no_broker(o) &&
	    o->opt.dead_letter_files == NULL) {
		/* Its record and its reason may not stand in a log. */
		log_warn("a dead letter cannot be kept without --state DIR, so "
			 "its sender is told to send it again");
		p->done(p, false);
		return;
	}
	(void)pthread_mutex_lock(&o->lock);
	outbox_queue_add(&o->waiting, p);
	(void)pthread_cond_signal(
	    o->state == OUTBOX_DIRECT ? &o->publishing : &o->spooling);
	(void)pthread_mutex_unlock(&o->lock);
}

bool
outbox_has_ended(struct outbox *o, enum exit_code *code)
{
	bool ended;

	(void)pthread_mutex_lock(&o->lock);
	ended = o->state == OUTBOX_ENDED;
	*code = o->code;
	(void)pthread_mutex_unlock(&o->lock);
	return ended;
}

void
outbox_look(struct outbox *o, struct outbox_view *view)
{
	struct spool *b = o->opt.spool;
	uint64_t bytes = b != NULL ? spool_bytes(b) : 0;
	bool ended;

	(void)pthread_mutex_lock(&o->lock);
	ended = o->state == OUTBOX_ENDED;
	/* It keeps again once it has become smaller than at its refusal. */
	*view = (struct outbox_view){
		.confirms = o->confirms && !ended,
		.keeps = b != NULL && !ended &&
			 (o->refused_size == 0 || bytes + 1 < o->refused_size),
		.waiting = o->kept + outbox_queue_lines(&o->waiting) +
			   outbox_queue_lines(&o->sent),
	};
	(void)pthread_mutex_unlock(&o->lock);
}

void
outbox_close(struct outbox *o)
{
	if (o == NULL)
		return;
	(void)pthread_mutex_lock(&o->lock);
	o->closing = true;
	(void)pthread_cond_broadcast(&o->publishing);
	(void)pthread_cond_broadcast(&o->spooling);
	(void)pthread_mutex_unlock(&o->lock);
	(void)pthread_join(o->publisher, NULL);
	(void)pthread_join(o->spool_writer, NULL);
	release_outbox(o);
}
