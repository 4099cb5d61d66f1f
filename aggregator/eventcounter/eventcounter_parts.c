/*
 * eventcounter_parts: see eventcounter_parts.h. A partition's thread and the
 * reader share two buffers: one is filled while the other is counted, and
 * they change places when both are through. `busy` says whose turn it is; its
 * lock also orders what both see of the counts.
 */
#include "aggregator/eventcounter/eventcounter_parts.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/os/thread.h"

/* So much is worth waking a thread for. */
#define PIECE_BYTES ((size_t)16 * 1024)

const char *const event_type_names[EVENT_TYPES] = {
	[EVENT_CREATED] = "created",
	[EVENT_UPDATED] = "updated",
	[EVENT_DELETED] = "deleted",
};

static struct count *
find_count(struct shard *part, const char *user, size_t len)
{
	void **value = strmap_put(&part->counts, user, len);
	struct count *c = *value;

	if (c == NULL) {
		*value = c = xcalloc(1, sizeof *c);
		/* The map holds each key in memory of its own. */
		c->user = part->counts.entries[part->counts.n - 1].key;
		c->user_len = len;
	}
	return c;
}

static void
count_event(struct shard *part, const char *user, size_t len)
{
	struct count *c = find_count(part, user, len);

	c->n++;
	if (c->changed)
		return;
	c->changed = true;
	XGROW(part->changed, part->changed_n, part->changed_cap);
	part->changed[part->changed_n++] = c;
}

static void
count_all(struct shard *part)
{
	const char *p = part->work.data, *end = p + part->work.len;
	unsigned char len;

	for (; p < end; p += len) {
		len = (unsigned char)*p++;
		count_event(part, p, len);
	}
	buf_clear(&part->work);
}

static void *
run_counting_thread(void *ctx)
{
	struct shard *part = ctx;

	(void)pthread_mutex_lock(&part->lock);
	for (;;) {
		while (!part->busy && !part->leave)
			(void)pthread_cond_wait(&part->turn, &part->lock);
		if (part->leave)
			break;
		(void)pthread_mutex_unlock(&part->lock);
		count_all(part);
		(void)pthread_mutex_lock(&part->lock);
		part->busy = false;
		(void)pthread_cond_signal(&part->turn);
	}
	(void)pthread_mutex_unlock(&part->lock);
	return NULL;
}

/* Returns when the thread rests, with its lock held. */
static void
wait_for(struct shard *part)
{
	(void)pthread_mutex_lock(&part->lock);
	while (part->busy)
		(void)pthread_cond_wait(&part->turn, &part->lock);
}

static void
hand_over(struct shard *part)
{
	struct buf empty;

	if (part->gathered.len == 0)
		return;
	wait_for(part);
	empty = part->work;
	part->work = part->gathered;
	part->gathered = empty;
	part->busy = true;
	(void)pthread_cond_signal(&part->turn);
	(void)pthread_mutex_unlock(&part->lock);
}

static void
end_thread(struct shard *part)
{
	wait_for(part);
	part->leave = true;
	(void)pthread_cond_signal(&part->turn);
	(void)pthread_mutex_unlock(&part->lock);
	(void)pthread_join(part->thread, NULL);
	(void)pthread_cond_destroy(&part->turn);
	(void)pthread_mutex_destroy(&part->lock);
}

enum exit_code
parts_open(struct parts *p, struct buf *why)
{
	enum exit_code code = PROG_OK;
	struct shard *part;
	size_t i;

	memset(p, 0, sizeof *p);
	/* The maps draw their common seed with the first key. */
	(void)strmap_put(&p->part[0].counts, "", 0);
	strmap_release(&p->part[0].counts, NULL);
	for (i = 0; i < EVENT_TYPES && code == PROG_OK; i++) {
		part = &p->part[i];
		(void)pthread_mutex_init(&part->lock, NULL);
		(void)pthread_cond_init(&part->turn, NULL);
		code = thread_start(&part->thread, event_type_names[i],
		    run_counting_thread, part, why);
	}
	if (code != PROG_OK)
		for (i--; i-- > 0;)
			end_thread(&p->part[i]);
	return code;
}

void
parts_close(struct parts *p)
{
	struct shard *part;
	size_t i;

	for (i = 0; i < EVENT_TYPES; i++) {
		part = &p->part[i];
		end_thread(part);
		strmap_release(&part->counts, free);
		free(part->changed);
		buf_release(&part->gathered);
		buf_release(&part->work);
	}
}

void
parts_add(struct parts *p, enum event_type type, const char *user, size_t len)
{
	struct shard *part = &p->part[type];

	buf_addc(&part->gathered, (char)(unsigned char)len);
	buf_add(&part->gathered, user, len);
	if (part->gathered.len >= PIECE_BYTES)
		hand_over(part);
}

void
parts_restore(struct parts *p, enum event_type type, const char *user,
    size_t len, int64_t n)
{
	find_count(&p->part[type], user, len)->n = n;
}

void
parts_settle(struct parts *p)
{
	size_t i;

	for (i = 0; i < EVENT_TYPES; i++)
		hand_over(&p->part[i]);
	for (i = 0; i < EVENT_TYPES; i++) {
		wait_for(&p->part[i]);
		(void)pthread_mutex_unlock(&p->part[i].lock);
	}
}

void
parts_clear_changed(struct parts *p)
{
	struct shard *part;
	size_t i;

	for (i = 0; i < EVENT_TYPES; i++) {
		part = &p->part[i];
		while (part->changed_n > 0)
			part->changed[--part->changed_n]->changed = false;
	}
}
