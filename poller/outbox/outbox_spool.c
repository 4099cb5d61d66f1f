/*
 * outbox_spool: the outbox's spool writer; see outbox.h. It writes requests
 * into the spool that are not confirmed within wait_timeout, or that come
 * during an outage of the broker; without a spool, or when it is full, it
 * refuses them.
 */
#include "poller/outbox/outbox_impl.h"

#include "common/base/clock.h"
#include "common/base/fault.h"
#include "common/base/log.h"

/* How often wait_timeout is checked. */
#define LOOK_MS 100
/* Between two lines of the log that say the same. */
#define LOG_MS 10000

/* At the first request, and then every LOG_MS. What is wrong with the spool is
 * told no later because others were kept in it before. */
static void
log_outage(struct outbox *o, const char *why)
{
	int64_t now = clock_mono_ms();
	int64_t *logged =
	    why != NULL ? &o->logged_spool_ms : &o->logged_outage_ms;

	if (*logged != 0 && now - *logged < LOG_MS)
		return;
	*logged = now;
	if (why != NULL)
		log_error("%s; requests get 503", why);
	else if (o->opt.spool != NULL)
		log_warn("'%s' does not confirm; what comes is kept in '%s'",
		    o->opt.to, spool_dir(o->opt.spool));
	else
		log_warn("'%s' does not confirm; requests get 503", o->opt.to);
}

/* lines: written to the spool; refused: some were not. */
static void
count_spooled(struct outbox *o, uint64_t lines, bool refused)
{
	struct spool *b = o->opt.spool;
	uint64_t size = b != NULL && refused ? spool_bytes(b) + 1 : 0;

	(void)pthread_mutex_lock(&o->lock);
	o->kept += lines;
	o->refused_size = size;
	(void)pthread_mutex_unlock(&o->lock);
}

/* Adds records and dead letters. -1: what was added of them does not count. */
static int
spool_request(
    struct outbox *o, const struct pending_request *p, struct buf *why)
{
	struct spool *b = o->opt.spool;
	int rc = 0;

	if (p->records->len > 0)
		rc = spool_add(b, p->records->data, p->records->len, why);
	if (rc == 0 && p->dead->len > 0)
		rc = spool_add(b, p->dead->data, p->dead->len, why);
	return rc;
}

/* Writes requests into the spool with one sync for all, answers them, and
 * empties the queue. */
static void
spool_all(struct outbox *o, struct outbox_queue *all)
{
	struct outbox_queue kept, lost;
	struct pending_request *p, *next;
	struct buf why = BUF_INIT;
	unsigned long long n = 0;
	uint64_t lines = 0;

	outbox_queue_clear(&kept);
	outbox_queue_clear(&lost);
	for (p = all->first; p != NULL; p = next) {
		next = p->next;
		if (o->opt.spool != NULL && spool_request(o, p, &why) == 0) {
			outbox_queue_add(&kept, p);
			lines += p->n;
			n++;
		} else {
			outbox_queue_add(&lost, p);
		}
	}
	outbox_queue_clear(all);
	if (kept.first != NULL && spool_sync(o->opt.spool, &why) != 0)
		outbox_queue_move(&lost, &kept);
	log_outage(o, why.len > 0 ? buf_str(&why) : NULL);
	count_spooled(o, kept.first != NULL ? lines : 0, lost.first != NULL);
	if (kept.first != NULL)
		(void)atomic_fetch_add_explicit(
		    &o->opt.counts->spooled, n, memory_order_relaxed);
	if (kept.first != NULL)
		FAULT_POINT("poller.request_stored");
	outbox_queue_answer(&kept, true);
	outbox_queue_answer(&lost, false);
	buf_release(&why);
}

/* True when there is work for the spool writer; the lock is held. */
static bool
spooling_is_due(struct outbox *o)
{
	int64_t now = clock_mono_ms(), most = o->opt.wait_timeout_ms;

	if (o->sent.first != NULL && now - o->sent_ms >= most) {
		if (o->state == OUTBOX_DIRECT)
			outbox_step(o, OUTBOX_OUTAGE);
		o->confirms = false;
	}
	if (o->state == OUTBOX_DIRECT)
		return false;
	if (o->state == OUTBOX_REJOINING && now - o->rejoining_ms >= most)
		outbox_step(o, OUTBOX_TIMED_OUT);
	return o->sent.first != NULL ||
	       (o->state != OUTBOX_REJOINING && o->waiting.first != NULL);
}

void *
outbox_spool_writer(void *ctx)
{
	struct outbox *o = ctx;
	struct outbox_queue all;

	outbox_queue_clear(&all);
	(void)pthread_mutex_lock(&o->lock);
	for (;;) {
		if (!spooling_is_due(o)) {
			if (o->state == OUTBOX_CLOSED)
				break;
			outbox_wait(o, &o->spooling, LOOK_MS);
			continue;
		}
		outbox_queue_move(&all, &o->sent);
		if (o->state != OUTBOX_REJOINING)
			outbox_queue_move(&all, &o->waiting);
		o->writes_spool = true;
		(void)pthread_mutex_unlock(&o->lock);
		spool_all(o, &all);
		(void)pthread_mutex_lock(&o->lock);
		o->writes_spool = false;
		(void)pthread_cond_signal(&o->publishing);
	}
	(void)pthread_mutex_unlock(&o->lock);
	return NULL;
}
