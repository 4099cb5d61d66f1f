/*
 * idempotency: see idempotency.h. Here: the lock around all, and what is kept
 * in memory.
 */
#include "poller/idempotency.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/strmap.h"
#include "common/xalloc.h"
#include "poller/idempotency_impl.h"

/* In order of their coming: the oldest goes first. */
struct kept {
	struct kept *next;
	struct idempotent what;
	size_t len;
	char key[];
};

struct idempotency {
	pthread_mutex_t lock;
	struct idempotency_store *store; /* NULL: in memory */
	struct strmap map;               /* to struct kept */
	struct kept *oldest, **end;
	size_t max;
};

enum idempotency_verdict
idempotency_compare(const struct idempotent *known, struct idempotent *r)
{
	if (r->at - known->at >= IDEMPOTENCY_WINDOW_MS)
		return IDEMPOTENCY_NEW;
	if (known->sum != r->sum)
		return IDEMPOTENCY_OTHER;
	*r = *known;
	return IDEMPOTENCY_AGAIN;
}

struct idempotency *
idempotency_open(
    const char *dir, size_t max, enum exit_code *code, struct buf *why)
{
	struct idempotency *m = xcalloc(1, sizeof *m);

	(void)pthread_mutex_init(&m->lock, NULL);
	m->end = &m->oldest;
	m->max = max < IDEMPOTENCY_IN_MEMORY ? max : IDEMPOTENCY_IN_MEMORY;
	if (dir == NULL)
		return m;
	m->store = idempotency_store_open(dir, max, code, why);
	if (m->store != NULL)
		return m;
	idempotency_close(m);
	return NULL;
}

static void
drop_oldest(struct idempotency *m)
{
	struct kept *k = m->oldest;

	m->oldest = k->next;
	if (m->oldest == NULL)
		m->end = &m->oldest;
	(void)strmap_delete(&m->map, k->key, k->len);
	free(k);
}

void
idempotency_close(struct idempotency *m)
{
	if (m == NULL)
		return;
	while (m->oldest != NULL)
		drop_oldest(m);
	strmap_release(&m->map, NULL);
	idempotency_store_close(m->store);
	(void)pthread_mutex_destroy(&m->lock);
	free(m);
}

static void
keep(struct idempotency *m, const char *key, size_t len,
    const struct idempotent *r)
{
	struct kept *k = xmalloc(sizeof *k + len);

	k->next = NULL;
	k->what = *r;
	k->len = len;
	memcpy(k->key, key, len);
	*m->end = k;
	m->end = &k->next;
	*strmap_put(&m->map, key, len) = k;
}

static enum idempotency_verdict
first_in_memory(
    struct idempotency *m, const char *key, size_t len, struct idempotent *r)
{
	enum idempotency_verdict v = IDEMPOTENCY_NEW;
	struct kept *k;

	while (m->oldest != NULL &&
	       (m->map.live > m->max ||
		   r->at - m->oldest->what.at >= IDEMPOTENCY_WINDOW_MS))
		drop_oldest(m);
	k = strmap_get(&m->map, key, len);
	if (k == NULL) {
		keep(m, key, len, r);
		return IDEMPOTENCY_NEW;
	}
	v = idempotency_compare(&k->what, r);
	if (v == IDEMPOTENCY_NEW) /* it keeps its place in the row */
		k->what = *r;
	return v;
}

enum idempotency_verdict
idempotency_first(struct idempotency *m, const char *tenant, const char *kind,
    const char *key, struct idempotent *r)
{
	struct buf id = BUF_INIT;
	enum idempotency_verdict v;

	buf_add(&id, tenant, strlen(tenant) + 1);
	buf_add(&id, kind, strlen(kind) + 1);
	buf_adds(&id, key);
	(void)pthread_mutex_lock(&m->lock);
	v = m->store != NULL
		? idempotency_store_first(m->store, id.data, id.len, r)
		: first_in_memory(m, id.data, id.len, r);
	(void)pthread_mutex_unlock(&m->lock);
	buf_release(&id);
	return v;
}
