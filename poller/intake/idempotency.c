/*
 * idempotency: see idempotency.h.
 */
#include "poller/intake/idempotency.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/containers/strmap.h"

/* If more bytes of keys than this wait because the store accepts none, new keys
 * are refused. */
#define UNSAVED_MAX ((size_t)16 * 1024 * 1024)

/* A list in the order of arrival. */
struct known_request {
	struct known_request *next;
	struct idempotent what;
	uint64_t number; /* its number in the store */
	bool outdated;   /* the same key arrived again later */
	size_t len;
	char key[];
};

/* New keys for the store, each after the length of its entry. */
struct unsaved {
	struct buf entries;
	uint64_t dropped; /* keys up to this number have been forgotten */
};

struct idempotency {
	pthread_mutex_t lock;
	bool stores;
	struct strmap map; /* key -> struct known_request */
	struct known_request *oldest, **end;
	size_t max;
	uint64_t next; /* number of the next key */
	struct unsaved unsaved;
	struct buf saving; /* entries in the open transaction */
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
	m->unsaved.dropped = k->number;
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
	*k = (struct known_request){
		.what = *r, .number = m->next++, .len = len
	};
	memcpy(k->key, key, len);
	*slot = k;
	*m->end = k;
	m->end = &k->next;
}

/* A request_store_fn. An entry has the remembered data, followed by the key. */
static void
load_key(void *ctx, uint64_t number, const void *data, size_t len)
{
	struct idempotency *m = ctx;
	struct idempotent what;

	if (len < sizeof what)
		return; /* cannot happen, because its checksum is right */
	memcpy(&what, data, sizeof what);
	m->next = number;
	remember_request(
	    m, (const char *)data + sizeof what, len - sizeof what, &what);
}

static void
add_unsaved(struct buf *entries, const char *key, size_t len,
    const struct idempotent *r)
{
	size_t entry = sizeof *r + len;

	buf_add(entries, &entry, sizeof entry);
	buf_add(entries, r, sizeof *r);
	buf_add(entries, key, len);
}

struct idempotency *
idempotency_open(struct request_store *store, size_t max, struct buf *why)
{
	struct idempotency *m = xcalloc(1, sizeof *m);

	(void)pthread_mutex_init(&m->lock, NULL);
	m->end = &m->oldest;
	m->max = max;
	m->next = 1;
	m->stores = store != NULL;
	if (!m->stores)
		return m;
	if (request_store_each(store, REQUEST_KEYS, load_key, m, why) == 0) {
		m->next = request_store_end(store, REQUEST_KEYS);
		return m;
	}
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
	buf_release(&m->unsaved.entries);
	buf_release(&m->saving);
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
	if (m->unsaved.entries.len + m->saving.len > UNSAVED_MAX)
		return IDEMPOTENCY_FAILED;
	if (m->stores)
		add_unsaved(&m->unsaved.entries, key, len, r);
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
    const char *key, struct idempotent *r)
{
	struct buf id = BUF_INIT;
	enum idempotency_verdict v;

	buf_add(&id, tenant, strlen(tenant) + 1);
	buf_add(&id, kind, strlen(kind) + 1);
	buf_adds(&id, key);
	(void)pthread_mutex_lock(&m->lock);
	v = check_request(m, id.data, id.len, r);
	(void)pthread_mutex_unlock(&m->lock);
	buf_release(&id);
	return v;
}

void
idempotency_save(struct idempotency *m, struct request_store *store)
{
	const char *p, *end;
	uint64_t dropped;
	size_t len;

	(void)pthread_mutex_lock(&m->lock);
	buf_add(&m->saving, m->unsaved.entries.data, m->unsaved.entries.len);
	buf_clear(&m->unsaved.entries);
	dropped = m->unsaved.dropped;
	(void)pthread_mutex_unlock(&m->lock);
	end = buf_str(&m->saving) + m->saving.len;
	for (p = buf_str(&m->saving); p < end; p += len) {
		memcpy(&len, p, sizeof len);
		p += sizeof len;
		(void)request_store_add(store, REQUEST_KEYS, p, len);
	}
	request_store_drop(store, REQUEST_KEYS, dropped);
}

void
idempotency_saved(struct idempotency *m, bool done)
{
	if (!done)
		return;
	(void)pthread_mutex_lock(&m->lock);
	buf_clear(&m->saving);
	(void)pthread_mutex_unlock(&m->lock);
}
