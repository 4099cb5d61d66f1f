/*
 * idempotency: see idempotency.h.
 */
#include "poller/intake/idempotency.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/containers/strmap.h"

/* A list in the order of arrival. */
struct known_request {
	struct known_request *next;
	struct idempotent what;
	bool outdated; /* the same key arrived again later */
	size_t len;
	char key[];
};

struct idempotency {
	pthread_mutex_t lock;
	struct strmap map; /* key -> struct known_request */
	struct known_request *oldest, **end;
	size_t max;
};

static enum idempotency_verdict
compare_request(const struct idempotent *known, struct idempotent *r)
{
	if (r->at - known->at >= IDEMPOTENCY_WINDOW_MS)
		return IDEMPOTENCY_NEW;
	if (known->sum != r->sum)
		return IDEMPOTENCY_OTHER;
	*r = *known;
	return IDEMPOTENCY_AGAIN;
}

static void
drop_oldest(struct idempotency *m)
{
	struct known_request *k = m->oldest;

	m->oldest = k->next;
	if (m->oldest == NULL)
		m->end = &m->oldest;
	if (!k->outdated)
		(void)strmap_delete(&m->map, k->key, k->len);
	free(k);
}

static void
drop_outdated(struct idempotency *m, int64_t now_ms)
{
	while (m->oldest != NULL &&
	       now_ms - m->oldest->what.at >= IDEMPOTENCY_WINDOW_MS)
		drop_oldest(m);
}

static void
remember_request(struct idempotency *m, const char *key, size_t len,
    const struct idempotent *r)
{
	struct known_request *k = xmalloc(sizeof *k + len), *old;
	void **slot = strmap_put(&m->map, key, len);

	old = *slot;
	if (old != NULL)
		old->outdated = true;
	*k = (struct known_request){ .what = *r, .len = len };
	memcpy(k->key, key, len);
	*slot = k;
	*m->end = k;
	m->end = &k->next;
}

/* The remembered data are followed by the key. */
static bool
load_key(void *ctx, const void *number, size_t number_len, const void *data,
    size_t len)
{
	struct idempotent what;

	(void)number;
	(void)number_len;
	memcpy(&what, data, sizeof what);
	remember_request(
	    ctx, (const char *)data + sizeof what, len - sizeof what, &what);
	return true;
}

struct idempotency *
idempotency_open(struct request_store *store, size_t max, struct buf *why)
{
	struct idempotency *m = xcalloc(1, sizeof *m);

	(void)pthread_mutex_init(&m->lock, NULL);
	m->end = &m->oldest;
	m->max = max;
	if (store == NULL || request_store_keys(store, load_key, m, why) == 0)
		return m;
	idempotency_close(m);
	return NULL;
}

void
idempotency_close(struct idempotency *m)
{
	struct known_request *k, *next;

	if (m == NULL)
		return;
	for (k = m->oldest; k != NULL; k = next) {
		next = k->next;
		free(k);
	}
	strmap_release(&m->map, NULL);
	(void)pthread_mutex_destroy(&m->lock);
	free(m);
}

static enum idempotency_verdict
check_request(
    struct idempotency *m, const char *key, size_t len, struct idempotent *r)
{
	enum idempotency_verdict v = IDEMPOTENCY_NEW;
	const struct known_request *k = strmap_get(&m->map, key, len);

	if (k != NULL)
		v = compare_request(&k->what, r);
	if (v != IDEMPOTENCY_NEW)
		return v;
	remember_request(m, key, len, r);
	while (m->map.live > m->max)
		drop_oldest(m);
	drop_outdated(m, r->at);
	return v;
}

void
idempotency_expire(struct idempotency *m, int64_t now_ms)
{
	(void)pthread_mutex_lock(&m->lock);
	drop_outdated(m, now_ms);
	(void)pthread_mutex_unlock(&m->lock);
}

enum idempotency_verdict
idempotency_first(struct idempotency *m, const char *tenant, const char *kind,
    const char *key, struct idempotent *r, struct buf *entry)
{
	struct buf id = BUF_INIT;
	enum idempotency_verdict v;

	buf_add(&id, tenant, strlen(tenant) + 1);
	buf_add(&id, kind, strlen(kind) + 1);
	buf_adds(&id, key);
	(void)pthread_mutex_lock(&m->lock);
	v = check_request(m, id.data, id.len, r);
	(void)pthread_mutex_unlock(&m->lock);
	buf_clear(entry);
	if (v != IDEMPOTENCY_OTHER) {
		buf_add(entry, r, sizeof *r);
		buf_add(entry, id.data, id.len);
	}
	buf_release(&id);
	return v;
}
