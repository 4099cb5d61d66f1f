/*
 * eventcounter_counts: see eventcounter_counts.h. The reader and a counting
 * thread have a buffer each: the reader fills one while the thread counts the
 * other, and hand_over() swaps them when the thread is idle. `busy` says that
 * the thread owns its buffer and the counts; the lock orders the accesses.
 */
#include "aggregator/eventcounter/eventcounter_counts.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/os/thread.h"

/* A batch of so many bytes is worth waking a thread for. */
#define PIECE_BYTES ((size_t)16 * 1024)

const char *const event_type_names[EVENT_TYPES] = {
	[EVENT_CREATED] = "created",
	[EVENT_UPDATED] = "updated",
	[EVENT_DELETED] = "deleted",
};

static struct user_count *
find_count(struct type_counts *t, const char *user, size_t len)
{
	void **value = strmap_put(&t->users, user, len);
	struct user_count *c = *value;

	if (c == NULL) {
		*value = c = xcalloc(1, sizeof *c);
		/* The map allocates each key; its address stays the same. */
		c->user = t->users.entries[t->users.n - 1].key;
		c->user_len = len;
	}
	return c;
}

static void
count_event(struct type_counts *t, const char *user, size_t len)
{
	struct user_count *c = find_count(t, user, len);

	c->n++;
	if (c->changed)
		return;
	c->changed = true;
	XGROW(t->changed, t->changed_n, t->changed_cap);
	t->changed[t->changed_n++] = c;
}

static void
count_all(struct type_counts *t)
{
	const char *p = t->work.data, *end = p + t->work.len;
	unsigned char len;

	for (; p < end; p += len) {
		len = (unsigned char)*p++;
		count_event(t, p, len);
	}
	buf_clear(&t->work);
}

static void *
run_counting_thread(void *ctx)
{
	struct type_counts *t = ctx;

	(void)pthread_mutex_lock(&t->lock);
	for (;;) {
		while (!t->busy && !t->stop)
			(void)pthread_cond_wait(&t->turn, &t->lock);
		if (t->stop)
			break;
		(void)pthread_mutex_unlock(&t->lock);
		count_all(t);
		(void)pthread_mutex_lock(&t->lock);
		t->busy = false;
		(void)pthread_cond_signal(&t->turn);
	}
	(void)pthread_mutex_unlock(&t->lock);
	return NULL;
}

/* Waits until the thread is idle; returns with its lock held. */
static void
lock_when_idle(struct type_counts *t)
{
	(void)pthread_mutex_lock(&t->lock);
	while (t->busy)
		(void)pthread_cond_wait(&t->turn, &t->lock);
}

static void
hand_over(struct type_counts *t)
{
	struct buf empty;

	if (t->gathered.len == 0)
		return;
	lock_when_idle(t);
	empty = t->work;
	t->work = t->gathered;
	t->gathered = empty;
	t->busy = true;
	(void)pthread_cond_signal(&t->turn);
	(void)pthread_mutex_unlock(&t->lock);
}

static void
end_thread(struct type_counts *t)
{
	lock_when_idle(t);
	t->stop = true;
	(void)pthread_cond_signal(&t->turn);
	(void)pthread_mutex_unlock(&t->lock);
	(void)pthread_join(t->thread, NULL);
	(void)pthread_cond_destroy(&t->turn);
	(void)pthread_mutex_destroy(&t->lock);
}

enum exit_code
event_counts_open(struct event_counts *p, struct buf *why)
{
	enum exit_code code = PROG_OK;
	struct type_counts *t;
	size_t i;

	memset(p, 0, sizeof *p);
	for (i = 0; i < EVENT_TYPES && code == PROG_OK; i++) {
		t = &p->by_type[i];
		(void)pthread_mutex_init(&t->lock, NULL);
		(void)pthread_cond_init(&t->turn, NULL);
		code = thread_start(&t->thread, event_type_names[i],
		    run_counting_thread, t, why);
	}
	if (code != PROG_OK)
		for (i--; i-- > 0;)
			end_thread(&p->by_type[i]);
	return code;
}

void
event_counts_close(struct event_counts *p)
{
	struct type_counts *t;
	size_t i;

	for (i = 0; i < EVENT_TYPES; i++) {
		t = &p->by_type[i];
		end_thread(t);
		strmap_release(&t->users, free);
		free(t->changed);
		buf_release(&t->gathered);
		buf_release(&t->work);
	}
}

void
event_counts_add(
    struct event_counts *p, enum event_type type, const char *user, size_t len)
{
	struct type_counts *t = &p->by_type[type];

	buf_addc(&t->gathered, (char)(unsigned char)len);
	buf_add(&t->gathered, user, len);
	if (t->gathered.len >= PIECE_BYTES)
		hand_over(t);
}

void
event_counts_restore(struct event_counts *p, enum event_type type,
    const char *user, size_t len, int64_t n)
{
	find_count(&p->by_type[type], user, len)->n = n;
}

void
event_counts_wait(struct event_counts *p)
{
	size_t i;

	for (i = 0; i < EVENT_TYPES; i++)
		hand_over(&p->by_type[i]);
	for (i = 0; i < EVENT_TYPES; i++) {
		lock_when_idle(&p->by_type[i]);
		(void)pthread_mutex_unlock(&p->by_type[i].lock);
	}
}

void
event_counts_clear_changed(struct event_counts *p)
{
	struct type_counts *t;
	size_t i;

	for (i = 0; i < EVENT_TYPES; i++) {
		t = &p->by_type[i];
		while (t->changed_n > 0)
			t->changed[--t->changed_n]->changed = false;
	}
}
