/*
 * outbox_queue: the queues of an outbox's requests, and its state: what the
 * publisher and the spool writer share; see outbox_impl.h.
 */
#include "poller/outbox/outbox_impl.h"

#include "common/os/notify.h"
#include "common/os/thread.h"

void
outbox_queue_clear(struct outbox_queue *q)
{
	q->first = NULL;
	q->last = &q->first;
}

void
outbox_queue_add(struct outbox_queue *q, struct pending_request *p)
{
	p->next = NULL;
	*q->last = p;
	q->last = &p->next;
}

void
outbox_queue_move(struct outbox_queue *to, struct outbox_queue *from)
{
	if (from->first == NULL)
		return;
	*to->last = from->first;
	to->last = from->last;
	outbox_queue_clear(from);
}

void
outbox_queue_answer(struct outbox_queue *q, bool safe)
{
	struct pending_request *p, *next;

	for (p = q->first; p != NULL; p = next) {
		next = p->next;
		p->done(p, safe);
	}
	outbox_queue_clear(q);
}

void
outbox_wait(struct outbox *o, pthread_cond_t *c, int64_t ms)
{
	struct timespec end = thread_deadline(ms);

	notify_alive();
	(void)pthread_cond_timedwait(c, &o->lock, &end);
}

uint64_t
outbox_queue_lines(const struct outbox_queue *q)
{
	const struct pending_request *p;
	uint64_t n = 0;

	for (p = q->first; p != NULL; p = p->next)
		n += p->n;
	return n;
}

void
outbox_step(struct outbox *o, enum outbox_event e)
{
	enum outbox_state next = outbox_next(o->state, e);

	if (next == OUTBOX_STATES)
		prog_die(PROG_SOFTWARE,
		    "the outbox cannot go on: event %d in state %d; this is a "
		    "mistake in the program",
		    (int)e, (int)o->state);
	o->state = next;
}

void
outbox_confirms(struct outbox *o, bool confirms)
{
	(void)pthread_mutex_lock(&o->lock);
	o->confirms = confirms;
	(void)pthread_mutex_unlock(&o->lock);
}
